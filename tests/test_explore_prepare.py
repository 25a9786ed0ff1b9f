"""From a drawing to 28 × 28 numbers: JavaScript does what `scan_to_digit` of chapter 8 does, in Chromium and in Node.

Two rounding matters are left out. Where a pixel has exactly a quarter of the ink, it depends on the last bit of the paper's
brightness whether it counts, and that differs between machines, so no ink here is four times a whole number away from its
paper (black on white, as on the pad, is 255). And where the centre of mass lies exactly in the middle between two pixels,
as in a symmetric picture, so does the place; no 3 or 7 does.
"""
import base64, json, shutil, subprocess, zlib
from itertools import product

import numpy as np, pytest, torch
from PIL import Image

from mnist_nb.cnn import find_ink, scan_to_digit
from mnist_nb.explore import bundled
from pictures import pictures as people_have
from strokes import STYLES, drawings, raster, scores

STEPS = 'crop', 'scale', 'centre'
ALL_ON = dict.fromkeys(STEPS, True)


def lit(picture: Image.Image, seed: int) -> Image.Image:
    "The picture as a photograph: light from one side, and grain."
    rng = np.random.default_rng(seed)
    width, height = picture.size
    down, across = np.mgrid[0:1:height*1j, 0:1:width*1j]
    light = 1 - 0.25*down - 0.3*(across if seed % 2 else 1 - across)
    return Image.fromarray((np.asarray(picture)*light[..., None] + rng.normal(0, 2, (height, width, 3))).clip(0, 255).astype(np.uint8))


LOOKS = {
    'black on white': lambda d: raster(d),
    'on a small canvas': lambda d: raster(d, (56, 56)),
    'on a large canvas': lambda d: raster(d, (561, 561), finer=2),
    'on a tall canvas': lambda d: raster(d, (199, 330)),
    'on a wide canvas': lambda d: raster(d, (420, 180)),
    'white on black': lambda d: raster(d, (240, 240), 'white', 'black'),
    'blue on cream': lambda d: raster(d, (300, 301), '#102a6b', '#f4f0e6'),
    'on transparent ground': lambda d: raster(d, (280, 280), (10, 10, 10, 255), (0, 0, 0, 0), 'RGBA'),
    'half-transparent ink': lambda d: raster(d, (256, 256), (40, 0, 90, 180), (0, 0, 0, 0), 'RGBA'),
    'in slanting light': lambda d: lit(raster(d, (320, 240), '#222840', '#f0ead8'), len(d.strokes)),
}


