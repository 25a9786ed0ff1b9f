"""3s and 7s drawn by scripted strokes, in several styles: for the pad, and for a table of what every model says of them.

`drawings()` gives them, `draw` draws one into an element of a page, by mouse, and `raster` draws one with Pillow.
`python tests/strokes.py` prints the table.
"""
import sys
from dataclasses import dataclass
from math import cos, radians, sin
from pathlib import Path

import pandas as pd, torch
from PIL import Image, ImageDraw
from playwright.sync_api import Locator

sys.path.insert(0, str(Path(__file__).resolve().parent.parent/'tools'))
from make_models import carried, models
from mnist_nb.cnn import scan_to_digit

Point = tuple[float, float]  # across and down, from 0 to 1


@dataclass
class Drawing:
    "A digit: what it is, how it was drawn, and the strokes of the pen."
    label: int                 # 3 or 7
    shape: str                 # such as '3, round'
    style: str                 # such as 'thin'
    strokes: list[list[Point]]
    width: float               # of the pen, as a share of the canvas


def arc(x: float, y: float, rx: float, ry: float, start: float, end: float, n: int = 14) -> list[Point]:
    "Part of an ellipse: its middle, its radii, and two angles in degrees, clockwise from the right."
    return [(x + rx*cos(a), y + ry*sin(a)) for a in (radians(start + (end - start)*i/n) for i in range(n + 1))]


# Drawn as large as the canvas, around (0.5, 0.5)
SHAPES = {
    '3, round': [arc(0.47, 0.31, 0.21, 0.19, -150, 90) + arc(0.47, 0.69, 0.24, 0.2, -90, 145)],
    '3, with a flat top': [[(0.26, 0.13), (0.7, 0.12), (0.45, 0.42)] + arc(0.46, 0.65, 0.25, 0.23, -80, 150)],
    '3, angular': [[(0.28, 0.14), (0.72, 0.14), (0.42, 0.46), (0.7, 0.6), (0.62, 0.82), (0.3, 0.88)]],
    '3, in two strokes': [arc(0.45, 0.3, 0.22, 0.17, -160, 80), arc(0.45, 0.68, 0.26, 0.21, -85, 140)],
    '7, plain': [[(0.26, 0.15), (0.74, 0.14), (0.62, 0.4), (0.5, 0.64), (0.43, 0.88)]],
    '7, with a bar': [[(0.26, 0.15), (0.74, 0.14), (0.62, 0.4), (0.5, 0.64), (0.43, 0.88)], [(0.36, 0.52), (0.7, 0.5)]],
    '7, curved': [[(0.24, 0.24), (0.3, 0.15), (0.42, 0.17), (0.58, 0.2), (0.72, 0.13), (0.6, 0.4), (0.52, 0.62), (0.5, 0.88)]],
    '7, with a long bar': [[(0.26, 0.24), (0.28, 0.14), (0.76, 0.13), (0.62, 0.4), (0.5, 0.64), (0.43, 0.88)], [(0.26, 0.56), (0.8, 0.5)]],
    '7, in two strokes': [[(0.27, 0.2), (0.3, 0.13), (0.72, 0.13)], [(0.72, 0.13), (0.56, 0.5), (0.44, 0.88)]],
}
# How each is drawn: the pen, and where the digit lies, how large, turned by so many degrees clockwise, squeezed, and leaning
STYLES = {
    'as taught': dict(width=0.08),
    'thin': dict(width=0.025),
    'thick': dict(width=0.15),
    'very thick': dict(width=0.24, size=0.8),
    'off centre': dict(width=0.05, size=0.5, x=0.3, y=0.68),
    'tilted to the left': dict(width=0.07, size=0.85, turn=-25),
    'tilted to the right': dict(width=0.07, size=0.85, turn=25),
    'slanted': dict(width=0.07, size=0.85, lean=0.35),
    'slanted a lot': dict(width=0.07, size=0.8, lean=0.8),
    'leaning back': dict(width=0.07, size=0.85, lean=-0.45),
    'turned far to the left': dict(width=0.07, size=0.8, turn=-45),
    'turned far to the right': dict(width=0.07, size=0.8, turn=45),
    'small': dict(width=0.03, size=0.2, x=0.55, y=0.4),
    'at the edge': dict(width=0.06, size=0.6, x=0.19, y=0.3),
    'narrow': dict(width=0.06, squeeze=0.5),
    'wide': dict(width=0.06, squeeze=1.25, size=0.75),
    'shaky': dict(width=0.06, shake=0.012),
}


