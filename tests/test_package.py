"""What reaches a reader who installs the package: what the wheel holds that all tests use, that nothing else is in reach, and that
what is published is the same."""
import ast, email, os, re, shutil, sys, tarfile, zipfile
from configparser import ConfigParser
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import mnist_nb
from wheel import FOLDER, NO_GIT, REPO, files, pip, run

VERSION = re.search('__version__ = "(.+)"', (REPO/'mnist_nb/__init__.py').read_text(encoding='utf-8'))[1]
DIGITS = {f'mnist_nb/digits/{part}-{kind}.xz' for part in ('train', 't10k') for kind in ('images', 'labels')}


@pytest.fixture(scope='module')
def built():
    "Where the package was built and installed that all tests import."
    if not (folder := os.environ.get(FOLDER)): pytest.skip(NO_GIT)
    return Path(folder)


@pytest.fixture(scope='module')
def tracked(built):
    "The project's files that are under version control."
    return files()


@pytest.fixture(scope='module')
def source(built, tmp_path_factory):
    "A clean copy of these files, in which to build something else."
    return shutil.copytree(built/'source', tmp_path_factory.mktemp('clean')/'source', ignore=shutil.ignore_patterns('dist', 'build', '*.egg-info'))


@pytest.fixture(scope='module')
def wheel(built):
    "The wheel."
    wheel, = (built/'source/dist').glob('*.whl')
    return wheel


@pytest.fixture(scope='module')
def installed(built):
    "A folder with nothing but the installed wheel."
    return built/'installed'


@pytest.fixture(scope='module')
def distributions(source):
    "What is published: the source distribution, and the wheel built from that."
    run(sys.executable, '-m', 'build', '--no-isolation', cwd=source)
    (archive,), (wheel,) = (tuple((source/'dist').glob(kind)) for kind in ('*.tar.gz', '*.whl'))
    return archive, wheel


@pytest.fixture(scope='module')
def editable(source, tmp_path_factory):
    "A folder with nothing but an editable installation, as a clone of the repository has."
    prefix = tmp_path_factory.mktemp('editable')
    pip('--ignore-installed', '--prefix', prefix, '--no-build-isolation', '--editable', source)  # or pip would remove ours
    pth, = prefix.rglob('*.pth')
    return pth.parent


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
    "The modules, the notebooks, the digits, the table of the lottery, what the things to touch need, the licences, what every wheel has, and nothing else."
    with zipfile.ZipFile(wheel) as archive: names = set(archive.namelist())
    ours = {name for name in names if name.startswith('mnist_nb/')}
    modules = {file for file in tracked if file.startswith('mnist_nb/') and file.endswith('.py')}
    notebooks = {f'mnist_nb/book/{file.removeprefix("nbs/")}' for file in tracked if re.match(r'nbs/.*\.ipynb$', file)}
    assert 'mnist_nb/command.py' in modules and 'mnist_nb/book/behind/command.ipynb' in notebooks
    things = {f'mnist_nb/book/{file.removeprefix("nbs/")}' for file in tracked if re.match(r'nbs/explore/.*\.(js|css|png)$', file)}
    assert 'mnist_nb/book/explore/pad.js' in things and any(name.endswith('.png') for name in things)
    assert ours == modules | notebooks | things | DIGITS | {'mnist_nb/digits/LICENSE', 'mnist_nb/lottery.csv'}
    assert {name.partition('.dist-info/')[2] for name in names - ours} == {
        'METADATA', 'WHEEL', 'RECORD', 'top_level.txt', 'entry_points.txt', 'licenses/LICENSE'}


def test_this_is_what_is_tested(installed):
    "Here, and in the programs that tests start, wherever these are."
    assert Path(mnist_nb.__file__) == installed/'mnist_nb/__init__.py'
    assert run(sys.executable, '-c', 'import mnist_nb; print(mnist_nb.__file__)', cwd=REPO/'tests').strip() == mnist_nb.__file__


def test_it_is_what_is_published(wheel, distributions):
    "A wheel that is built from the source distribution has the same files, byte for byte."
    tested, published = ({name: archive.read(name) for name in archive.namelist()} for archive in map(zipfile.ZipFile, (wheel, distributions[1])))
    assert tested == published


def test_source(distributions, tracked):
    "The source distribution has what the wheel is built from."
    archive = distributions[0]
    with tarfile.open(archive) as opened: names = {name.partition('/')[2] for name in opened.getnames()}
    assert names >= {file for file in tracked if file.startswith('mnist_nb/') or re.match(r'nbs/.*\.ipynb$', file)}
    assert names >= {'settings.ini', 'setup.py', 'pyproject.toml', 'README.md', 'LICENSE'}


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


def command(python, *words, cwd):
    "Copy the book with `mnist-nb`, started as the script that was installed starts it. Returns where the book came from, and what was said."
    code = f"""if True:
        {python}
        from mnist_nb.command import book_folder, main
        print(book_folder())
        sys.exit(main({list(words)!r}))"""
    env = {**os.environ, 'PYTHONPATH': '', 'JUPYTER_DATA_DIR': str(cwd/'jupyter')}
    return run(sys.executable, '-S', '-c', code, cwd=cwd, env=env).splitlines()


