"""What is tested: the package as a reader gets it, built as a wheel and installed into a folder of its own.

The first process of a test run builds it, from the files under version control (and those that aren't ignored), so that what is
missing there is missing in the tests, too. All tests, and all programs that they start, import `mnist_nb` from that folder.
Without git, as in an unpacked source distribution, they import the package that lies beside them."""
import importlib.util, os, shutil, subprocess, sys
from pathlib import Path
from tempfile import mkdtemp

REPO = Path(__file__).resolve().parent.parent
NO_GIT = 'needs a git checkout, to know our files'  # and then the package beside the tests is tested, as it is
FOLDER = 'MNIST_NB_TESTED'  # the variable that tells the other processes where it is


def run(*command, **how) -> str:
    "Run a command that has to succeed. Returns what it printed."
    result = subprocess.run(command, capture_output=True, text=True, **how)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def pip(*words):
    "Install something, without a network, and without what it requires, which is here."
    pip = ['pip'] if importlib.util.find_spec('pip') else ['uv', 'pip']  # uv makes environments without pip
    run(sys.executable, '-m', *pip, 'install', '--no-deps', '--no-index', *words)


def files() -> list[str]:
    "The project's files that are under version control, and those that a commit could add."
    listed = run('git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard', cwd=REPO).split('\0')
    return [file for file in listed if (REPO/file).is_file()]  # without those just deleted or moved


def build(folder: Path):
    "Copy our files into `source` of a folder, build the wheel there, and install it into `installed`."
    for file in files():
        (folder/'source'/file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPO/file, folder/'source'/file)
    # In this environment, so that the tests need no network; `build` checks that it has what building takes.
    run(sys.executable, '-m', 'build', '--no-isolation', '--wheel', cwd=folder/'source')
    wheel, = (folder/'source/dist').glob('*.whl')
    pip('--target', folder/'installed', wheel)


made = []  # the folder, in the process that has built it


def use():
    "Import `mnist_nb` from the installed wheel from now on, here and in every process that is started from here."
    if FOLDER not in os.environ:
        if not shutil.which('git') or not (REPO/'.git').exists(): return
        made.append(folder := Path(mkdtemp(prefix='mnist_nb-')).resolve())
        try: build(folder)
        except BaseException:
            tidy()
            raise
        os.environ[FOLDER] = str(folder)
        os.environ['PYTHONPATH'] = os.pathsep.join(filter(None, [str(folder/'installed'), os.getenv('PYTHONPATH')]))
    sys.path.insert(0, str(Path(os.environ[FOLDER])/'installed'))


def tidy():
    "Delete what `use` made in this process."
    while made: shutil.rmtree(made.pop(), ignore_errors=True)
