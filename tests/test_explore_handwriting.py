"""Drawings as a second validation set: what the page saves as a table, Python reads and measures. And what all carried models
say of the scripted drawings."""
import torch

from make_models import carried, models
from mnist_nb.cnn import scan_to_digit
from mnist_nb.data import load_sample
from mnist_nb.explore import load_drawings
from mnist_nb.ladder import measure
from strokes import SHAPES, STYLES, drawings, raster, table

TO_CSV = """async drawings => {
  const { toCsv } = await import(new URL('handwriting.js', location))
  return toCsv(drawings.map(({ label, pixels }) => ({ label, pixels: Float32Array.from(pixels) })))
}"""


def test_from_the_page_to_python(site, look, tmp_path):
    page, file = look(f'{site}/explore/index.html'), tmp_path/'drawings.csv'
    some = drawings()[::10]
    digits, labels = torch.stack([scan_to_digit(raster(d)) for d in some]), torch.tensor([d.label for d in some])
    file.write_text(page.evaluate(TO_CSV, [dict(label=d.label, pixels=x.flatten().tolist()) for d, x in zip(some, digits)]))
    images, again = load_drawings(file)
    assert (images/255 - digits).abs().max() <= 0.5001/255 and torch.equal(again.long(), labels)
    first, *lines = file.read_text().splitlines()
    assert first.startswith('label,pixel0,pixel1,') and first.endswith(',pixel783') and len(lines) == len(some)
    for name, model in models(carried()).items():
        with torch.no_grad(): right = ((model(digits).flatten() > 0) == (labels == 3)).sum()
        assert measure(name, model, digits=(images, again)).accuracy*len(some) == right, name  # rounding to bytes changes no answer here


def test_bytes_come_back_as_they_were(site, look, tmp_path):
    page, file = look(f'{site}/explore/index.html'), tmp_path/'drawings.csv'
    images, labels = (part[::100] for part in load_sample('valid'))
    drawn = [dict(label=label, pixels=(image.flatten().float()/255).tolist()) for image, label in zip(images, labels.tolist())]
    file.write_text(page.evaluate(TO_CSV, drawn))
    for part, again in zip((images, labels), load_drawings(file)): assert torch.equal(part, again)
    assert page.evaluate(TO_CSV, []).count('\n') == 1


def test_what_the_models_say_of_scripted_drawings():
    "They read nearly all; what goes wrong is slanted, turned or narrow, and the first rungs get the most wrong."
    right = table()
    assert len(right) == len(SHAPES)*len(STYLES) >= 30 and len(right.columns) == 6
    assert all(0 < x < 1 and 0 < y < 1 for d in drawings() for stroke in d.strokes for x, y in stroke)
    wrong = (~right).sum()
    assert wrong.idxmax() == 'mean digits, L1' and 10 <= wrong.max() <= 25
    assert all(wrong[name] <= 4 for name in ('nearest neighbour', 'linear model', 'ReLU net', 'convolutional net'))
    by_style = right.groupby('style').mean()
    for style in ('as taught', 'thick', 'very thick', 'off centre', 'small', 'at the edge', 'wide'): assert (by_style.loc[style] == 1).all(), style
