"The command `mnist-nb`: what it copies, what it leaves alone, what it says, and that the copies open and run."
import json, os, re, shutil, signal, subprocess, sys, time
from pathlib import Path

import nbformat, pytest
from nbclient import NotebookClient
from nbdev.config import get_config, nbpath2html

from mnist_nb import __version__, command
from mnist_nb.command import ANSWER, RECORD, book_folder, copy_book, fingerprint, main
from mnist_nb.pages import fold_name

ROOT = Path(__file__).resolve().parent.parent
NBS = ROOT/'nbs'
NAMES = {path.relative_to(NBS).as_posix() for path in NBS.rglob('[!.]*.ipynb') if '.ipynb_checkpoints' not in path.parts}


@pytest.fixture(autouse=True)
def jupyter_home(tmp_path, monkeypatch):
    "A home for Jupyter's data, so that the tests leave yours alone."
    monkeypatch.setenv('JUPYTER_DATA_DIR', str(tmp_path/'jupyter'))


def start(*words, **how) -> subprocess.Popen:
    "The command in a process of its own."
    code = 'import sys; from mnist_nb.command import main; sys.exit(main())'
    env = {**os.environ, 'PYTHONPATH': os.pathsep.join(filter(None, [how.pop('before', ''), os.getenv('PYTHONPATH')]))}
    return subprocess.Popen([sys.executable, '-c', code, *map(str, words)], text=True, env=env,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **how)


def terminal(*words, **how) -> tuple[int, str, str]:
    "The command's exit status, and what it printed as a result and as an error."
    process = start(*words, **how)
    out, err = process.communicate(timeout=120)
    return process.returncode, out.strip(), err.strip()


def refused(capsys, *words) -> str:
    "The one sentence with which the command refuses something, in this process."
    with pytest.raises(SystemExit) as stopped: main(list(map(str, words)))
    error = capsys.readouterr().err.strip()
    assert stopped.value.code == 1 and len(error.splitlines()) == 1 and error.endswith('.'), error
    return error


def cells(path: Path) -> list: return nbformat.read(path, as_version=4).cells
def texts(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text(encoding='utf-8') for path in folder.rglob('*.ipynb')}


def edit(path: Path, text: str):
    "Write something into a notebook, as a reader does."
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_markdown_cell(text))
    nbformat.write(notebook, path)


@pytest.fixture(scope='module')
def book(tmp_path_factory):
    "A reader's copy of the book."
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('JUPYTER_DATA_DIR', str(tmp_path_factory.mktemp('jupyter')))
        folder = tmp_path_factory.mktemp('reader')/'new/book'
        status, out, err = terminal(folder, '--no-open')
    assert (status, err) == (0, '')
    assert out == f'The book is in {folder}: {len(NAMES)} notebooks copied. It is yours to write in: what you change is never overwritten.'
    return folder


def test_the_whole_book_is_copied(book):
    assert book_folder() == Path(command.__file__).parent/'book'
    assert set(texts(book)) == NAMES
    assert {path.name for path in book.iterdir()} == {RECORD, *(name.split('/')[0] for name in NAMES)}  # nothing unfinished
    for name, text in texts(book).items():
        copy, original = nbformat.reads(text, as_version=4), nbformat.read(NBS/name, as_version=4)
        nbformat.validate(copy)
        here = [cell for cell in original.cells if 'only-' not in str(cell.metadata) or 'only-jupyter' in str(cell.metadata)]
        assert [(c.id, c.get('outputs')) for c in copy.cells] == [(c.id, c.get('outputs')) for c in here]
        assert [c.source for c in copy.cells if c.cell_type == 'code'] == [c.source for c in here if c.cell_type == 'code']


def test_default_folder_is_ignored_by_git(tmp_path):
    status, out, _ = terminal('--no-open', cwd=tmp_path)
    assert status == 0 and out.startswith('The book is in mnist-nb-book: ')
    assert (tmp_path/'mnist-nb-book/index.ipynb').is_file()
    assert 'mnist-nb-book/' in (ROOT/'.gitignore').read_text().splitlines()
    inside = tmp_path/'mnist-nb-book'  # there, it means that folder, and not a second one in it
    assert terminal('--no-open', cwd=inside) == (0, f'The book is in {inside}: up to date.', '')


