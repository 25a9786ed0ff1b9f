#!/usr/bin/env python
"""Write nbs/site/reference.qmd, the list of all that the package exports: `python tools/make_reference.py`.

Reads the package's modules without importing them: `__all__`, the docstrings, and the notebook that each came from.
"""
import ast, re
from pathlib import Path

import click, nbformat
from nbdev.config import get_config

from mnist_nb.command import run_command

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT/'nbs/site/reference.qmd'
PARTS = ['.', 'explore', 'behind', 'exercises']  # folders of the book, in the order in which the reference has them
INTRODUCTION = """---
title: Reference
description: Everything that the package `mnist_nb` offers, a line each
---

A name leads to the chapter that builds it, where each parameter has its comment, *source* to the package's file.
"""


def chapter_title(notebook: Path) -> str:
    "The heading of a notebook, such as `0. The digits`."
    return re.match('# (.+)', nbformat.read(notebook, as_version=4).cells[0].source)[1]


def summary(definition: ast.AST) -> str:
    "The first paragraph of a docstring, fit for a cell of a table."
    if isinstance(definition, ast.Assign): return 'A constant.'
    doc = ast.get_docstring(definition) or ''
    return ' '.join(doc.split('\n\n')[0].split()).replace('|', r'\|')


def section(module: Path) -> tuple[tuple[int, str], str]:
    "A module's place in the reference, and its section."
    code, config = module.read_text(encoding='utf-8'), get_config(ROOT)
    notebook = Path(re.search(r'File to edit: \S*nbs/(\S+\.ipynb)', code)[1])
    link = f'../{notebook.as_posix()}'  # from the reference's folder
    tree, defined = ast.parse(code), {}
    for node in tree.body:
        names = [n.id for t in node.targets for n in ast.walk(t) if isinstance(n, ast.Name)] if isinstance(node, ast.Assign) else [getattr(node, 'name', None)]
        # a function that is wrapped below its definition, as in `f = _checked(f)`, is still the one that is defined above
        defined |= {name: node for name in names if not (isinstance(node, ast.Assign) and isinstance(defined.get(name), ast.FunctionDef))}
    rows = []
    for name in ast.literal_eval(defined['__all__'].value):
        node = defined[name]
        place = link if isinstance(node, ast.Assign) else f'{link}#{name.lower()}'  # constants have no anchor
        source = f'{config.git_url}/blob/{config.branch}/{module.relative_to(ROOT).as_posix()}#L{node.lineno}'
        rows.append(f'| [`{name}`]({place}) | {summary(node)} | [source]({source}) |')
    name = '.'.join(module.relative_to(config.lib_path).with_suffix('').parts)
    heading = f'## `{config.lib_name}.{name}` {{#{name.replace(".", "-")}}}'
    origin = f'[{chapter_title(ROOT/"nbs"/notebook)}]({link}): {summary(tree)}'
    place = PARTS.index(notebook.parent.as_posix()), notebook.name
    return place, '\n'.join([heading, '', origin, '', '| name | what it is or does | code |', '|---|---|---|', *rows])


def reference() -> str:
    "What the reference should be: the modules in the order of the chapters."
    sections = sorted(section(module) for module in get_config(ROOT).lib_path.rglob('[!_]*.py'))
    return '\n\n'.join([INTRODUCTION.strip(), *(text for _, text in sections)]) + '\n'


@click.command()
@click.option('--check', is_flag=True, help='Say whether the reference is in step with the package, and write nothing.')
def main(
    check: bool, # write nothing, and end with 1 if something would have to be written
):
    "Write nbs/site/reference.qmd from the package."
    if not check: REFERENCE.write_text(reference(), encoding='utf-8')
    elif not REFERENCE.exists() or REFERENCE.read_text(encoding='utf-8') != reference():
        raise SystemExit(f'{REFERENCE.relative_to(ROOT)} is out of step with the package. Run python tools/make_reference.py.')


if __name__ == '__main__': run_command(main, 'make_reference.py')