def everything_else():
    "The folders of this environment, without what its .pth files would add."
    return [folder for folder in sys.path if 'site-packages' in folder]


def test_things_to_touch_from_the_wheel(installed, home):
    "Their modules come out of the package."
    code = 'from mnist_nb.explore import Pad, bundled; print(len(bundled("pad.js")), Pad().values()["digit"])'
    size, digit = run(sys.executable, '-c', code, cwd=home, env={**os.environ, 'PYTHONPATH': str(installed)}).split()
    assert int(size) > 100_000 and digit == '0'


def test_command_from_the_wheel(installed, source, tmp_path):
    "The notebooks come out of the package; the script that pip makes leads to the command."
    book, said = command(f'import sys; sys.path += [{str(installed)!r}, *{everything_else()}]', 'new', '--no-open', cwd=tmp_path)
    assert Path(book) == installed/'mnist_nb/book' and said.startswith('The book is in new: ')
    copied = {path.relative_to(tmp_path/'new') for path in (tmp_path/'new').rglob('*.ipynb')}
    assert copied == {path.relative_to(source/'nbs') for path in (source/'nbs').rglob('*.ipynb')}
    script, = (path for path in (installed/'bin', installed/'Scripts') if path.exists())
    assert [path.stem for path in script.iterdir()] == ['mnist-nb']
    env = {**os.environ, 'PYTHONPATH': str(installed)}
    assert run(next(script.iterdir()), '--version', cwd=tmp_path, env=env) == f'mnist-nb {VERSION}\n'


def test_command_from_a_clone(editable, source, tmp_path):
    "The notebooks are those that their authors edit."
    first = f'sys.path.insert(0, {str(editable)!r})'  # or the modules that lead to the clone would be those of ours, of the same name
    begin = f'import sys, site; {first}; sys.path += {everything_else()}; site.addsitedir({str(editable)!r})'
    book, said = command(begin, 'new', '--no-open', cwd=tmp_path)
    assert Path(book).resolve() == (source/'nbs').resolve() and said.startswith('The book is in new: ')


def requirements(lines):
    "Requirements in one spelling, as a set."
    return {str(Requirement(line)) for line in lines}


def test_requirements(metadata, facts):
    "The package requires what settings.ini says, for its readers, for reading in JupyterLab, and for its makers."
    required = [Requirement(line) for line in metadata.get_all('Requires-Dist')]
    assert metadata.get_all('Provides-Extra') == ['lab', 'dev']
    assert {str(r) for r in required if not r.marker} == requirements(facts['requirements'].split())
    lab, dev = ({str(r).partition(';')[0] for r in required if r.marker and r.marker.evaluate({'extra': extra})} for extra in ('lab', 'dev'))
    assert lab == requirements(facts['lab_requirements'].split())
    assert dev == lab | requirements(facts['dev_requirements'].split())


def test_what_is_imported_is_required(facts):
    "Everything that the package imports is required by name, or comes with something that is."
    comes_with = {'cycler': 'matplotlib', 'matplotlib-inline': 'ipython', 'python-fasthtml': 'fastprogress', 'traitlets': 'ipython'}
    named = {canonicalize_name(Requirement(line).name) for line in facts['requirements'].split()}
    found = packages_distributions()
    for module in (REPO/'mnist_nb').rglob('*.py'):
        for node in ast.walk(ast.parse(module.read_text(encoding='utf-8'))):
            if isinstance(node, ast.ImportFrom): imported = [node.module] if not node.level else []
            else: imported = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in {name.split('.')[0] for name in imported} - set(sys.stdlib_module_names) - {'mnist_nb'}:
                packages = {canonicalize_name(package) for package in found[name]}
                assert packages & (named | set(comes_with)), f'{module.name} imports {name}'


def test_lowest_versions(facts):
    "Each requirement says from which version on, and the constraints keep to that."
    pins = [Requirement(line) for line in (REPO/'constraints.txt').read_text().splitlines() if '==' in line]
    for requirement in map(Requirement, (facts['requirements'] + facts['lab_requirements']).split()):
        assert [specifier.operator for specifier in requirement.specifier] == ['>='], requirement
        pinned = [pin for pin in pins if canonicalize_name(pin.name) == canonicalize_name(requirement.name)]
        assert pinned and all(next(iter(pin.specifier)).version in requirement.specifier for pin in pinned), requirement


def test_constraints_name_no_address():
    assert '://' not in (REPO/'constraints.txt').read_text()


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
    heavy = {'fastai', 'torchvision', 'pandas', 'matplotlib', 'IPython', 'fastprogress', 'anywidget'}
    for module, much in (('data', heavy), ('learner', heavy), ('command', heavy | {'torch', 'numpy', 'nbformat'})):
        code = f'import sys, mnist_nb.{module}; print(*sorted({much!r} & set(sys.modules)))'
        assert run(sys.executable, '-c', code, cwd=tmp_path).split() == []