def moved(point: Point, size: float = 1, x: float = 0.5, y: float = 0.5, turn: float = 0, squeeze: float = 1, lean: float = 0) -> Point:
    "Where a point of a shape lies in a style."
    across, down = point[0] - 0.5, point[1] - 0.5
    across = across*squeeze - lean*down
    a = radians(turn)
    return x + size*(across*cos(a) - down*sin(a)), y + size*(across*sin(a) + down*cos(a))


def drawn(strokes: list[list[Point]], shake: float = 0, **how: float) -> list[list[Point]]:
    "The strokes of a shape in a style."
    trembling = lambda i: (shake*sin(2.3*i), shake*cos(3.1*i + 1))
    return [[tuple(p + d for p, d in zip(moved(point, **how), trembling(i))) for i, point in enumerate(dense(stroke))] for stroke in strokes]


def dense(stroke: list[Point], gap: float = 0.04) -> list[Point]:
    "A stroke with more points, as a hand leaves them."
    points = stroke[:1]
    for (x0, y0), (x1, y1) in zip(stroke, stroke[1:]):
        n = max(1, round(((x1 - x0)**2 + (y1 - y0)**2)**0.5/gap))
        points += [(x0 + (x1 - x0)*i/n, y0 + (y1 - y0)*i/n) for i in range(1, n + 1)]
    return points


def drawings() -> list[Drawing]:
    "Each shape in each style."
    found = []
    for style, how in STYLES.items():
        how = dict(how)
        width = how.pop('width')
        found += [Drawing(int(shape[0]), shape, style, drawn(strokes, **how), width) for shape, strokes in SHAPES.items()]
    return found


def raster(drawing: Drawing, size: tuple[int, int] = (280, 280), ink: str = 'black', paper: str = 'white', mode: str = 'RGB', finer: int = 4) -> Image.Image:
    "A drawing as a picture with smooth edges and round ends. In a tall or wide one, it lies in a square in the middle."
    long, (width, height) = min(size)*finer, (n*finer for n in size)
    image = Image.new('L', (width, height))
    pen, r = ImageDraw.Draw(image), drawing.width*long/2
    for stroke in drawing.strokes:
        points = [((width - long)/2 + x*long, (height - long)/2 + y*long) for x, y in stroke]
        pen.line(points, 255, round(2*r))
        for x, y in points: pen.ellipse((x - r, y - r, x + r, y + r), 255)
    covered = image.resize(size, Image.Resampling.BOX)
    picture = Image.new(mode, size, paper)
    picture.paste(Image.new(mode, size, ink), mask=covered)
    return picture


def draw(drawing: Drawing, element: Locator):
    "Draw into an element of a page, by mouse. The pen is the page's."
    element.scroll_into_view_if_needed()
    mouse, box = element.page.mouse, element.bounding_box()
    for stroke in drawing.strokes:
        points = [(box['x'] + x*box['width'], box['y'] + y*box['height']) for x, y in stroke]
        mouse.move(*points[0])
        mouse.down()
        for point in [*points[2:-1:2], points[-1]]: mouse.move(*point)  # the browser takes two frames for each
        mouse.up()


@torch.no_grad()
def scores(images: torch.Tensor) -> dict[str, torch.Tensor]:
    "What every carried model says of images, (n, 28, 28): above 0 for a 3."
    return {name: model(images).flatten() for name, model in models(carried()).items()}


def table() -> pd.DataFrame:
    "For each drawing, by style and shape, which models read it rightly."
    all_of_them = drawings()
    said = scores(torch.stack([scan_to_digit(raster(drawing)) for drawing in all_of_them]))
    is_3 = torch.tensor([drawing.label == 3 for drawing in all_of_them])
    index = pd.MultiIndex.from_tuples([(drawing.style, drawing.shape) for drawing in all_of_them], names=['style', 'shape'])
    return pd.DataFrame({name: ((score > 0) == is_3).numpy() for name, score in said.items()}, index)


if __name__ == '__main__':
    right = table()
    print(right.replace({True: 'right', False: 'WRONG'}).to_string())
    print(f'\nright, of {len(SHAPES)} drawings in each style, of {len(right)} in all')
    counts = right.groupby('style', sort=False).sum()
    counts.loc['all'] = right.sum()
    print(counts.to_string())
