#!/usr/bin/env python
"""Draw nbs/site/card.png, the picture that others show beside a link to the book: `python tools/make_card.py`.

It is made of the front page's first picture, so draw it again when that has changed.
"""
import base64
from io import BytesIO

import matplotlib.pyplot as plt
import nbformat
from finish_site import ROOT
from nbdev.config import get_config
from PIL import Image

outputs = [output for cell in nbformat.read(ROOT/'nbs/index.ipynb', as_version=4).cells for output in cell.get('outputs', [])]
picture = next(output.data['image/png'] for output in outputs if 'image/png' in output.get('data', {}))
figure = plt.figure(figsize=(12, 6.3), dpi=100, facecolor='white')  # 1200 by 630 dots, as those who show it ask for
figure.text(0.05, 0.83, get_config(ROOT).title, size=44, weight='bold')
axes = figure.add_axes([0.05, 0.04, 0.9, 0.72])
axes.imshow(Image.open(BytesIO(base64.b64decode(picture))), interpolation='antialiased')
axes.axis('off')
buffer = BytesIO()
figure.savefig(buffer)
Image.open(buffer).convert('P', palette=Image.Palette.ADAPTIVE).save(ROOT/'nbs/site/card.png', optimize=True)
