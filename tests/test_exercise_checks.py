"""The checks of the exercises, as they are in the package: each notebook in nbs/exercises tries its checks on right answers and on
typical mistakes, each of which has to be refused in words that fit. nbdev-test does so with the notebook's own functions; here
the same answers are put to those that a reader gets."""
import importlib, os, re
from pathlib import Path

os.environ.setdefault('MPLBACKEND', 'Agg')
import matplotlib.pyplot as plt
import nbformat, pytest

from mnist_nb.exercises import core

NOTEBOOKS = sorted((Path(__file__).resolve().parent.parent/'nbs/exercises').glob('*.ipynb'))

TIMED = 'check_speed'  # compares how long two trainings take: nbdev-test tries it, but here other tests run at the same time


def in_the_package(cell) -> bool:
    "Whether a cell has been exported."
    return bool({'export', 'exporti', 'exportd', 'default_exp'} & set(cell.metadata.get('nbdev', {}))) or bool(re.search(r'^#\| *(export|default_exp)', cell.source, re.M))


@pytest.mark.parametrize('notebook', NOTEBOOKS, ids=lambda path: path.stem)
def test_answers(notebook, monkeypatch):
    module = importlib.import_module(f'mnist_nb.exercises.{"core" if notebook.stem == "index" else notebook.stem}')
    code = [cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == 'code']
    assert any(map(in_the_package, code))
    names, tried = {**vars(module), '__name__': 'notebook'}, set()
    for name in ('accepts', 'rejects'):  # noted, so that no check can get lost
        monkeypatch.setattr(core, name, lambda check, *args, original=getattr(core, name): (tried.add(check), original(check, *args)))
    for cell in code:
        if in_the_package(cell) or TIMED in cell.source or re.search('^ *[%!]', cell.source, re.M): continue
        exec(compile(cell.source, f'<{notebook.name}, cell {cell.id}>', 'exec'), names)
    plt.close('all')
    assert tried >= {check for name, check in vars(module).items() if name.startswith('check_') and name != TIMED and check.__module__ == module.__name__}
    assert all(check.__module__ == module.__name__ for check in tried)
