"""Pictures of handwritten 3s and 7s as people have them, and some that are none: photographs, scans, screenshots, drawings.

`pictures()` gives them, by kind. The handwriting is that of validation images; paper, light, pen and file are computed, from a seed.
`python tests/pictures.py FOLDER` writes them into a folder, to be looked at.
"""
import io, sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

from mnist_nb.data import load_sample, load_mnist

WHITE, CREAM, BLACK, BLUE = (255, 255, 255), (244, 238, 222), (25, 25, 28), (24, 34, 110)
SIZE = 240, 300  # of most pictures: rows and columns


@dataclass
class Picture:
    "A picture, what kind it is, and the digit on it, if it is one."
    kind: str
    digit: int | None
    image: Image.Image


def pen(digit: np.ndarray, long: int, turn: float = 0, thick: int = 0) -> np.ndarray:
    "How much of each pixel is ink, from 0 to 1: an image of MNIST as a sharp stroke of the pen, turned, and thicker or thinner."
    rows, cols = (np.flatnonzero(digit.any(axis)) for axis in (1, 0))
    box = ImageOps.expand(Image.fromarray(digit[rows[0]:rows[-1]+1, cols[0]:cols[-1]+1]), 3)
    large = box.resize([n*16 for n in box.size], Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(5))
    large = large.point(lambda v: min(255, max(0, 6*(v - 85))))
    if thick: large = large.filter((ImageFilter.MaxFilter if thick > 0 else ImageFilter.MinFilter)(2*abs(thick) + 1))
    large = large.rotate(turn, Image.Resampling.BICUBIC, expand=True)
    large = large.crop(large.getbbox())
    return np.asarray(large.resize([max(1, round(n*long/max(large.size))) for n in large.size], Image.Resampling.BOX), float)/255


def write(cover: np.ndarray, at: tuple[float, float] = (0.5, 0.5), size: tuple[int, int] = SIZE) -> np.ndarray:
    "Ink on a sheet, (rows, columns), where `at` is from 0 to 1 from edge to edge."
    sheet = np.zeros(size)
    row, col = (round(a*(n - m)) for a, n, m in zip(at, size, cover.shape))
    sheet[row:row+cover.shape[0], col:col+cover.shape[1]] = cover
    return sheet


def paint(sheet: np.ndarray, ink=BLACK, paper=WHITE, light: np.ndarray | float = 1., noise: float = 0., seed: int = 0) -> Image.Image:
    "Ink on paper in some light, with the grain of paper and camera."
    seen = np.array(paper) + sheet[..., None]*(np.array(ink, float) - paper)
    seen = seen*np.asarray(light)[..., None] + np.random.default_rng(seed).normal(0, noise, (*sheet.shape, 3))
    return Image.fromarray(seen.clip(0, 255).round().astype(np.uint8))


def lamp(seed: int, strength: float = 0.3, size: tuple[int, int] = SIZE) -> np.ndarray:
    "Light from one side, a little weaker towards the corners."
    rows, cols = np.mgrid[-1:1:size[0]*1j, -1:1:size[1]*1j]
    turn = np.random.default_rng(seed).uniform(0, 2*np.pi)
    return 0.95 - strength/2*(1 + rows*np.sin(turn) + cols*np.cos(turn)) - 0.03*(rows**2 + cols**2)


def stored(image: Image.Image, form: str = 'JPEG', **how) -> Image.Image:
    "What comes back from a file."
    file = io.BytesIO()
    image.save(file, form, **how)
    return Image.open(file)


def drawn(image: Image.Image, draw) -> Image.Image:
    "The picture with something drawn on it."
    image = image.copy()
    draw(ImageDraw.Draw(image))
    return image


