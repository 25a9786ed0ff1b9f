#!/usr/bin/env python
"""Count what a reader of each chapter meets, and hold it against the goals of the book: `python tools/count_cells.py`.

An open cell is a code cell that isn't folded. Before a chapter's questions, none of them may only check or import, or say
how a picture is drawn; there may be 70 at most; and a picture, or a value that its tag `surprise` marks, comes among the
first five. No open line is longer than 88 characters, there or in the exercises. The text before the questions, captions
included, has 3,000 words at most.
"""
import ast, re
from pathlib import Path

import click, nbformat
from nbformat import NotebookNode

from mnist_nb.command import run_command
from mnist_nb.pages import fold_name

ROOT = Path(__file__).resolve().parent.parent
MOST, WIDTH, EARLY, WORDS = 70, 88, 5, 3000
CHECKS = {'test_fail', 'test_eq', 'test_close', 'accepts', 'rejects'}


def statements(cell: NotebookNode) -> list[ast.stmt]:
    "The statements of a cell, without the lines that only IPython understands."
    return ast.parse('\n'.join(line for line in cell.source.splitlines() if not re.match(r'\s*[%!]', line))).body


def checks(statement: ast.stmt) -> bool:
    "Whether a statement does nothing but check."
    if isinstance(statement, (ast.For, ast.With)): return all(map(checks, statement.body))
    call = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(statement, ast.Assert) or isinstance(call, ast.Call) and getattr(call.func, 'id', '') in CHECKS


def only_checks(cell: NotebookNode) -> bool:
    "Whether a cell shows nothing, and is there for its checks."
    body = statements(cell)
    return any(map(checks, body)) and (all(map(checks, body)) or not cell.outputs)


def only_imports(cell: NotebookNode) -> bool:
    "Whether a cell does nothing but import."
    return all(isinstance(s, (ast.Import, ast.ImportFrom)) for s in statements(cell))


def draws(cell: NotebookNode) -> bool:
    "Whether a cell says how a picture is drawn, by making axes or in a function of its own."
    made = re.search(r'\.(subplots|subplot_mosaic|figure|add_axes)\(', cell.source)
    functions = (s for s in statements(cell) if isinstance(s, ast.FunctionDef))
    return bool(made) or any(getattr(node, 'id', '') in ('plt', 'ax', 'axes') for f in functions for node in ast.walk(f))


def surprises(cell: NotebookNode) -> bool:
    "Whether a cell shows a picture or a table, or a value that is marked as a surprise."
    shown = {kind for output in cell.outputs for kind in output.get('data', {})}
    return bool(shown & {'image/png', 'text/html'}) or 'surprise' in cell.metadata.get('tags', [])


def words(cells: list[NotebookNode]) -> int:
    "How many words the text of some cells has, without what a browser hides."
    return sum(len(re.sub(r'<!--.*?-->', '', c.source, flags=re.S).split()) for c in cells if c.cell_type == 'markdown')


def count(
    chapter: Path, # a notebook
) -> tuple[dict[str, int], list[str]]: # what there is how often, and one sentence for each goal that is missed
    "Count the cells of a chapter."
    try: cells = nbformat.read(chapter, as_version=4).cells
    except ValueError: raise SystemExit(f'{chapter.name} could not be read as a notebook: restore it from the last commit.') from None
    questions = next((i for i, c in enumerate(cells) if c.cell_type == 'markdown' and c.source.startswith('## Questions')), len(cells))
    is_open = lambda c: c.cell_type == 'code' and fold_name(c) is None
    lesson = list(filter(is_open, cells[:questions]))
    found = {test.__name__: [c for c in lesson if test(c)] for test in (only_checks, only_imports, draws)}
    wide = [line for c in filter(is_open, cells) for line in c.source.splitlines() if len(line) > WIDTH]
    first = next((i for i, c in enumerate(lesson, start=1) if surprises(c)), 0)
    folded = sum(c.cell_type == 'code' for c in cells[:questions]) - len(lesson)
    counts = {'open': len(lesson), 'folded': folded, **{name: len(which) for name, which in found.items()}, 'wide': len(wide), 'first': first,
              'words': words(cells[:questions])}
    missed = [f'the open cell {c.id} {name.replace("_", " ")}: fold it' for name, which in found.items() for c in which]
    missed += [f'an open line has {len(line)} characters, {WIDTH} is the most: {line.strip()[:40]}' for line in wide]
    if len(lesson) > MOST: missed.append(f'{len(lesson)} open cells, {MOST} is the most')
    if lesson and not 0 < first <= EARLY: missed.append(f'no picture and no surprise among the first {EARLY} open cells')
    if counts['words'] > WORDS: missed.append(f'{counts["words"]} words before the questions, {WORDS} is the most')
    return counts, [f'{chapter.name}: {what}' for what in missed]


@click.command()
def main():
    "Print what each chapter has; exit status 1, and a line for each fault, if a goal is missed."
    chapters = sorted((ROOT/'nbs').glob('[0-9]*.ipynb'))
    try: counted = [count(chapter) for chapter in chapters]
    except ValueError as e: raise SystemExit(str(e)) from None  # a folded cell without a name
    print(f"{'':24}" + ''.join(f'{name.replace("_", " "):>14}' for name in counted[0][0]))
    for chapter, (counts, _) in zip(chapters, counted): print(f'{chapter.stem:24}' + ''.join(f'{n:14}' for n in counts.values()))
    missed = [sentence for _, sentences in counted for sentence in sentences]
    if missed: raise SystemExit('\n'.join(missed))


if __name__ == '__main__': run_command(main, 'count_cells.py')