def test_again(book, tmp_path):
    "Running is no change, writing is; and neither is touched."
    mine = shutil.copytree(book, tmp_path/'mine')
    run, written = mine/'02_baseline.ipynb', mine/'03_sgd.ipynb'
    notebook = nbformat.read(run, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == 'code': cell.outputs, cell.execution_count = [], 7
    nbformat.write(notebook, run)
    edit(written, 'My own thoughts')
    before = {path: path.read_bytes() for path in mine.rglob('*') if path.is_file()}
    assert terminal(mine, '--no-open') == (0, f'The book is in {mine}: up to date. What you changed stays as it is: 03_sgd.ipynb.', '')
    assert before == {path: path.read_bytes() for path in mine.rglob('*') if path.is_file()}


def test_a_new_edition(book, tmp_path):
    "What the reader left alone is updated, what the reader wrote in stays, what was thrown away comes back, and nothing else is touched."
    mine, edition = shutil.copytree(book, tmp_path/'mine'), shutil.copytree(NBS, tmp_path/'edition')
    edit(mine/'01_pixels.ipynb', 'My own thoughts')
    edit(mine/'04_linear.ipynb', 'Others')
    (mine/'glossary.ipynb').unlink()
    (mine/'notes.txt').write_text('mine')
    (mine/'behind/ladder.ipynb').write_text('no notebook any more')
    for name in ('01_pixels', '02_baseline', 'behind/ladder'): edit(edition/f'{name}.ipynb', 'Better')
    for name in ('03_sgd', '04_linear'): (edition/f'{name}.ipynb').unlink()
    written = {name: (mine/name).read_bytes() for name in ('01_pixels.ipynb', '04_linear.ipynb', 'notes.txt', 'behind/ladder.ipynb')}
    done = copy_book(mine, edition, '9.9')
    assert done.pop('updated')[0] == '02_baseline.ipynb'  # and what has links to chapters 3 and 4, which now lead to the website
    assert done.pop('the same')
    assert done == {'beside': ['01_pixels-9.9.ipynb', 'behind/ladder-9.9.ipynb'], 'copied': ['glossary.ipynb'], 'removed': ['03_sgd.ipynb']}
    assert written == {name: (mine/name).read_bytes() for name in written}
    assert cells(mine/'01_pixels-9.9.ipynb')[-1].source == cells(mine/'02_baseline.ipynb')[-1].source == 'Better'
    again = copy_book(mine, edition, '9.9')
    assert set(again) == {'the same', 'kept'} and again['kept'] == ['01_pixels.ipynb', 'behind/ladder.ipynb']
    assert written == {name: (mine/name).read_bytes() for name in written}


def test_without_the_book(capsys, monkeypatch, tmp_path):
    "A package that lost its notebooks says so."
    monkeypatch.setattr(command.resources, 'files', lambda name: tmp_path)
    with pytest.raises(FileNotFoundError, match='The book is not in .*: install mnist_nb again'): book_folder()


def test_somebody_elses_folder(tmp_path):
    "A notebook that was there before is not the book's, whatever its name, and a damaged record means that nothing is known."
    (tmp_path/'index.ipynb').write_text('{}')
    (tmp_path/RECORD).write_text('[1, 2')
    done = copy_book(tmp_path)
    assert done['beside'] == [f'index-{__version__}.ipynb'] and len(done['copied']) == len(NAMES) - 1
    assert (tmp_path/'index.ipynb').read_text() == '{}'
    assert json.loads((tmp_path/RECORD).read_text())['01_pixels.ipynb'] == fingerprint((tmp_path/'01_pixels.ipynb').read_text(encoding='utf-8'))


def test_interrupted(book, tmp_path, monkeypatch, capsys):
    "Whenever it stops, a notebook is the old one or the new one, and the next run does the rest."
    mine, edition = shutil.copytree(book, tmp_path/'mine'), shutil.copytree(NBS, tmp_path/'edition')
    edit(mine/'04_linear.ipynb', 'My own thoughts')
    for name in NAMES: edit(edition/name, 'Better')
    replace, left = Path.replace, [5]
    def once_more(self, target):
        left[0] -= 1
        if not left[0]: raise KeyboardInterrupt
        return replace(self, target)
    monkeypatch.setattr(Path, 'replace', once_more)
    monkeypatch.setattr(command, 'book_folder', lambda: edition)
    assert refused(capsys, mine, '--no-open') == 'Stopped before the end: run the same command again.'
    assert not list(mine.rglob('*.unfinished'))
    monkeypatch.setattr(Path, 'replace', replace)
    copy_book(mine, edition, '9.9')
    assert cells(mine/'04_linear.ipynb')[-1].source == 'My own thoughts'
    assert all(cells(mine/name)[-1].source == 'Better' for name in NAMES - {'04_linear.ipynb'})


def test_bad_input(book, tmp_path, capsys, monkeypatch):
    "One sentence, exit status 1, and nothing else."
    monkeypatch.chdir(tmp_path)
    (tmp_path/'file').write_text('')
    assert refused(capsys, 'file') == 'file is a file: name a folder for the copy.'
    assert 'could not be written (Not a directory)' in refused(capsys, 'file/below') or os.name == 'nt'
    assert refused(capsys, '') == 'The name of the folder is empty: see mnist-nb --help.'
    assert refused(capsys, '--opne').startswith("No such option '--opne'")
    assert refused(capsys, 'clas', 'x').startswith('clas is no command')
    assert refused(capsys, book_folder()).startswith(f'{book_folder()} is the book itself')
    assert refused(capsys, 'class') == "Missing argument 'FOLDER': see mnist-nb class --help."
    assert refused(capsys, 'class', 'a', 'b') == 'Got unexpected extra argument (b): see mnist-nb class --help.'
    assert refused(capsys, 'class', 'file').startswith('file is there already')
    assert 'see mnist-nb class --help' in refused(capsys, 'class', '--what')
    assert {path.name for path in tmp_path.iterdir()} <= {'file', 'jupyter'}
    status, out, err = terminal('--opne')  # as the shell sees it
    assert (status, out) == (1, '') and 'Traceback' not in err and len(err.splitlines()) == 1


@pytest.mark.parametrize('words', [['new', '--no-open'], ['class', 'new']])
@pytest.mark.parametrize('error', [PermissionError(13, 'Permission denied', 'new'), OSError(28, 'No space left on device')])
def test_the_disk_refuses(tmp_path, capsys, monkeypatch, words, error):
    def refuse(*args, **kwargs): raise error
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Path, 'write_text', refuse)
    said = refused(capsys, *words)
    assert error.strerror in said and said.startswith(error.filename or 'A file')
    assert not [path for path in tmp_path.rglob('*') if path.is_file()]


