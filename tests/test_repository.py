"""What stands around the book: addresses and the version, which are written once and filled in everywhere else, the cell that
sets a notebook up, and the files that people expect of a repository."""
import ast, json, os, re, shutil, subprocess, sys, tomllib
from pathlib import Path
from types import SimpleNamespace

import nbformat, pytest, yaml
from IPython.core.interactiveshell import InteractiveShell
from nbdev.config import get_config
from nbdev.test import nb_test_cells

import conftest
from tools import fill_in

ROOT = Path(__file__).resolve().parent.parent
CONFIG = get_config(ROOT)
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


@pytest.mark.parametrize('notebook', sorted((ROOT/'nbs').rglob('[!.]*.ipynb')), ids=lambda path: path.stem)
def test_slow_cells_come_after_what_knows_them(notebook):
    "Or they would run only as long as nobody asks for them."
    if '.ipynb_checkpoints' in notebook.parts: return
    known = False
    for cell in nbformat.read(notebook, as_version=4).cells:
        if cell.cell_type != 'code': continue
        known |= bool(re.search(r'^set_up\(\)', cell.source, re.M))
        assert known or not cell.source.startswith('%%slow'), cell.source


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


def jobs(name: str) -> dict:
    "The jobs of a workflow."
    return yaml.safe_load((ROOT/f'.github/workflows/{name}.yml').read_text())['jobs']


def steps(job: dict) -> list[str]:
    "What a job does: the commands it runs, and the actions it uses."
    return [step.get('run', step.get('uses')) for step in job['steps']]


@pytest.mark.parametrize('workflow', WORKFLOWS, ids=lambda path: path.stem)
def test_workflows(workflow):
    "Every action is pinned by commit, with its version beside it, nobody may do more than needed, and no stranger's words are run."
    text = workflow.read_text()
    for line in re.findall(r'uses: (.*)', text): assert re.fullmatch(r'[\w./-]+@[0-9a-f]{40} +# v[\d.]+', line), line
    content = yaml.safe_load(text)
    assert content['permissions'] in ({}, {'contents': 'read'})
    assert 'pull_request_target' not in text and 'secrets.' not in text
    for name, job in content['jobs'].items():
        assert job['timeout-minutes'] <= 240
        assert job.get('permissions', {}).get('contents') in (None, 'read'), name
        for step in job['steps']:
            assert '${{' not in step.get('run', '')
            if 'actions/checkout@' in step.get('uses', ''): assert step['with']['persist-credentials'] is False
        may_write = {'write'} & set(job.get('permissions', {}).values())
        if may_write: assert name == 'publish' and job['needs'] and all(isinstance(step.get('uses'), str) for step in job['steps'])  # it runs nothing of its own


def test_only_a_tested_release_is_published():
    release = jobs('release')
    assert set(release['publish']['needs']) == {'build', 'alone'} and release['publish']['permissions'] == {'id-token': 'write'}
    assert release['alone']['needs'] == 'build' and 'mnist-nb book' in steps(release['alone'])[-1]
    wanted = ('git merge-base --is-ancestor "$GITHUB_SHA" origin/main', 'nbdev-test && pytest', 'python -m build', 'upload-artifact')
    places = [next(i for i, step in enumerate(steps(release['build'])) if word in step) for word in wanted]
    assert places == sorted(places)


def test_only_a_tested_site_is_published():
    "The commit that the workflow `test` has passed on the main branch, in a push."
    content = yaml.safe_load((ROOT/'.github/workflows/site.yml').read_text())
    assert content[True] == {'workflow_run': {'workflows': ['test'], 'types': ['completed'], 'branches': ['main']}}  # YAML reads `on` as true
    build, publish = content['jobs']['build'], content['jobs']['publish']
    assert build['if'] == "github.event.workflow_run.conclusion == 'success' && github.event.workflow_run.event == 'push'"
    assert build['steps'][0]['with']['ref'] == '${{ github.event.workflow_run.head_sha }}'
    assert publish['needs'] == 'build' and publish['permissions'] == {'pages': 'write', 'id-token': 'write'}
    places = [next(i for i, step in enumerate(steps(build)) if word in step) for word in ('pytest tests/test_site.py', 'upload-pages-artifact')]
    assert places == sorted(places)


@pytest.mark.parametrize('name', ['release', 'site'])
def test_what_is_published_is_made_with_pinned_files(name):
    "Everything is installed by its checksum, nothing comes from a cache that others fill, and nothing is fetched when the package is built."
    build = jobs(name)['build']
    pip = [line for step in steps(build) for line in step.splitlines() if 'pip install' in line]
    assert pip == ['pip install --require-hashes --only-binary :all: -r .github/pins.txt', 'pip install --no-deps --no-build-isolation -e . && pip check']
    assert 'cache' not in str(build)
    assert all('--no-isolation' in step for step in steps(build) if 'python -m build' in step)


def pins(path: Path) -> set[str]:
    "The versions that a file pins."
    return set(re.findall(r'^[\w.-]+==[\w.]+', path.read_text(), re.M))


def test_pins_are_in_step():
    "Those with checksums are those of constraints.txt, each has a checksum, and neither file says where from."
    path = ROOT/'.github/pins.txt'
    both = pins(ROOT/'constraints.txt') ^ pins(path)
    assert not both, f'the command in the first lines of .github/pins.txt brings it in step: {both}'
    whole = re.sub(r'\\\n\s+', '', re.sub('^#.*\n', '', path.read_text(), flags=re.M))
    for line in whole.splitlines(): assert re.fullmatch(r'[\w.-]+==[\w.]+( ; [^#\\]+?)? *(--hash=sha256:[0-9a-f]{64} *)+', line), line
    assert '://' not in path.read_text()


