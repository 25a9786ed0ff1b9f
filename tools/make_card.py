#!/usr/bin/env python
"""Draw nbs/card.png, the picture that others show beside a link to the book: `python tools/make_card.py`.

It is made of the front page's picture, so draw it again when that has changed.
"""
from io import BytesIO

import matplotlib.pyplot as plt
from make_readme import NOTEBOOK, ROOT, readme
from nbdev.config import get_config
from PIL import Image

picture = Image.open(BytesIO(next(iter(readme(NOTEBOOK)[1].values()))))
figure = plt.figure(figsize=(12, 6.3), dpi=100, facecolor='white')  # 1200 by 630 dots, as those who show it ask for
figure.text(0.05, 0.83, get_config(ROOT).title, size=44, weight='bold')
axes = figure.add_axes([0.05, 0.04, 0.9, 0.72])
axes.imshow(picture, interpolation='antialiased')
axes.axis('off')
buffer = BytesIO()
figure.savefig(buffer)
Image.open(buffer).convert('P', palette=Image.Palette.ADAPTIVE).save(ROOT/'nbs/card.png', optimize=True)