def test_ctrl_c(capsys, monkeypatch, tmp_path):
    def interrupt(*args): raise KeyboardInterrupt
    monkeypatch.setattr(command, 'copy_book', interrupt)
    monkeypatch.setattr(command, '_add', interrupt)
    assert refused(capsys, tmp_path/'new') == refused(capsys, 'class', tmp_path/'new') == 'Stopped before the end: run the same command again.'
    assert not (tmp_path/'new').exists() and not list(tmp_path.glob('.new*'))


def test_help_and_version(capsys):
    assert terminal('--version') == (0, f'mnist-nb {__version__}', '')
    for words, promised in ((['--help'], ['[FOLDER]', '--no-open', 'mnist-nb class FOLDER']), (['class', '--help'], ['FOLDER', 'without answers'])):
        assert main(words) == 0
        printed = capsys.readouterr().out
        assert all(word in printed for word in promised) and max(map(len, printed.splitlines())) <= 80


FAKE_LAB = '''
import os, sys, time
print('lab', sys.argv[1:], os.getcwd(), flush=True)
try: time.sleep(float(os.environ['LAB_RUNS']))
except KeyboardInterrupt: print('asked to stop', flush=True)
sys.exit(int(os.environ.get('LAB_STATUS', 0)))
'''


@pytest.fixture
def lab(tmp_path, monkeypatch):
    "A JupyterLab that says how it was called, in place of the real one."
    (tmp_path/'fake/jupyterlab').mkdir(parents=True)
    (tmp_path/'fake/jupyterlab/__init__.py').touch()
    (tmp_path/'fake/jupyterlab/__main__.py').write_text(FAKE_LAB)
    monkeypatch.setenv('LAB_RUNS', '0')
    return str(tmp_path/'fake')


def test_jupyterlab_opens_the_book(book, lab, monkeypatch):
    status, out, err = terminal(book, before=lab)
    assert status == 0 and out.splitlines()[1:] == [f"lab ['index.ipynb'] {book.resolve()}"]
    monkeypatch.setenv('LAB_STATUS', '3')
    status, out, err = terminal(book, before=lab)
    assert (status, err) == (1, 'JupyterLab ended with an error, which stands above.')


@pytest.mark.skipif(os.name == 'nt', reason='Windows has no such signals')
@pytest.mark.parametrize('status', ['0', '1'])
def test_ctrl_c_is_for_jupyterlab(book, lab, monkeypatch, status):
    "It reaches both, as in a terminal; JupyterLab deals with it, the command waits for that, and finds nothing wrong with it."
    monkeypatch.setenv('LAB_RUNS', '60')
    monkeypatch.setenv('LAB_STATUS', status)
    process = start(book, before=lab, start_new_session=True)
    while not process.stdout.readline().startswith('lab'): pass
    time.sleep(0.3)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out.strip(), err) == (0, 'asked to stop', '')