def lines(draw, step: int, colour: tuple, squares: bool = False, width: int = 1):
    "Lines from edge to edge, `step` pixels apart."
    wide, high = draw.im.size
    for y in range(step//2, high, step): draw.line((0, y, wide, y), colour, width)
    if squares:
        for x in range(step//2, wide, step): draw.line((x, 0, x, high), colour, width)


def beside(*covers: np.ndarray, gap: int = 20) -> np.ndarray:
    "Ink side by side, with a gap."
    high = max(len(cover) for cover in covers)
    padded = [np.pad(cover, ((0, high - len(cover)), (0, gap))) for cover in covers]
    return np.concatenate(padded, 1)[:, :-gap or None]


def shadow(at: float, dark: float, size: tuple[int, int] = SIZE) -> np.ndarray:
    "Light with the sharp shadow of something over part of the sheet."
    rows, cols = np.mgrid[0:1:size[0]*1j, 0:1:size[1]*1j]
    return np.where(cols + 0.3*rows > at*1.3, dark, 1.)


def one_digit(digit: np.ndarray, seed: int) -> Iterator[tuple[str, Image.Image]]:
    "Pictures of one digit, (28, 28), which should be read."
    rng = np.random.default_rng(seed)
    place = tuple(rng.uniform(0.1, 0.9, 2))
    plain = write(pen(digit, 150), place)
    clear = paint(plain)
    photo = paint(plain, BLUE, CREAM, lamp(seed), 4, seed)
    yield 'a scan', clear
    yield 'a photograph', stored(photo, quality=70)
    yield 'a photograph, poor JPEG', stored(photo, quality=20)
    yield 'a photograph in poor light', stored(paint(plain, BLACK, CREAM, 0.6*lamp(seed, 0.5), 6, seed), quality=50)
    yield 'a small digit on a large sheet', stored(paint(write(pen(digit, 90), place, (450, 600)), BLUE, CREAM, lamp(seed, 0.3, (450, 600)), 3, seed), quality=60)
    yield 'out of focus', photo.filter(ImageFilter.GaussianBlur(3))
    yield 'white on black', paint(plain, (230, 230, 235), (18, 18, 18))
    yield 'chalk on a blackboard', stored(paint(plain*rng.uniform(0.6, 1, SIZE), (225, 225, 215), (45, 60, 50), lamp(seed), 6, seed), quality=60)
    yield 'grey on grey', paint(plain, (120, 120, 120), (185, 185, 185), 1., 1.5, seed)
    yield 'pencil, faint', stored(paint(plain*rng.uniform(0.6, 1, SIZE), (110, 110, 115), CREAM, lamp(seed, 0.15), 3, seed), quality=80)
    alpha = Image.fromarray((255*plain).round().astype(np.uint8))
    for name, ink in ('dark', (20, 20, 30)), ('white', (255, 255, 255)):
        transparent = Image.new('RGBA', clear.size, (*ink, 0))
        transparent.putalpha(alpha)
        yield f'transparent, {name} ink', transparent
    yield 'grey with transparency', stored(Image.merge('LA', [alpha.point(lambda v: 0), alpha]), 'PNG')
    yield 'cropped tight', paint(pen(digit, 150))
    yield 'cropped tight, photograph', stored(paint(pen(digit, 150), BLUE, CREAM, lamp(seed, 0.2, pen(digit, 150).shape), 4, seed), quality=50)
    yield 'cropped tight, thick', paint(pen(digit, 150, thick=15))
    yield 'an image of MNIST', Image.fromarray(digit)
    yield 'an image of MNIST, black on white', ImageOps.invert(Image.fromarray(digit))
    yield 'thick', paint(write(pen(digit, 150, thick=15), place))
    yield 'thin', paint(write(pen(digit, 150, thick=-8), place))
    yield 'hairline', paint(write(pen(digit, 200, thick=-12), place), BLUE, CREAM, lamp(seed), 3, seed)
    for turn in -20, 20: yield f'tilted by {turn}', paint(write(pen(digit, 150, turn), place), BLUE, CREAM, lamp(seed), 3, seed)
    for name, step, squares in ('ruled', 40, False), ('squared', 20, True):
        for how, colour, width in ('faint', (215, 225, 240), 1), ('dark', (110, 120, 190), 2):
            paper = drawn(Image.new('RGB', clear.size, 'white'), lambda d: lines(d, step, colour, squares, width))
            yield f'{name} paper, {how} lines', stored(ImageChops.darker(paper, paint(plain, BLUE)), quality=70)
    for name, ink in ('red', (200, 30, 40)), ('green', (20, 140, 60)), ('light blue', (110, 170, 235)), ('yellow', (240, 220, 40)):
        yield f'{name} ink', stored(paint(plain, ink, CREAM, lamp(seed, 0.15), 2, seed), quality=85)
    yield 'red on green', paint(plain, (200, 40, 40), (40, 125, 40))
    yield 'huge', stored(paint(write(pen(digit, 900), place, (2000, 3000)), BLUE, CREAM, lamp(seed, 0.3, (2000, 3000))), quality=40)
    for long in 12, 17: yield f'tiny, {long} pixels', paint(write(pen(digit, long), (0.5, 0.5), (20, 20)))
    yield '16 bits', Image.fromarray(np.asarray(clear.convert('L')).astype(np.uint16)*257)
    yield 'palette', photo.quantize(16)
    yield '1 bit', clear.convert('1')
    yield '1 bit, dithered', photo.convert('1')
    yield 'an animation', stored(clear, 'GIF', save_all=True, append_images=[Image.new('RGB', clear.size, 'white')]*2)
    yield 'CMYK', stored(photo.convert('CMYK'), quality=80)
    for name, code, turn in ('left', 8, 3), ('upside down', 3, 2), ('right', 6, 1):
        held = Image.fromarray(np.rot90(np.asarray(photo), turn).copy())
        exif = Image.Exif()
        exif[274] = code
        yield f'a phone held {name}', stored(held, quality=80, exif=exif)
    yield 'a sharp shadow beside it', stored(paint(plain, BLUE, CREAM, shadow(0.93, 0.6), 3, seed), quality=70)
    yield 'a sharp shadow across', stored(paint(plain, BLUE, CREAM, shadow(0.5, 0.5), 3, seed), quality=70)
    yield 'a faint shadow across', stored(paint(plain, BLUE, CREAM, shadow(0.5, 0.85), 3, seed), quality=70)
    yield 'the edge of the table', drawn(photo, lambda d: d.polygon([(0, 0), (300, 0), (300, 12), (0, 30)], (90, 60, 35)))
    yield 'a corner of the table', drawn(photo, lambda d: d.polygon([(0, 300), (0, 190), (130, 300)], (90, 60, 35)))
    yield 'the table around the sheet', drawn(photo, lambda d: d.rectangle((0, 0, 299, 239), outline=(90, 60, 35), width=7))
    yield 'a thumb', drawn(photo, lambda d: d.ellipse((250, 200, 340, 290), (205, 150, 120)))
    spots = [tuple(rng.integers(0, n) for n in clear.size) for _ in range(9)]
    yield 'a dark speck', drawn(paint(plain, (90, 90, 100)), lambda d: d.point(spots[:1], 'black'))
    yield 'a grey speck', drawn(clear, lambda d: d.point(spots[:1], (170, 170, 170)))
    yield 'specks', drawn(paint(plain, BLUE, CREAM, lamp(seed)), lambda d: [d.ellipse((x, y, x + 2, y + 2), 'black') for x, y in spots])
    yield 'a blot', drawn(clear, lambda d: d.ellipse((spots[0][0], spots[0][1], spots[0][0] + 14, spots[0][1] + 14), 'black'))
    yield 'salt and pepper', Image.fromarray(np.where(np.random.default_rng(seed).random(SIZE) < 0.003, 0, np.asarray(clear.convert('L'))))
    yield 'a coffee stain', stored(drawn(photo, lambda d: d.ellipse((20, 30, 150, 160), outline=(200, 170, 130), width=6)), quality=70)


def not_one_digit(digit: np.ndarray, other: np.ndarray, seed: int) -> Iterator[tuple[str, Image.Image]]:
    "Pictures of several digits, or with something else on them, where there is no single right answer, or it is hard."
    photo = lambda sheet: stored(paint(sheet, BLUE, CREAM, lamp(seed), 3, seed), quality=70)
    a, b = pen(digit, 100), pen(other, 100)
    yield 'two digits', photo(write(beside(a, b)))
    yield 'two digits, close', photo(write(beside(a, b, gap=6)))
    yield 'two digits that touch', photo(write(beside(a, b, gap=0)))
    yield 'three digits', photo(write(beside(*(pen(d, 80) for d in (digit, other, digit)), gap=12)))
    yield 'one above the other', photo(write(beside(a.T, b.T, gap=15).T))
    yield 'a decimal', drawn(photo(write(beside(a, b, gap=30))), lambda d: d.ellipse((145, 160, 155, 170), BLUE))
    yield 'a large and a small one', photo(np.maximum(write(pen(digit, 150), (0.5, 0.2)), write(pen(other, 60), (0.3, 0.95))))
    yield 'in a frame', drawn(photo(write(a)), lambda d: d.rectangle((70, 40, 230, 200), outline=BLUE, width=3))
    yield 'underlined', drawn(photo(write(a)), lambda d: d.line((90, 185, 210, 180), BLUE, 5))
    yield 'in a circle', drawn(photo(write(a)), lambda d: d.ellipse((80, 50, 220, 190), outline=BLUE, width=4))
    yield 'crossed out', drawn(photo(write(a)), lambda d: [d.line((85, 55, 215, 190), BLUE, 6), d.line((85, 190, 215, 55), BLUE, 6)])
    yield 'cut off on the left', photo(write(pen(digit, 150))).crop((145, 0, 300, 240))
    yield 'on its side', photo(write(np.rot90(a)))
    yield 'on its head', photo(write(np.rot90(a, 2)))


def none(seed: int) -> Iterator[tuple[str, Image.Image]]:
    "Pictures without a digit."
    rng = np.random.default_rng(seed)
    empty = np.zeros(SIZE)
    for name in 'white', 'black': yield name, Image.new('RGB', (300, 240), name)
    paper = paint(empty, BLUE, CREAM, lamp(seed, 0.5), 4, seed)
    yield 'an empty sheet', stored(paper, quality=50)
    yield 'an empty sheet, much grain', stored(paint(empty, BLUE, CREAM, 0.5*lamp(seed), 15, seed), quality=30)
    yield 'an empty sheet in half a shadow', paint(empty, BLUE, CREAM, shadow(0.5, 0.5), 3, seed)
    yield 'an empty ruled sheet', stored(drawn(paper, lambda d: lines(d, 40, (120, 130, 190))), quality=70)
    yield 'an empty squared sheet', stored(drawn(paper, lambda d: lines(d, 20, (120, 130, 190), True)), quality=70)
    yield 'transparent', Image.new('RGBA', (300, 240))
    yield 'noise', Image.fromarray(rng.integers(0, 256, SIZE, dtype=np.uint8))
    clouds = Image.fromarray(rng.integers(0, 256, (5, 6), dtype=np.uint8)).resize((300, 240), Image.Resampling.BICUBIC)
    yield 'clouds', clouds
    yield 'a landscape', Image.fromarray(np.where(np.arange(240)[:, None] > 120 + 30*np.sin(np.arange(300)/40 + seed), 60, np.asarray(clouds)//3 + 160).astype(np.uint8))
    yield 'stripes', Image.fromarray(np.tile((np.arange(300)//15 % 2*200 + 20).astype(np.uint8), (240, 1)))
    yield 'a dot', drawn(paper, lambda d: d.ellipse((140, 110, 160, 130), BLUE))
    yield 'a speck', drawn(paper, lambda d: d.ellipse((140, 110, 142, 112), BLUE))
    yield 'a stroke', drawn(paper, lambda d: d.line((60, 200, 240, 60), BLUE, 8))
    yield 'a cross', drawn(paper, lambda d: [d.line((60, 200, 240, 60), BLUE, 8), d.line((60, 60, 240, 200), BLUE, 8)])
    yield 'a circle', drawn(paper, lambda d: d.ellipse((90, 60, 210, 180), outline=BLUE, width=8))
    yield 'a box', drawn(paper, lambda d: d.rectangle((90, 60, 210, 180), outline=BLUE, width=8))
    yield 'a filled box', drawn(paper, lambda d: d.rectangle((90, 60, 210, 180), fill=BLUE))
    yield 'a word', drawn(paper, lambda d: d.text((40, 90), 'hello', BLUE, font_size=70))
    yield 'print', drawn(paper, lambda d: [d.text((20, 20 + 20*n), 'the quick brown fox jumps over', BLUE, font_size=15) for n in range(9)])
    points = np.cumsum(rng.normal(0, 25, (60, 2)), 0)
    points = (points - points.min(0))/np.ptp(points, 0)*(200, 160) + (50, 40)
    yield 'a scribble', drawn(paper, lambda d: d.line([tuple(p) for p in points], BLUE, 5))


def pictures(each: int = 4) -> list[Picture]:
    "Every kind several times; those of one digit for as many 3s as 7s."
    images, labels = (part.numpy() for part in load_sample('valid'))
    found = []
    for n in range(each):
        threes, sevens = (images[labels == digit][50 + 97*n] for digit in (3, 7))
        digit, other = (threes, sevens) if n % 2 == 0 else (sevens, threes)
        what = 3 if n % 2 == 0 else 7
        found += [Picture(kind, what, image) for kind, image in one_digit(digit, n) if kind != 'huge' or n < 1]
        hard = 'in a frame', 'underlined', 'in a circle', 'crossed out', 'a large and a small one', 'cut off on the left', 'on its side', 'on its head'
        found += [Picture(kind, what if kind in hard else None, image) for kind, image in not_one_digit(digit, other, n)]
        if n < 2: found += [Picture(kind, None, image) for kind, image in none(n)]
    return found


def sheet(some: list[Picture], said: list[str], side: int = 130, cols: int = 9) -> Image.Image:
    "All of them on one picture, each with some words below it."
    rows = -(-len(some)//cols)
    page = Image.new('RGB', (cols*side, rows*(side + 34)), 'white')
    draw = ImageDraw.Draw(page)
    for n, (picture, words) in enumerate(zip(some, said)):
        x, y = n % cols*side, n//cols*(side + 34)
        image = picture.image
        if image.mode[0] == 'I': image = Image.fromarray((np.asarray(image)//257).astype(np.uint8))
        small = ImageOps.contain(ImageOps.exif_transpose(image).convert('RGBA'), (side - 6, side - 6))
        page.paste(small, (x, y), small)
        draw.rectangle((x - 1, y - 1, x + small.width, y + small.height), outline='grey')
        draw.text((x, y + side - 4), picture.kind[:26], 'black', font_size=9)
        draw.text((x, y + side + 8), words[:28], 'red', font_size=9)
    return page


if __name__ == '__main__':
    all_of_them = pictures()
    sheet(all_of_them, [str(picture.digit) for picture in all_of_them]).save(Path(sys.argv[1])/'pictures.png')
    print(len(all_of_them), 'pictures,', len({picture.kind for picture in all_of_them}), 'kinds')
