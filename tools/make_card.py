#!/usr/bin/env python
"""Make the pictures by which others show the book: `python tools/make_card.py`.

`nbs/site/card.png`, beside a link to the book, is drawn from the front page's ladder. `nbs/site/verdict.png`, in the README,
is a photograph of what an exercise says, taken from the website in `_docs/`. So build that first, and make both again
when the front page has changed.
"""
import base64, re
from io import BytesIO

import click, nbformat
import matplotlib.pyplot as plt
from chromium import launch
from finish_site import ROOT
from nbdev.config import get_config
from PIL import Image
from playwright.sync_api import Error, sync_playwright

from mnist_nb.command import run_command

CARD, VERDICT = ROOT/'nbs/site/card.png', ROOT/'nbs/site/verdict.png'
ROW = re.compile(r'\[(?P<name>[^]]+)\]\([^)]+\), (?P<year>\d+): (?P<errors>\d+) wrong<br><img[^>]*base64,(?P<bar>[^"]+)"')


def draw_card():
    "Title and ladder, 1200 by 630 dots, as those who show it ask for."
    outputs = [output for cell in nbformat.read(ROOT/'nbs/index.ipynb', as_version=4).cells for output in cell.get('outputs', [])]
    ladder = next(text for output in outputs if 'class="ladder"' in (text := output.get('data', {}).get('text/markdown', '')))
    figure = plt.figure(figsize=(12, 6.3), dpi=100, facecolor='white')
    figure.text(0.05, 0.86, get_config(ROOT).title, size=44, weight='bold')
    rows = list(ROW.finditer(ladder))
    if len(rows) != ladder.count('<br><img'): raise SystemExit('The front page writes its ladder in another way than ROW reads it: change one of the two.')
    bars = [Image.open(BytesIO(base64.b64decode(row['bar']))) for row in rows]
    for i, (row, bar) in enumerate(zip(rows, bars)):
        y = 0.7 - 0.108*i
        figure.text(0.05, y + 0.043, f"{row['year']}  {row['name']}", size=14, va='center')
        axes = figure.add_axes([0.47, y, 0.42*bar.width/bars[0].width, 0.086])
        axes.imshow(bar, cmap='gray', aspect='auto', vmin=0, vmax=255)
        axes.axis('off')
        figure.text(0.48 + 0.42*bar.width/bars[0].width, y + 0.043, row['errors'] + ' wrong', size=14, va='center')
    buffer = BytesIO()
    figure.savefig(buffer)
    Image.open(buffer).convert('P', palette=Image.Palette.ADAPTIVE).save(CARD, optimize=True)


def photograph_verdict():
    "The answer and the verdict on the front page, in twice the resolution."
    page = ROOT/'_docs/index.html'
    if not page.exists(): raise SystemExit('There is no website yet: run python tools/build_site.py first.')
    with sync_playwright() as play:
        try: window = launch(play)
        except Error: raise SystemExit('This takes a photograph in Chromium or Chrome, and there is neither.') from None
        tab = window.new_page(viewport={'width': 800, 'height': 900}, device_scale_factor=2, color_scheme='light')
        tab.goto(page.as_uri())
        tab.locator('.cell:has(blockquote.verdict)').screenshot(path=VERDICT)
        window.close()
    Image.open(VERDICT).convert('P', palette=Image.Palette.ADAPTIVE).save(VERDICT, optimize=True)


@click.command()
def main():
    "Draw the card, and photograph the verdict."
    draw_card()
    photograph_verdict()


if __name__ == '__main__': run_command(main, 'make_card.py')
