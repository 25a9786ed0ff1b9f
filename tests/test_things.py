"The things to touch, as Python sees them: what they begin with, what they refuse, and what stands for them where nothing runs."
import io, json, re
from base64 import b64decode, b64encode

import pytest, torch
from PIL import Image
from traitlets import TraitError

from mnist_nb import explore
from mnist_nb.data import load_sample
from mnist_nb.explore import KERNELS, Bends, Curve, Kernel, Learn, Pad, Ravine, Weight, bundled, load_drawings, still
from mnist_nb.relu_net import simple_net


def test_a_module_carries_what_it_imports():
    "And so do those that it carries; nothing is left to be fetched."
    def carried(source):
        "All that a module carries, in it and in what it carries."
        for content in re.findall(r"from 'data:text/javascript;base64,([^']+)'", source):
            inner = b64decode(content).decode()
            yield inner
            yield from carried(inner)
    pad = bundled('pad.js')
    inside = list(carried(pad))
    assert len(inside) >= 3 and not any("from './" in source for source in (pad, *inside))
    with pytest.raises(FileNotFoundError): bundled('nowhere.js')


@pytest.mark.parametrize('thing, values', [
    (Curve(rate=1.05), dict(start=-1.5, rate=1.05, steps=10)), (Curve(2, steps=3), dict(start=2, rate=0.2, steps=3)),
    (Weight(row=0, seed=7), dict(row=0, column=13, change=0.6, seed=7)),
    (Ravine('map', scaled=True), dict(view='map', a=0.5, b=-10, c=60, scaled=True, rate=1e-5, steps=100)),
    (Learn(), dict(net='linear model', loss='mnist_loss', rate=1, batch=50, shuffled=True, start='zeros', seed=1, running=False, history=[])),
    (Learn('ReLU net', 'cross-entropy', batch=10), dict(net='ReLU net', loss='cross-entropy', rate=0.5, batch=10, shuffled=True, start='large', seed=1, running=False, history=[])),
    (Learn(rate=3, start='small'), dict(net='linear model', loss='mnist_loss', rate=3, batch=50, shuffled=True, start='small', seed=1, running=False, history=[])),
])
def test_values(thing, values): assert thing.values() == values


@pytest.mark.parametrize('make', [lambda: Curve(rate=1.3), lambda: Curve(start=-3.1), lambda: Ravine('globe'), lambda: Weight(row=28), lambda: Learn('forest'),
                                  lambda: Bends(bends=[0., 1.]), lambda: Pad(['linear model', 'oracle']), lambda: Pad(digit=27)])
def test_out_of_bounds(make):
    with pytest.raises(TraitError): make()


@pytest.mark.parametrize('units', [3, 4, 5])
def test_bends_connect_dots_on_the_curve(units):
    "`simple_net` of chapter 6, with their parameters, is the curve at the bends, and straight between."
    bends = Bends(units)
    net = lambda x: simple_net(x[:, None], *bends.parameters)[:, 0]
    dots = torch.linspace(-2, 2, units + 1)
    assert torch.allclose(net(dots), torch.sin(3*dots) + dots/2, atol=1e-5)
    middles = (dots[1:] + dots[:-1])/2
    assert torch.allclose(net(middles), (net(dots)[1:] + net(dots)[:-1])/2, atol=1e-5)
    elsewhere = Bends(3, bends=[-1., 0., 1.], slopes=[0., 0., 0.])
    assert elsewhere.parameters[1].tolist() == [1, 0, -1] and not elsewhere.parameters[2].any()


def test_kernel():
    assert Kernel('blur').kernel.sum().item() == pytest.approx(1) and Kernel('copy').kernel.tolist() == [[0, 0, 0], [0, 1, 0], [0, 0, 0]]
    assert Kernel(nine=[2.]*9).kernel.tolist() == [[2]*3]*3
    with pytest.raises(ValueError, match="expected one of upper edges, .*, copy, not 'edges'"): Kernel('edges')
    kernel = Kernel()
    kernel.kernel = [[1, 2, 3], [4, 5, 6], [7, 8, 99]]
    assert kernel.nine == [1, 2, 3, 4, 5, 6, 7, 8, 99]
    for wrong in (torch.ones(9), torch.full((3, 3), 99.5), torch.full((3, 3), torch.nan)):
        with pytest.raises(ValueError, match=r'a kernel \(3, 3\) with numbers from -99 to 99'): kernel.kernel = wrong
    assert kernel.nine[-1] == 99 and len(KERNELS) == 7


