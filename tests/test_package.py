"""What reaches a reader who installs the package: the wheel is built from the tracked files only, installed
into a folder of its own, and used from there."""
import email, importlib.util, os, shutil, subprocess, sys, zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

REPO = Path(__file__).resolve().parent.parent
DIGITS = {f'mnist_nb/digits/{part}-{kind}.xz' for part in ('train', 't10k') for kind in ('images', 'labels')}


def run(*command, **how):
    "Run a command that has to succeed. Returns what it printed."
    result = subprocess.run(command, capture_output=True, text=True, **how)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope='module')
def tracked():
    "The project's files that are under version control."
    if not shutil.which('git') or not (REPO/'.git').exists(): pytest.skip('needs a git checkout, to know our files')
    files = run('git', 'ls-files', '-z', cwd=REPO).split('\0')
    return [file for file in files if (REPO/file).is_file()]  # without those just deleted or moved


@pytest.fixture(scope='module')
def wheel(tracked, tmp_path_factory):
    "The wheel, built from the source distribution, built from a clean copy of the tracked files."
    source = tmp_path_factory.mktemp('source')
    for file in tracked:
        (source/file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPO/file, source/file)
    # In this environment, so that the test needs no network; `build` checks that it has what building takes.
    run(sys.executable, '-m', 'build', '--no-isolation', cwd=source)
    assert len(list((source/'dist').glob('*.tar.gz'))) == 1
    wheel, = (source/'dist').glob('*.whl')
    return wheel


@pytest.fixture(scope='module')
def installed(wheel, tmp_path_factory):
    "A folder with nothing but the installed wheel."
    target = tmp_path_factory.mktemp('target')
    pip = ['pip'] if importlib.util.find_spec('pip') else ['uv', 'pip']  # uv makes environments without pip
    run(sys.executable, '-m', *pip, 'install', '--no-deps', '--no-index', '--target', target, wheel)
    return target


@pytest.fixture(scope='module')
def facts():
    "The facts in settings.ini."
    ini = ConfigParser()
    ini.read(REPO/'settings.ini', encoding='utf-8')
    return ini['DEFAULT']


@pytest.fixture(scope='module')
def metadata(wheel):
    "The wheel's own metadata."
    with zipfile.ZipFile(wheel) as archive:
        name, = (name for name in archive.namelist() if name.endswith('.dist-info/METADATA'))
        return email.message_from_string(archive.read(name).decode())


def test_content(wheel, tracked):
    "The modules, the digits, the licences, what every wheel has, and nothing else."
    with zipfile.ZipFile(wheel) as archive: names = set(archive.namelist())
    ours = {name for name in names if name.startswith('mnist_nb/')}
    modules = {file for file in tracked if file.startswith('mnist_nb/') and file.endswith('.py')}
    assert 'mnist_nb/data.py' in modules
    assert ours == modules | DIGITS | {'mnist_nb/digits/LICENSE'}
    assert {name.partition('.dist-info/')[2] for name in names - ours} == {
        'METADATA', 'WHEEL', 'RECORD', 'top_level.txt', 'entry_points.txt', 'licenses/LICENSE'}


def test_size(wheel):
    "Small enough for a slow connection."
    assert wheel.stat().st_size < 20e6


def test_works_alone(installed, home):
    "The installed package finds its digits, from any folder, and nothing of the checkout is in reach."
    code = '''if True:
        import sys
        from pathlib import Path
        import mnist_nb
        from mnist_nb.data import *
        print(mnist_nb.__file__)
        print([folder for folder in map(Path, sys.path) if (folder/'mnist_nb').exists()])
        for split in ('train', 'valid'): print(*map(len, load_sample(split)), *map(len, load_mnist(split)))'''
    lines = run(sys.executable, '-c', code, cwd=home, env={**os.environ, 'PYTHONPATH': str(installed)}).splitlines()
    assert lines[0] == str(installed/'mnist_nb/__init__.py')
    assert lines[1] == str([installed])
    assert lines[2:] == ['12396 12396 60000 60000', '2038 2038 10000 10000']


def requirements(lines):
    "Requirements in one spelling, as a set."
    return {str(Requirement(line)) for line in lines}


def test_requirements(metadata, facts):
    "The package requires what settings.ini says, for its readers and for its makers."
    required = [Requirement(line) for line in metadata.get_all('Requires-Dist')]
    assert {str(r) for r in required if not r.marker} == requirements(facts['requirements'].split())
    makers = [str(r).partition(';')[0] for r in required if r.marker and r.marker.evaluate({'extra': 'dev'})]
    assert requirements(makers) == requirements(facts['dev_requirements'].split())
    assert len(required) == len(facts['requirements'].split()) + len(makers)


def test_metadata(metadata, facts):
    "Name, licence, Python versions and the text of the front page."
    assert metadata['Name'] == 'mnist_nb'
    assert metadata['License-Expression'] == facts['license']
    assert metadata['Requires-Python'] == f'>={facts["min_python"]}'
    versions = [f'Programming Language :: Python :: {version}' for version in facts['pythons'].split()]
    assert set(versions) <= set(metadata.get_all('Classifier'))
    assert metadata.get_payload().strip() == (REPO/'README.md').read_text(encoding='utf-8').strip()


def test_import_is_light(tmp_path):
    "A reader of the first chapters does not wait for what only later ones use."
    heavy = {'fastai', 'torchvision', 'pandas', 'matplotlib', 'IPython', 'fastprogress'}
    code = f'import sys, mnist_nb.data; print(*sorted({heavy!r} & set(sys.modules)))'
    assert run(sys.executable, '-c', code, cwd=tmp_path, env={**os.environ, 'PYTHONPATH': str(REPO)}).split() == []
