"What the tests share: the package as it is installed, a home of their own for the data, and whole data to compare with."
import os, shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

import wheel

wheel.use()  # before anything imports mnist_nb
from browsing import browser, folder, look, serve, site  # fixtures, for all tests
from mnist_nb.data import mnist_sample


def pytest_unconfigure(config):
    "At the end of all, since the report of the lines that were run reads them."
    if not hasattr(config, 'workerinput'): wheel.tidy()


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