def test_what_is_on_the_pad():
    pad, image = Pad(['linear model'], digit=-1), load_sample('valid')[0][5]/255
    assert pad.drawing.shape == (28, 28) and not pad.drawing.any()
    pad.shift, pad.strokes = [1, 2], [{}]
    pad.drawing = image
    assert torch.allclose(pad.drawing, image) and (pad.shift, pad.strokes) == ([0, 0], []) and pad.image == pad.pixels
    for wrong in (image.flatten(), image*255, image - 0.1, torch.full((28, 28), torch.nan)):
        with pytest.raises(ValueError, match=r'an image \(28, 28\) with numbers from 0 to 1'): pad.drawing = wrong
    assert torch.allclose(pad.drawing, image)


def test_what_was_kept():
    images, labels = (part[[3, -3]] for part in load_sample('valid'))
    pad = Pad()
    assert [tuple(part.shape) for part in pad.kept_digits] == [(0, 28, 28), (0,)]
    pad.kept = [dict(pixels=image.flatten().tolist(), label=label) for image, label in zip(images, labels.tolist())]
    assert torch.equal(pad.kept_digits[0], images) and torch.equal(pad.kept_digits[1], labels)


@pytest.fixture
def shown(monkeypatch):
    "What stands for a thing: the content of its output by type, metadata, and the element for the website."
    displayed = []
    monkeypatch.setattr(explore, 'display', displayed.append)
    return lambda thing: (*thing._repr_mimebundle_(), displayed.pop().data)


def test_where_nothing_runs(shown):
    "The picture, in half of its dots, and an element that says what it shows; without a picture, the name."
    thing = Kernel('right edges', row=3)
    data, metadata, element = shown(thing)
    assert data == {'text/plain': 'kernel'} and metadata == {} and not still('kernel', thing.values()).exists()
    state = re.fullmatch(r'<div class="explore" data-thing="kernel" data-state="([^"]*)"></div>', element)[1]
    assert json.loads(state.replace('&quot;', '"')) == thing.values()
    thing = Curve()  # of which the book has a picture
    path = still('curve', thing.values())
    data, metadata, _ = shown(thing)
    assert data['image/png'] == b64encode(path.read_bytes()).decode()
    size = Image.open(io.BytesIO(path.read_bytes())).size
    assert metadata['image/png'] == dict(width=size[0]//2, height=size[1]//2)


def test_where_somebody_can_touch_it(monkeypatch):
    "In a kernel of Jupyter, it is a widget."
    monkeypatch.setattr(explore, '_live', lambda: True)
    assert 'application/vnd.jupyter.widget-view+json' in Curve()._repr_mimebundle_()[0]


ROW = ['3', *['0']*783, '255']
def line(*changes: tuple[int, str]) -> str:
    "A drawing with some of its values changed."
    row = ROW.copy()
    for place, text in changes: row[place] = text
    return ','.join(row)


@pytest.mark.parametrize('text, said', [
    ('', ' is empty: '), ('label,' + ','.join(f'pixel{i}' for i in range(784)), ' is empty: '), (b'\xff\xfe\x00', ' is not a text: '),
    (f'{line()},1', ', line 1 has 786 values, not 785'), ('3', ', line 1 has 1 value, not 785'), (f'{line()}\n{line()},9', ' is not such a table'),
    (f'{line()}\n{line((0, "4"))}', ", line 2 has the label '4'"), (f'{line()}\n\n{line((5, "256"))}', ", line 3 has '256' in column 6"),
    (line((9, '1.5')), ", line 1 has '1.5' in column 10"), (line((784, '-1')), ", line 1 has '-1' in column 785"),
    (f'{line()}\n{line((7, "ink"))}', ", line 2 has 'ink' in column 8"),
])
def test_other_files_are_refused(tmp_path, text, said):
    "The file, the line and the column are named, and what was expected."
    file = tmp_path/'mine.csv'
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError) as refused: load_drawings(file)
    assert str(refused.value).startswith(f'{file}{said}') and str(refused.value).endswith('784 whole numbers from 0 to 255, separated by commas')


@pytest.mark.parametrize('first', ['', '\ufeff', 'label,' + ','.join(f'pixel{i}' for i in range(784)) + '\n'])
def test_drawings(tmp_path, first):
    "With a line of names or without, and with the mark that some programs put at the beginning."
    (tmp_path/'mine.csv').write_text(f'{first}{line()}\n{line((0, "7"), (1, "17"))}\n', encoding='utf-8')
    images, labels = load_drawings(tmp_path/'mine.csv')
    assert images.shape == (2, 28, 28) and images.dtype == labels.dtype == torch.uint8 and labels.tolist() == [3, 7]
    assert images[:, 0, 0].tolist() == [0, 17] and images[:, -1, -1].tolist() == [255, 255] and images.sum(dtype=int) == 527