GOOD = 'pip install -e . && nbdev-test && pytest --cov'
BASH = pytest.mark.skipif(os.name == 'nt', reason='Windows may have another bash than that of git')


@BASH
@pytest.mark.parametrize('readme, status, said', [
    (f'Test it:\n{GOOD}\n', 0, GOOD), (f'\n{GOOD}; exit 3\n', 3, GOOD), (f'false && {GOOD}\n', 1, 'false'), ('Read it.\n', 1, 'has: none'), ('', 1, 'has: none'),
    (f'{GOOD}\nOr only nbdev-test.\n', 1, 'only one'), ('pip install -e . && nbdev-test\n', 1, 'pytest with --cov'), ('pip install -e . # nbdev-test pytest\n', 1, 'only one'),
])
def test_the_readme_is_tested(tmp_path, readme, status, said):
    "Its command is run, whatever it ends with; without one, nothing passes. CI and the workflow both do it by the same script."
    (tmp_path/'.ci').mkdir()
    shutil.copy(ROOT/'.ci/test', tmp_path/'.ci')
    (tmp_path/'README.md').write_text(readme)
    (tmp_path/'bin').mkdir()
    for name in ('pip', 'nbdev-test', 'pytest'):
        (tmp_path/'bin'/name).write_text(f'#!/bin/sh\necho {name} >> ran\n')
        (tmp_path/'bin'/name).chmod(0o755)
    env = {**os.environ, 'PATH': os.pathsep.join([str(tmp_path/'bin'), os.environ['PATH']])}
    env.pop('NBDEV_TEST', None)  # .ci/run sets it, and these tests run inside it
    result = subprocess.run([tmp_path/'.ci/test'], env=env, capture_output=True, text=True)
    assert result.returncode == status and said in result.stdout, result.stdout + result.stderr
    ran = (tmp_path/'ran').read_text().split() if (tmp_path/'ran').exists() else []
    assert ran == (['pip', 'nbdev-test', 'pytest'] if readme.strip().startswith(('Test', GOOD)) and 'Or' not in readme else [])


def test_ci_tests_the_readme():
    assert "\nNBDEV_TEST='python tools/prove.py' .ci/test\n" in (ROOT/'.ci/run').read_text() and steps(jobs('test')['test'])[-1] == '.ci/test' and steps(jobs('test')['in-step'])[-1] == '.ci/run'


SKIPS = {  # the code of a test, and whether it may be skipped in CI: here, where there is no `nowhere`
    'def test(): pytest.skip("no mood")': False, '@pytest.mark.skip(reason="never")\ndef test(): pass': False,
    '@pytest.mark.skipif(True, reason="Windows is meant")\ndef test(): pass': os.name == 'nt', 'pytest.importorskip("nowhere")\ndef test(): pass': False,
    '@pytest.fixture\ndef x(): pytest.skip("not today")\ndef test(x): pass': False, '@pytest.mark.xfail\ndef test(): assert 0': False,
    '@pytest.mark.parametrize("x", [])\ndef test(x): pass': False, 'def test(): pass': True}


def test_a_skipped_test_fails_in_ci(tmp_path):
    "Unless it was expected to be skipped where it runs."
    for i, code in enumerate(SKIPS): (tmp_path/f'test_{i}.py').write_text(f'import pytest\n{code}\n')
    (tmp_path/'pytest.ini').write_text('[pytest]\n')
    env = {**os.environ, 'CI': 'true', 'PYTHONPATH': os.pathsep.join(filter(None, [str(ROOT/'tests'), os.getenv('PYTHONPATH')]))}
    command = [sys.executable, '-m', 'pytest', '-p', 'conftest', '-p', 'no:cacheprovider', '-q', '--continue-on-collection-errors']
    result = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    bad = {int(i) for i in re.findall(r'^(?:FAILED|ERROR) test_(\d)', result.stdout, re.M)}
    assert bad == {i for i, fine in enumerate(SKIPS.values()) if not fine}, result.stdout + result.stderr
    assert result.returncode and result.stdout.count('does not expect that here') >= len(bad)


def test_ci_runs_no_selection(monkeypatch):
    selecting = SimpleNamespace(getoption=lambda name, default: 'fast' if name == 'markexpr' else default)
    monkeypatch.setattr(conftest, 'CI', False)
    conftest.pytest_configure(selecting)
    monkeypatch.setattr(conftest, 'CI', True)
    with pytest.raises(pytest.UsageError, match='told to select some .markexpr.'): conftest.pytest_configure(selecting)


def test_no_test_is_lost():
    "In a file that pytest passes over, or because a second one has the same name."
    for path in (ROOT/'tests').glob('*.py'):
        names = [node.name for node in ast.parse(path.read_text(encoding='utf-8')).body if isinstance(node, ast.FunctionDef) and node.name.startswith('test_')]
        assert len(set(names)) == len(names) and (not names or path.name.startswith('test_')), path.name


@pytest.mark.parametrize('notebook', sorted((ROOT/'nbs').rglob('[!.]*.ipynb')), ids=lambda path: path.relative_to(ROOT/'nbs').as_posix())
def test_no_cell_is_left_out(notebook):
    "nbdev-test runs every cell but the slow ones, which say so."
    assert not list(notebook.parent.glob('.notest')) and not re.search('^[_.]', notebook.relative_to(ROOT/'nbs').as_posix()) or '_proc' in notebook.parts
    code = [cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == 'code' and 'slow' not in cell.metadata.get('nbdev', {})]
    assert len(nb_test_cells(notebook, CONFIG.tst_flags.split())) == len(code)


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
