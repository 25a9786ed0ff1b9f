"What the tests share: the package as it is installed, a home of their own for the data, and whole data to compare with."
import os, re, shutil, sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

os.environ.setdefault('OMP_NUM_THREADS', '1')  # before anything imports torch: the processes share the cores, and threads that wait slow each other down

import wheel

wheel.use()  # before anything imports mnist_nb
from browsing import browser, folder, look, serve, site  # fixtures, for all tests
from mnist_nb.data import mnist_sample


CI = bool(os.environ.get('CI'))
EXPECTED = {  # how the reasons begin for which a test may be skipped in CI, and where each of them may be given
    'Windows ': lambda: os.name == 'nt',
    'needs Linux, where': lambda: sys.platform != 'linux',
    'needs Linux, and the right to make a namespace': lambda: sys.platform != 'linux' or not may_mount(),
    'needs an ordinary user': lambda: not shutil.which('setpriv'),
    'needs Node.js': lambda: not shutil.which('node'),
    'there is a GPU': lambda: __import__('torch').cuda.is_available(),
}


def may_mount() -> bool:
    "Whether this is a user of Linux who may mount disks, as root may, but not in every container."
    return bool(int(re.search(r'CapEff:\s*(\w+)', Path('/proc/self/status').read_text())[1], 16) >> 21 & 1)


def not_skipped(report):
    "In CI, a test that was skipped without being expected to has failed; so has one that was allowed to fail."
    if not CI or not report.skipped: return report
    allowed_to_fail = report.__dict__.pop('wasxfail', None)
    reason = report.longrepr[2].removeprefix('Skipped: ') if allowed_to_fail is None else f'allowed to fail {allowed_to_fail}'
    if not any(reason.startswith(begin) and holds() for begin, holds in EXPECTED.items()):
        report.outcome = 'failed'
        report.longrepr = f'Skipped, though tests/conftest.py does not expect that here: {reason}'
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call): return not_skipped((yield))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report(collector): return not_skipped((yield))


def pytest_configure(config):
    "CI leaves no test out."
    left_out = [name for name in ('keyword', 'markexpr', 'deselect') if config.getoption(name, None)]
    if CI and left_out: raise pytest.UsageError(f'CI runs every test of a file, but was told to select some ({", ".join(left_out)}).')


def pytest_unconfigure(config):
    "At the end of all, since the report of the lines that were run reads them."
    wheel.tidy()


COUNTED = 'test_command.py', 'test_machines.py'  # whose programs count in the coverage: no other test runs their lines


@pytest.fixture(scope='session', autouse=True)
def counting() -> str | None:
    "The setting that makes programs count which tests start. It is gone, because to count takes Python nearly twice as long."
    return os.environ.pop('COVERAGE_PROCESS_CONFIG', None)


@pytest.fixture(scope='module', autouse=True)
def programs_count(request, counting):
    "Where it's worth it, the setting is back."
    with pytest.MonkeyPatch.context() as patch:
        if counting and request.path.name in COUNTED: patch.setenv('COVERAGE_PROCESS_CONFIG', counting)
        yield


@pytest.fixture(scope='session')
def temporary():
    "A folder for temporary files: in memory, where Linux has room there, because MNIST_SAMPLE is 14,434 small files."
    memory = Path('/dev/shm')
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 2**30
    with TemporaryDirectory(dir=memory if roomy else None) as folder: yield Path(folder).resolve()


@pytest.fixture(scope='session')
def whole_home(temporary):
    "A home for data with everything in it, made once. Tests read it and link to its files, but leave them as they are."
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('FASTAI_HOME', str(temporary/'whole'))
        mnist_sample()
    return temporary/'whole'


@pytest.fixture
def home(temporary, monkeypatch):
    "An empty home for data, which is the one that `mnist_nb.data` uses during a test."
    with TemporaryDirectory(dir=temporary) as folder:
        home = Path(folder)/'home'
        home.mkdir()
        monkeypatch.setenv('FASTAI_HOME', str(home))
        yield home
