#!/usr/bin/env python
"""Make two copies of the book for a class: `python tools/class_copies.py DEST`.

`DEST/learners` has the chapters without answers, solutions and outputs, `DEST/teachers` has everything, and the pages on
how the exercises are checked. Both are made from the notebooks in `nbs/`, and both run wherever the package is installed.
"""
import re, shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from fastcore.script import call_parse
from nbdev.config import get_config, nbpath2html
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT/'nbs').glob('*.ipynb'))
FOR_TEACHERS = 'checks'  # how the names of notebooks begin that hold solutions, and mistakes
ANSWER = re.compile(r'\n*<details>\n<summary>Answer</summary>.*?</details>', re.S)
FOLDED_CODE = re.compile('#\\| code-summary: "(Answer.*|Solution)"')


def without_answers(notebook: NotebookNode):
    "Take answers, solutions and outputs out of a notebook, the numbers of the cells, and what is said to teachers."
    notebook.cells = [cell for cell in notebook.cells if not FOLDED_CODE.match(cell.source) and not cell.source.startswith('## For teachers')]
    for cell in notebook.cells:
        if cell.cell_type == 'markdown': cell.source = ANSWER.sub('', cell.source)
        if cell.cell_type == 'code': cell.outputs, cell.execution_count = [], None


def with_links(
    text: str,        # of a Markdown cell
    names: set[str],  # of the notebooks in the copy
) -> str:             # the text, with links to other files of the book leading to the website
    "Make every link work in a copy that holds only some of the book's files."
    site = get_config(ROOT).doc_url.rstrip('/')
    def link(found: re.Match) -> str:
        if found['file'] in names or not (ROOT/'nbs'/found['file']).exists(): return found[0]
        return f'({site}/{nbpath2html(found["file"]).name}{found["place"] or ""})'
    return re.sub(r'(?<=\])\((?P<file>[\w.-]+\.(?:ipynb|qmd))(?P<place>#[^)\s]*)?\)', link, text)


def copy_book(
    folder: Path,    # where to, not there yet
    answers: bool,   # with answers, solutions and outputs?
):
    "Write the book's notebooks into a new folder."
    chosen = [path for path in NOTEBOOKS if answers or not path.name.startswith(FOR_TEACHERS)]
    folder.mkdir()
    for path in chosen:
        notebook = nbformat.read(path, as_version=4)
        if not answers: without_answers(notebook)
        for cell in notebook.cells:
            if cell.cell_type == 'markdown': cell.source = with_links(cell.source, {p.name for p in chosen})
        nbformat.write(notebook, folder/path.name)


@call_parse
def main(
    dest: Path,  # A folder that doesn't exist yet; `learners` and `teachers` are made in it
):
    "Make the learners' and the teachers' copy of the book."
    dest = Path(dest).resolve()
    if dest.exists(): raise SystemExit(f'{dest} is there already. Name a folder that is not, or delete it.')
    dest.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=dest.parent, prefix=f'{dest.name}-') as aside:  # so that dest is whole or not there
        whole = Path(aside)/dest.name
        whole.mkdir()
        copy_book(whole/'learners', answers=False)
        copy_book(whole/'teachers', answers=True)
        for copy in ('learners', 'teachers'): shutil.copy(ROOT/'LICENSE', whole/copy)
        whole.rename(dest)
    print(f"{len(list(dest.glob('learners/*.ipynb')))} notebooks for learners and {len(list(dest.glob('teachers/*.ipynb')))} for teachers in {dest}.")
