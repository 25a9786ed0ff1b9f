"""What stands around the book: addresses and the version, which are written once and filled in everywhere else, the cell that
sets a notebook up, and the files that people expect of a repository."""
import json, os, re, shutil, subprocess, sys, tomllib
from pathlib import Path

import nbformat, pytest, yaml
from IPython.core.interactiveshell import InteractiveShell

from tools import fill_in

ROOT = Path(__file__).resolve().parent.parent
NOW = fill_in.facts()
OWNER, NAME = fill_in.short(NOW['repository']).split('/')
WORKFLOWS = sorted((ROOT/'.github/workflows').glob('*.yml'))
NOTEBOOKS = sorted([*(ROOT/'nbs').glob('[0-9]*.ipynb'), *(ROOT/'nbs/behind').glob('*.ipynb')])


@pytest.fixture
def copy(tmp_path):
    "The project's files in another place, which a test may change."
    for path in [*fill_in.files(), ROOT/'pyproject.toml']:
        target = tmp_path/path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    return tmp_path


def run(folder, *words, **env):
    "Run the command in a folder of its own."
    env = {**os.environ, **env}
    return subprocess.run([sys.executable, 'tools/fill_in.py', *words], cwd=folder, env=env, capture_output=True, text=True)


def move(folder, old, new):
    "Change a line of pyproject.toml."
    path = folder/'pyproject.toml'
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_everything_is_filled_in():
    "As pyproject.toml says, in one spelling; on a code host, it is also where this runs."
    result = subprocess.run([sys.executable, 'tools/fill_in.py', '--check'], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize('text, ours', [
    (f'https://github.com/{OWNER}/{NAME}', True), (f'(https://github.com/{OWNER}/{NAME}/issues)', True),
    (f'git+https://github.com/{OWNER}/{NAME}@v1', True), (f'https://colab.research.google.com/github/{OWNER}/{NAME}/blob/main', True),
    (f'https://raw.githubusercontent.com/{OWNER}/{NAME}/main/x', True), (NOW['website'], True), (f'{NOW["website"]}sgd.html', True),
    ('https://github.com/fastai/fastai', True), ('https://somebody.github.io/distill', True),
    (f'http://github.com/{OWNER}/{NAME}', False), (f'https://www.github.com/{OWNER}/{NAME}', False), (f'github.com/{OWNER}/{NAME}', False),
    (f'https://github.com/{OWNER}/{NAME}.git', False), (f'git@github.com:{OWNER}/{NAME}', False), (f'https://github.com/{OWNER.title()}/{NAME}', False),
    (f'https://github.com/{OWNER}/{NAME.replace("_", "-")}', False), (f'https://github.com/somebody/{NAME}', False),
    (f'https://{OWNER}.github.io/{NAME.replace("_", "-")}/', False), (f'http://{OWNER}.github.io/{NAME}/', False),
])
def test_second_spellings_are_found(text, ours):
    found = fill_in.spellings({ROOT/'README.md': f'A line.\nSee {text} there.'}, NOW)
    assert bool(found) != ours and all(sentence.startswith('README.md, line 2: ') for sentence in found)


def test_the_book_moves(copy):
    "One line for the repository, one for the website, one command; nothing of the old addresses is left, and all is in step."
    other = 'reader/digits'
    elsewhere = run(copy, '--check', GITHUB_REPOSITORY=other)
    assert elsewhere.returncode == 1 and f'This runs in the repository {other}' in elsewhere.stderr
    move(copy, NOW['repository'], f'https://github.com/{other}')
    move(copy, NOW['website'], 'https://reader.github.io/digits/')
    before = run(copy, '--check')
    assert before.returncode == 1 and 'Out of step with pyproject.toml' in before.stderr and 'Traceback' not in before.stderr
    moved = run(copy)
    assert moved.returncode == 0, moved.stdout + moved.stderr
    after = run(copy, '--check', GITHUB_REPOSITORY=other)
    assert after.returncode == 0, after.stderr
    for path in copy.rglob('*'):
        if path.suffix not in fill_in.TEXT or not path.is_file() or '_proc' in path.parts: continue
        text = path.read_text(encoding='utf-8')
        assert not re.search(rf'{OWNER}[/.](github|{NAME})', text), path.relative_to(copy)
    assert f'git+https://github.com/{other}@v' in (copy/'nbs/01_pixels.ipynb').read_text(encoding='utf-8')
    assert run(copy).stdout == '0 files changed.\n'


@pytest.mark.parametrize('old, new, said', [
    (f'Repository = "{NOW["repository"]}"', 'Repository = "here"', 'Repository in pyproject.toml is here, but has to be'),
    (f'Documentation = "{NOW["website"]}"', 'Documentation = "http://x"', 'Documentation in pyproject.toml is http://x, but has to'),
    ('Repository = ', 'Other = ', "pyproject.toml has no 'Repository'"), ('[project.urls]', '[project.urls', 'Expected'),
])
def test_bad_input(copy, old, new, said):
    move(copy, old, new)
    for words in ([], ['--check']):
        result = run(copy, *words)
        assert result.returncode == 1 and said in result.stderr and len(result.stderr.splitlines()) == 1, result.stderr


def test_unknown_option():
    result = run(ROOT, '--chekc')
    assert result.returncode == 1 and result.stderr.startswith("No such option '--chekc'") and result.stderr.endswith('see fill_in.py --help.\n')


def test_a_damaged_notebook(copy):
    (copy/'nbs/03_sgd.ipynb').write_text('{"cells": ')
    result = run(copy)
    assert result.returncode == 1 and result.stderr.startswith('nbs/03_sgd.ipynb could not be read') and len(result.stderr.splitlines()) == 1


def first_code(notebook: Path):
    "The first cell with code."
    return next(cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == 'code')


@pytest.mark.parametrize('notebook', NOTEBOOKS, ids=lambda path: path.stem)
def test_set_up_is_the_first_cell_with_code(notebook):
    first = first_code(notebook)
    assert first.id == 'colab' and first.source.startswith('# Set-up\n')
    assert first.metadata == {'cellView': 'form', 'jupyter': {'source_hidden': True}, 'nbdev': {'hide': 'true'}}


@pytest.fixture
def shell(monkeypatch):
    "A shell that notes what pip would be asked, and does nothing about it."
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.asked = []
    shell.register_magic_function(shell.asked.append, 'line', 'pip')
    yield shell
    InteractiveShell.clear_instance()


def test_set_up_in_colab(shell, monkeypatch, capsys):
    "It says in one line what it does, installs the release of this version, and keeps the PyTorch that is there."
    from importlib.metadata import version
    source = first_code(NOTEBOOKS[0]).source
    monkeypatch.setitem(sys.modules, 'google.colab', object())
    shell.run_cell(source).raise_error()
    assert capsys.readouterr().out.splitlines() == [f'Installing mnist_nb {NOW["version"]}, the package of this book, beside the PyTorch that Colab has.']
    assert shell.asked == [f'install -q git+{NOW["repository"]}@v{NOW["version"]} torch=={version("torch")}']
    assert 'slow' in shell.magics_manager.magics['cell']


def test_set_up_elsewhere(shell, capsys):
    source = first_code(NOTEBOOKS[0]).source
    shell.run_cell(source).raise_error()
    assert shell.asked == [] and capsys.readouterr().out == '' and 'slow' in shell.magics_manager.magics['cell']


def test_versions_agree():
    "In the package, the citation and the list of changes."
    assert re.fullmatch(r'\d+\.\d+\.\d+', NOW['version'])
    assert yaml.safe_load((ROOT/'CITATION.cff').read_text())['version'] == NOW['version']
    changes = re.findall(r'^## (\S+?)(?:,.*)?$', (ROOT/'CHANGELOG.md').read_text(), re.M)
    assert changes[0] == NOW['version'] and len(set(changes)) == len(changes)


def test_citation():
    "It has what the format asks for, and says what the package's metadata say."
    citation = yaml.safe_load((ROOT/'CITATION.cff').read_text())
    assert citation.keys() >= {'cff-version', 'message', 'title', 'authors'} and citation['cff-version'] == '1.2.0'
    pyproject = tomllib.loads((ROOT/'pyproject.toml').read_text())
    assert citation['title'] == pyproject['tool']['nbdev']['title']
    assert (citation['repository-code'], citation['url']) == (NOW['repository'], NOW['website'])
    assert f'author = {citation["authors"][0]["name"]}\n' in (ROOT/'settings.ini').read_text()


@pytest.mark.parametrize('workflow', WORKFLOWS, ids=lambda path: path.stem)
def test_workflows(workflow):
    "Every action is pinned by commit, with its version beside it, and nobody may do more than needed."
    text = workflow.read_text()
    for line in re.findall(r'uses: (.*)', text): assert re.fullmatch(r'[\w./-]+@[0-9a-f]{40} +# v[\d.]+', line), line
    content = yaml.safe_load(text)
    assert content['permissions'] in ({}, {'contents': 'read'})
    for name, job in content['jobs'].items():
        assert 'secrets.' not in str(job) and job.get('permissions', {}).get('contents') in (None, 'read'), name


def test_only_a_tested_release_is_published():
    jobs = yaml.safe_load((ROOT/'.github/workflows/release.yml').read_text())['jobs']
    assert jobs['publish']['needs'] == 'build' and jobs['publish']['permissions'] == {'id-token': 'write'}
    steps = [step.get('run', step.get('uses')) for step in jobs['build']['steps']]
    places = [next(i for i, step in enumerate(steps) if word in step) for word in ('pytest', 'python -m build', 'mnist-nb', 'upload-artifact')]
    assert places == sorted(places)


def test_issue_forms():
    "Each asks for something, and its fields have names of their own."
    forms = [path for path in (ROOT/'.github/ISSUE_TEMPLATE').glob('*.yml') if path.stem != 'config']
    assert len(forms) == 3
    for form in map(yaml.safe_load, (path.read_text() for path in forms)):
        assert form.keys() >= {'name', 'description', 'body'}
        ids = [field['id'] for field in form['body'] if field['type'] != 'markdown']
        assert len(set(ids)) == len(ids) and all(field['attributes']['label'] for field in form['body'])
        assert any(field.get('validations', {}).get('required') for field in form['body'])


def test_devcontainer():
    text = (ROOT/'.devcontainer/devcontainer.json').read_text()
    container = json.loads(re.sub('^//.*', '', text, flags=re.M))
    assert '-c constraints.txt' in container['postCreateCommand'] and 'mnist-nb --no-open' in container['postCreateCommand']
    assert container['customizations']['codespaces']['openFiles'] == ['mnist-nb-book/index.ipynb']
