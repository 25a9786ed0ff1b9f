"The copies of the book for a class: what is in them, and that they open and run."
import re, subprocess, sys
from pathlib import Path

import nbformat, pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = {path.name for path in (ROOT/'nbs').glob('*.ipynb')}


def make(dest: Path) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, ROOT/'tools/class_copies.py', dest], capture_output=True, text=True)


@pytest.fixture(scope='module')
def copies(tmp_path_factory):
    "A folder with both copies."
    dest = tmp_path_factory.mktemp('class')/'new/copies'
    made = make(dest)
    assert made.returncode == 0, made.stderr
    assert [path.name for path in dest.parent.iterdir()] == ['copies']  # nothing is left beside it
    return dest


def texts(folder: Path) -> dict[str, str]: return {path.name: path.read_text(encoding='utf-8') for path in folder.glob('*.ipynb')}


def test_learners_have_no_answers_and_no_outputs(copies):
    learners = texts(copies/'learners')
    assert learners.keys() == {name for name in NOTEBOOKS if not name.startswith('checks')}
    for name, text in learners.items():
        assert not re.search('code-summary|<details>|unfold|[Ss]olutions? (is|are) ', text), name
        for cell in nbformat.reads(text, as_version=4).cells:
            assert cell.cell_type != 'code' or not cell.outputs
    whole = nbformat.read(ROOT/'nbs/01_pixels.ipynb', as_version=4).cells
    kept = nbformat.reads(learners['01_pixels.ipynb'], as_version=4).cells
    folded = [cell for cell in whole if '#| code-summary' in cell.source]
    assert len(kept) == len(whole) - len(folded) and folded
    assert sum('check_' in cell.source for cell in kept) > 5  # the starters are there


def test_teachers_have_everything(copies):
    teachers = texts(copies/'teachers')
    assert teachers.keys() == NOTEBOOKS
    for name, text in teachers.items():
        original = nbformat.read(ROOT/'nbs'/name, as_version=4)
        copy = nbformat.reads(text, as_version=4)
        assert [c.get('outputs') for c in copy.cells] == [c.get('outputs') for c in original.cells]
        assert [c.source for c in copy.cells if c.cell_type == 'code'] == [c.source for c in original.cells if c.cell_type == 'code']


@pytest.mark.parametrize('copy', ['learners', 'teachers'])
def test_links_lead_somewhere(copies, copy):
    folder = copies/copy
    for name, text in texts(folder).items():
        for cell in nbformat.reads(text, as_version=4).cells:
            if cell.cell_type != 'markdown': continue
            for link in re.findall(r'\]\(([^)#\s]+)', cell.source):
                assert link.startswith('https://') or (folder/link).exists(), f'{name}: {link}'


@pytest.mark.parametrize('notebook', ['learners/01_pixels.ipynb', 'learners/glossary.ipynb', 'teachers/01_pixels.ipynb', 'teachers/checks_1_pixels.ipynb'])
def test_they_run(copies, notebook):
    "With the kernel that Jupyter starts, from the first cell to the last."
    path = copies/notebook
    NotebookClient(nbformat.read(path, as_version=4), resources={'metadata': {'path': path.parent}}).execute()


def test_nothing_is_overwritten(copies):
    again = make(copies)
    assert again.returncode == 1 and 'is there already' in again.stderr
