#!/usr/bin/env python
"""Put the cell that installs the book in Colab into every chapter: `python tools/colab_cell.py`.

Colab opens the notebooks from the repository, on a machine that doesn't have the package. The cell comes right after
the title, is the same everywhere, does nothing outside Colab, and is left out of the website.
"""
from pathlib import Path

import nbformat
from fastcore.script import call_parse
from nbdev.config import get_config

ROOT = Path(__file__).resolve().parent.parent
ID = 'colab'
SOURCE = f"""#| hide
# Colab doesn't have the book's package yet. Anywhere else, this cell does nothing.
import sys
if 'google.colab' in sys.modules:
    %pip install -q git+{get_config(ROOT).git_url}"""
FOLDED = {'jupyter': {'source_hidden': True}}  # in JupyterLab, too, it stays out of the reader's way


@call_parse
def main():
    "Make the set-up cell of every chapter what it should be."
    for path in sorted((ROOT/'nbs').glob('[0-9]*.ipynb')):
        notebook = nbformat.read(path, as_version=4)
        others = [cell for cell in notebook.cells if cell.id != ID]
        notebook.cells = [others[0], nbformat.v4.new_code_cell(SOURCE, id=ID, metadata=FOLDED), *others[1:]]
        text = nbformat.writes(notebook, indent=1) + '\n'
        if text != path.read_text(encoding='utf-8'): path.write_text(text, encoding='utf-8')