def test_without_jupyterlab(book, capsys, monkeypatch):
    monkeypatch.setattr(command, 'find_spec', lambda name: None)
    assert refused(capsys, book) == "JupyterLab is not installed: pip install 'mnist_nb[lab]' brings it, then run this command again."
    assert main([str(book), '--no-open']) is None


def test_saved_outputs_are_trusted(tmp_path):
    "JupyterLab shows the shading of the saved tables, because it knows that the outputs are the book's."
    from nbformat.sign import NotebookNotary
    assert terminal(tmp_path/'book', '--no-open')[0] == 0
    notary = NotebookNotary()
    assert all(notary.check_signature(nbformat.read(path, as_version=4)) for path in (tmp_path/'book').rglob('*.ipynb'))


@pytest.fixture(scope='module')
def copies(tmp_path_factory):
    "A folder with both copies for a class."
    dest = tmp_path_factory.mktemp('class')/'new/copies'
    status, out, err = terminal('class', dest)
    learners = sum(not name.startswith('exercises/') for name in NAMES)
    assert (status, out, err) == (0, f'{dest}: {learners} notebooks for learners, {len(NAMES)} for teachers.', '')
    assert [path.name for path in dest.parent.iterdir()] == ['copies']  # nothing is left beside it
    return dest


def test_learners_have_no_answers_and_no_outputs(copies):
    learners = texts(copies/'learners')
    assert learners.keys() == {name for name in NAMES if not name.startswith('exercises/')}
    assert {path.name for path in (copies/'learners').iterdir()} == {name.split('/')[0] for name in learners}
    for name, text in learners.items():
        copy = nbformat.reads(text, as_version=4)
        if not name.startswith('behind/'): assert not re.search('# Solution|<summary>(?!Hint)|## For teachers', text), name
        assert all(cell.cell_type != 'code' or not (cell.outputs or cell.execution_count) for cell in copy.cells)
        if not name[0].isdigit(): continue
        assert '<summary>Hint' in text, name  # hints stay
        answers, questions = 0, False
        for cell in cells(NBS/name):
            questions = questions or cell.source.startswith('## Questions')
            answers += questions and cell.cell_type == 'code' and fold_name(cell) in ('Solution', 'Checked')
        assert len(cells(NBS/name)) - len(copy.cells) == answers, name
        assert sum('check_' in cell.source for cell in copy.cells) > 3, name  # the starters are there
        imported = {alias for c in copy.cells for alias in re.findall(r'\bcheck_\w+', c.source) if 'import' in c.source}
        assert imported >= {found for c in copy.cells for found in re.findall(r'^(check_\w+)\(', c.source, re.M)}, name


def test_teachers_have_everything(copies):
    teachers = texts(copies/'teachers')
    assert teachers.keys() == NAMES
    assert any(ANSWER.search(cell.source) for cell in cells(copies/'teachers/01_pixels.ipynb'))
    for name, text in teachers.items():
        here = [c for c in cells(NBS/name) if 'only-' not in str(c.metadata) or 'only-jupyter' in str(c.metadata)]
        copy = nbformat.reads(text, as_version=4).cells
        assert [c.get('outputs') for c in copy] == [c.get('outputs') for c in here]
        assert [c.source for c in copy if c.cell_type == 'code'] == [c.source for c in here if c.cell_type == 'code']


def test_links_lead_somewhere(book, copies):
    "To a file of the copy, or to a page of the website, whose names are those that nbdev gives."
    site = get_config(ROOT).doc_url.rstrip('/')
    pages = {nbpath2html(NBS/name).relative_to(NBS).as_posix() for name in NAMES} | {'site/reference.html', ''}
    for folder in (book, copies/'learners', copies/'teachers'):
        for name, text in texts(folder).items():
            for cell in nbformat.reads(text, as_version=4).cells:
                if cell.cell_type != 'markdown': continue
                for link in re.findall(r'\]\(([^)#\s]+)', re.sub('```.*?```|`[^`]*`', '', cell.source, flags=re.S)):
                    if link.startswith(site): assert link.removeprefix(site).lstrip('/') in pages, f'{name}: {link}'
                    else: assert link.startswith('https://') or ((folder/name).parent/link).exists(), f'{name}: {link}'


@pytest.mark.parametrize('notebook', ['book/glossary', 'learners/01_pixels', 'teachers/exercises/pixels'])
def test_they_run(book, copies, notebook):
    "With the kernel that Jupyter starts, from the first cell to the last; a checked exercise is still to be done, and says so."
    path = (book.parent if notebook.startswith('book') else copies)/f'{notebook}.ipynb'
    NotebookClient(nbformat.read(path, as_version=4), resources={'metadata': {'path': path.parent}}).execute()