@pytest.fixture(scope='module')
def pictures() -> dict[str, Image.Image]:
    "Each scripted drawing in one of the looks, by name."
    all_of_them = drawings()
    assert len(all_of_them) >= 100 and np.gcd(len(LOOKS), len(all_of_them)//len(STYLES)) == 1  # so each look meets each shape
    looks = list(LOOKS.items())
    return {f'{d.shape}, {d.style}, {looks[i % len(looks)][0]}': looks[i % len(looks)][1](d) for i, d in enumerate(all_of_them)}


def packed(picture: Image.Image) -> dict[str, object]:
    "A picture's bytes, as a canvas has them, for JavaScript."
    rgba = picture.convert('RGBA')
    return dict(width=rgba.width, height=rgba.height, data=base64.b64encode(zlib.compress(rgba.tobytes(), 1)).decode())


IN_NODE = """
import { readFileSync } from 'node:fs'
import { inflateSync } from 'node:zlib'
const { pictures, how, code } = JSON.parse(readFileSync(0, 'utf8'))
const { prepare } = await import(code)
const unpacked = data => new Uint8ClampedArray(inflateSync(Buffer.from(data, 'base64')))
console.log(JSON.stringify(pictures.map(({ width, height, data }) => {
  const found = prepare({ width, height, data: unpacked(data) }, how)
  return found.refused ?? Array.from(found.pixels)
})))"""
IN_BROWSER = """async ([pictures, how]) => {
  const { prepare } = await import(new URL('prepare.js', location)), { inflate } = await import(new URL('unpack.js', location))
  const found = []
  for (const { width, height, data } of pictures) found.push(prepare({ width, height, data: new Uint8ClampedArray(await inflate(data)) }, how))
  const plain = ({ pixels, width, height }) => ({ pixels: Array.from(pixels), width, height })
  return found.map(one => one.refused ?? { pixels: Array.from(one.pixels), scaled: plain(one.steps.scaled), cropped: [one.steps.cropped.width, one.steps.cropped.height] })
}"""


@pytest.fixture
def page(site, look):
    "A page that can import the modules."
    return look(f'{site}/explore/index.html')


def in_browser(page, pictures, how=ALL_ON): return page.evaluate(IN_BROWSER, [[packed(p) for p in pictures], how])


def in_node(pictures, how=ALL_ON):
    code = 'data:text/javascript;base64,' + base64.b64encode(bundled('prepare.js').encode()).decode()
    given = json.dumps(dict(pictures=[packed(p) for p in pictures], how=how, code=code))
    run = subprocess.run(['node', '--input-type=module', '-e', IN_NODE], input=given, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def same(pixels, picture) -> float:
    "The largest difference to what Python makes of the picture."
    return (torch.tensor(pixels) - scan_to_digit(picture).flatten()).abs().max().item()


def test_as_python_does_in_chromium(page, pictures):
    for name, picture, found in zip(pictures, pictures.values(), in_browser(page, pictures.values())):
        assert same(found['pixels'], picture) <= 1e-5, name


@pytest.mark.skipif(not shutil.which('node'), reason='needs Node.js; the browser is tested in any case')
def test_as_python_does_in_node(pictures):
    some = dict(list(pictures.items())[::3])
    for name, picture, found in zip(some, some.values(), in_node(some.values())):
        assert same(found, picture) <= 1e-5, name


def outcome(picture) -> torch.Tensor | str:
    "What Python makes of a picture, or why it refuses it."
    try: return scan_to_digit(picture).flatten()
    except ValueError as e: return str(e)


def test_specks_edges_and_several_digits(page):
    "Pictures as people have them: the same digit is found, or the same is said."
    some = [p for p in people_have(1) if p.image.mode in ('L', 'RGB', 'RGBA') and p.image.width <= 600 and not p.image.getexif()]
    found, said = in_browser(page, [p.image for p in some]), [outcome(p.image) for p in some]
    assert len(some) > 60 and len({words for words in said if isinstance(words, str)}) == 3
    for picture, one, python in zip(some, found, said):
        if isinstance(python, str): assert one == python, picture.kind
        else: assert isinstance(one, dict) and (torch.tensor(one['pixels']) - python).abs().max() <= 1e-5, picture.kind


@pytest.mark.parametrize('ground', ['white', 'transparent'])
def test_drawn_on_a_canvas(page, ground):
    "What a canvas draws, with its own smooth edges."
    some = drawings()[::6]
    found = page.evaluate("""async ([drawings, ground]) => {
      const { prepare } = await import(new URL('prepare.js', location))
      return drawings.map(({ strokes, width }, n) => {
        const canvas = Object.assign(document.createElement('canvas'), { width: 280 + n, height: 300 - n }), pen = canvas.getContext('2d')
        pen.fillStyle = ground
        if (ground !== 'transparent') pen.fillRect(0, 0, 400, 400)
        Object.assign(pen, { lineCap: 'round', lineJoin: 'round', lineWidth: 280 * width })
        for (const [[x, y], ...rest] of strokes) {
          pen.beginPath()
          pen.moveTo(280 * x, 280 * y)
          for (const [x, y] of rest) pen.lineTo(280 * x, 280 * y)
          pen.stroke()
        }
        const picture = pen.getImageData(0, 0, canvas.width, canvas.height)
        let letters = ''
        for (const byte of picture.data) letters += String.fromCharCode(byte)
        return { size: [canvas.width, canvas.height], data: btoa(letters), pixels: Array.from(prepare(picture).pixels) }
      })
    }""", [[dict(strokes=d.strokes, width=d.width) for d in some], ground])
    for drawing, one in zip(some, found, strict=True):
        picture = Image.frombytes('RGBA', one['size'], base64.b64decode(one['data']))
        assert same(one['pixels'], picture) <= 1e-5, drawing


def test_refuses_what_python_refuses(page):
    "Pictures that are nearly of one colour, with just too little, and just enough, of another."
    spot = lambda grey, on: (picture := Image.new('L', (90, 90), on)).paste(grey, (30, 40, 45, 60)) or picture
    pictures = [Image.new('L', (280, 280), 'white'), Image.new('L', (280, 280), 'black'), Image.new('RGBA', (100, 50)),
                Image.linear_gradient('L').resize((300, 200)), spot(205, 255), spot(50, 0), spot(203, 255), spot(52, 0), spot(0, 255)]
    found = in_browser(page, pictures)
    assert [isinstance(one, str) for one in found] == [True]*6 + [False]*3  # the contrast must be at least 0.2, which is 51 of 255
    for picture, one in zip(pictures, found):
        if isinstance(one, str):
            with pytest.raises(ValueError, match='no digit found'): scan_to_digit(picture)
        else: scan_to_digit(picture)  # where such a spot lies, which is symmetric, is a matter of rounding


@pytest.mark.parametrize('size', [(280, 280), (240, 300), (28, 28)])
def test_each_step_can_be_switched_off(page, size):
    "As the comment in the module says."
    drawing = next(d for d in drawings() if (d.shape, d.style) == ('3, round', 'at the edge'))
    picture = raster(drawing, size)
    ink = find_ink(picture)
    whole = max(size)
    (top, bottom), (left, right) = (np.flatnonzero(ink.any(axis))[[0, -1]] + [0, 1] for axis in (1, 0))
    for on in product([True, False], repeat=3):
        how = dict(zip(STEPS, on))
        found, = in_browser(page, [picture], how)
        digit = torch.tensor(found['pixels']).view(28, 28)
        box = [right - left, bottom - top] if how['crop'] else list(size)
        assert found['cropped'] == box, how
        small = found['scaled']
        assert [small['width'], small['height']] == [round(n*20/max(box) if how['scale'] else n*28/whole) for n in box], how
        assert digit.max() == 1 and digit.sum() == pytest.approx(sum(small['pixels']), rel=1e-5), how
        rows, cols = digit.sum(1), digit.sum(0)
        middle = [(mass @ torch.arange(28.)/mass.sum()).item() + 0.5 for mass in (rows, cols)]
        if how['centre']: assert how['crop'] is False or max(abs(m - 14.5) for m in middle) <= 0.51, how
        elif how['crop']:
            shown = [np.flatnonzero(mass.numpy() > 0)[[0, -1]].mean() + 0.5 for mass in (rows, cols)]
            wanted = [14 + ((a + b)/2 - n/2)*28/whole for (a, b), n in zip([(top, bottom), (left, right)], size[::-1])]
            inside = [min(max(w, n/2), 28 - n/2) for w, n in zip(wanted, [small['height'], small['width']])]
            assert max(abs(a - b) for a, b in zip(shown, inside)) <= 1.01, how
    shrunk = np.asarray(Image.fromarray(ink).resize([round(n*28/whole) for n in size], Image.Resampling.BILINEAR))
    at = [(28 - n)//2 for n in shrunk.shape]
    alone, = in_browser(page, [picture], dict.fromkeys(STEPS, False))
    alone = np.array(alone['pixels']).reshape(28, 28)[at[0]:at[0]+shrunk.shape[0], at[1]:at[1]+shrunk.shape[1]]
    assert abs(alone - shrunk/shrunk.max()).max() <= 1e-5


def test_without_a_step_the_answers_go_wrong(page):
    "What the switches are for: models that compare pixel by pixel need every step; all of them need most of them."
    some = [d for d in drawings()[::2] if d.style in ('small', 'off centre', 'at the edge')]
    pictures, is_3 = [raster(d) for d in some], torch.tensor([d.label == 3 for d in some])
    def wrong(**off):
        found = in_browser(page, pictures, {**ALL_ON, **off})
        said = scores(torch.tensor([one['pixels'] for one in found]).view(-1, 28, 28))
        return {name: ((score > 0) != is_3).sum().item() for name, score in said.items()}
    right = wrong()
    for off in ('crop', 'scale', 'centre'):
        worse = wrong(**{off: False})
        assert sum(worse.values()) > sum(right.values()), off
    nothing = wrong(crop=False, scale=False, centre=False)
    assert all(wrong > len(some)/4 for wrong in nothing.values()), nothing
