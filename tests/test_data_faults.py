"""What `mnist_nb.data` does when things go wrong: every fault here is a real one, in a home of its own.

After any of them, a folder is there whole or not at all, and the message names the file and the remedy.
The folders are in memory where that has room (see conftest.py); run with `-rs` to see what a machine can't test."""
import errno, io, os, shutil, signal, subprocess, sys, time
from pathlib import Path
from subprocess import PIPE

import numpy as np
import pytest
from PIL import Image

import mnist_nb
from mnist_nb import data
from mnist_nb.data import MNIST_MD5, data_home, load_mnist, load_sample, make_folder, mnist_sample, read_images, unpack

PACKAGE = Path(mnist_nb.__file__).parent
ARRAYS = 'mnist_nb-2'  # its folder, with the number of its layout
CALLS = {'load_sample': ARRAYS, 'mnist_sample': 'mnist_sample'}  # a function, and the folder that it makes


# Helpers

def start(code, package=PACKAGE, prefix=(), **env):
    "Start some code in a Python of its own. `prefix` is a command to start that Python with."
    # Elsewhere than here, because Python looks for a package in the current folder first.
    return subprocess.Popen([*prefix, sys.executable, '-c', 'from mnist_nb.data import *\n' + code], text=True,
                            cwd=data_home().parent.parent, stdin=PIPE, stdout=PIPE, stderr=PIPE,
                            env={**os.environ, 'PYTHONPATH': str(package.parent), **env})


def run(code, **how):
    "Run some code in a Python of its own. Returns its exit code, its last line and the errors it printed."
    process = start(code, **how)
    out, errors = process.communicate()
    return process.returncode, out.rpartition('\n')[2], errors


def fails(call, **how):
    "Call a function that has to fail. Returns the message and what is left in the data folder but locks."
    names = "*sorted(p.name for p in data_home().glob('*') if p.suffix != '.lock')"
    status, left, errors = run(f"try: {call}()\nfinally: print('\\n', {names}, end='')", **how)
    assert status == 1, errors or 'it went well, though it should not'
    assert errors.count('Traceback') == 1, errors  # one error, not one on top of another
    return errors.splitlines()[-1], left.split()


def namespace():
    "A command that runs another with mounts of its own; skips the test where that can't be."
    if shutil.which('unshare'):
        for command in (['unshare', '-m'], ['unshare', '-rm']):  # for root, and for anybody
            trial = subprocess.run([*command, 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], capture_output=True)
            if trial.returncode == 0: return command
    pytest.skip('needs Linux, and the right to make a namespace with `unshare`')


def disk(folder, options):
    "A command that runs another with a small disk (in memory) in place of a folder."
    return [*namespace(), 'sh', '-c', f'mount -t tmpfs -o {options} tmpfs "$0" && exec "$@"', str(folder)]


def says(message, *parts):
    "Whether a message is one line with all of these parts."
    return '\n' not in message and all(str(part) in message for part in parts)


def content(folder):
    "The content of every file in a folder."
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob('*') if file.is_file()}


def is_whole(folder, whole_home):
    "Whether a folder of the data holds what it should, and no unfinished work lies beside it."
    beside = [p.name for p in folder.parent.glob('*.unfinished')]
    return not beside and content(folder) == content(whole_home/'data'/folder.name)


# The data that the tests below compare with

def test_whole(whole_home):
    "The images in the folder are those of the arrays, in their order."
    path = whole_home/'data/mnist_sample'
    for split, sizes in (('train', (6131, 6265)), ('valid', (1010, 1028))):
        files = [sorted(path.glob(f'{split}/{digit}/*.png')) for digit in '37']
        assert tuple(map(len, files)) == sizes
        arrays = whole_home/'data'/ARRAYS
        images, labels = (np.load(arrays/f'{split}-sample-{kind}.npy') for kind in ('images', 'labels'))
        assert np.array_equal(read_images(files[0] + files[1]), images)
        assert labels.tolist() == [3]*sizes[0] + [7]*sizes[1]


# Interrupted, and twice at once

@pytest.mark.skipif(os.name == 'nt', reason='Windows has no such signals')
@pytest.mark.parametrize('sent', ['SIGKILL', 'SIGINT'])
@pytest.mark.parametrize('call, first', [('load_sample', 'train-sample-images.npy'), ('mnist_sample', 'train/3/*.png')])
def test_interrupted(home, whole_home, call, first, sent):
    "Killed or interrupted half-way: nothing under the real name, and the next run makes it whole."
    folder = data_home()/CALLS[call]
    unfinished = folder.with_name(f'{folder.name}.unfinished')
    process = start(f'{call}()')
    while not any(unfinished.glob(first)):
        assert process.poll() is None, 'it ended before there was anything unfinished'
        time.sleep(.001)
    process.send_signal(getattr(signal, sent))
    process.communicate()
    assert process.returncode == -getattr(signal, sent)
    assert not folder.exists()
    assert unfinished.exists() == (sent == 'SIGKILL')  # nobody can tidy up after that one but the next run
    getattr(data, call)()
    assert is_whole(folder, whole_home)


@pytest.mark.parametrize('call', CALLS)
def test_two_at_once(home, whole_home, call):
    "Two processes that start at once on an empty home both get the same whole folder."
    code = f"print('ready', flush=True); input(); {call}(); print('\\n', data_home(), sep='', end='')"
    processes = [start(code) for _ in range(2)]
    for process in processes: assert process.stdout.readline() == 'ready\n'
    for process in processes: print('go', file=process.stdin, flush=True)
    for process in processes:
        out, errors = process.communicate()
        assert process.returncode == 0, errors
        assert out.endswith(str(data_home()))
    assert is_whole(data_home()/CALLS[call], whole_home)


# The packed files

def replace(file, content):
    "Put a new file in the place of another, which may have more names that are to keep what they had."
    file.unlink()
    file.write_bytes(content)


def change_a_byte(file):
    "Damage a file in its middle."
    content = bytearray(file.read_bytes())
    content[len(content)//2] ^= 1
    replace(file, content)


def truncate(file):
    "Cut off the second half of a file."
    replace(file, file.read_bytes()[:file.stat().st_size//2])


DAMAGES = [change_a_byte, truncate, Path.unlink]


@pytest.mark.parametrize('damage', DAMAGES)
@pytest.mark.parametrize('name', MNIST_MD5)
def test_unpack_damaged(tmp_path, name, damage):
    "Whichever packed file is damaged, and however, the message names it and the remedy."
    file = Path(shutil.copy(PACKAGE/f'digits/{name}.xz', tmp_path))
    damage(file)
    with pytest.raises(OSError) as error: unpack(name, tmp_path)
    assert says(str(error.value), f'{file} is damaged or missing', 'install mnist_nb again')


def test_unpack_exchanged(tmp_path):
    "A file that unpacks well but is another one is told by its checksum."
    shutil.copy(PACKAGE/'digits/train-labels.xz', tmp_path/'t10k-labels.xz')
    with pytest.raises(OSError, match='its checksum is wrong'): unpack('t10k-labels', tmp_path)


@pytest.mark.parametrize('damage', DAMAGES)
def test_damaged_package(tmp_path, home, whole_home, damage):
    "With a damaged package nothing is made; with a whole one, the same home is as good as new."
    package = shutil.copytree(PACKAGE, tmp_path/'mnist_nb')
    file = package/'digits/t10k-labels.xz'  # the last to be unpacked, when half of the arrays are written
    damage(file)
    message, left = fails('mnist_sample', package=package)
    assert says(message, f'{file} is damaged or missing', 'install mnist_nb again')
    assert not left
    load_sample()
    assert is_whole(data_home()/ARRAYS, whole_home)


# A folder that can't be made

def check_not_made(message, left, folder, reason):
    "One sentence with the folder, the reason and the remedy, and nothing half-made."
    assert message.count(str(folder)) == message.count('could not be made') == 1
    assert says(message, reason, 'set FASTAI_HOME')
    assert not left


@pytest.mark.parametrize('call, options', [
    pytest.param('load_sample', 'size=1m', id='first array'),
    pytest.param('mnist_sample', 'size=62m', id='last array'),  # so an image folder has been begun, too
    pytest.param('mnist_sample', 'nr_inodes=5', id='number of files')])
def test_no_space_for_arrays(home, call, options):
    "A full disk, while the arrays are written, whichever function wants them."
    check_not_made(*fails(call, prefix=disk(home, options)), data_home()/ARRAYS, 'No space left on device')


def test_no_space_for_images(home, whole_home):
    "A full disk, while the images are written: the arrays are made already, and stay."
    message, left = fails('mnist_sample', prefix=disk(home, 'size=80m'))
    assert left == [ARRAYS]
    check_not_made(message, [], data_home()/'mnist_sample', 'No space left on device')
    mnist_sample()  # the remedy: there is more room where the small disk was
    assert is_whole(data_home()/'mnist_sample', whole_home)


def test_read_only(home):
    "A disk that nobody can write to."
    check_not_made(*fails('load_sample', prefix=disk(home, 'ro')), data_home()/ARRAYS, 'Read-only file system')


@pytest.mark.skipif(os.name == 'nt', reason='Windows keeps no such permissions')
@pytest.mark.parametrize('mode', [0o555, 0o000])
def test_no_permission(home, mode):
    "A home that you may not write to, or not even look into."
    prefix = []
    if os.geteuid() == 0:  # root may do anything, unless it gives up the right to
        if not shutil.which('setpriv'): pytest.skip('needs an ordinary user, or `setpriv`')
        prefix = ['setpriv', '--bounding-set=-dac_override,-dac_read_search']
    home.chmod(mode)
    code = 'try: load_sample()\nexcept OSError as e: print(e, end="")'
    status, message, errors = run(code, prefix=prefix)
    home.chmod(0o755)
    assert status == 0, errors
    check_not_made(message, list(home.iterdir()), data_home()/ARRAYS, 'Permission denied')


def test_home_is_a_file(home):
    "FASTAI_HOME is not a folder."
    home.rmdir()
    home.write_text('I am a file')
    with pytest.raises(OSError) as error: mnist_sample()
    assert says(str(error.value), f'could not be made: {home} is a file, where a folder has to be', 'Delete it or move it', 'set FASTAI_HOME')
    assert home.read_text() == 'I am a file'


PLACES = {'home': '.', 'data': 'data', 'folder': f'data/{ARRAYS}', 'aside': f'data/{ARRAYS}.unfinished'}


@pytest.mark.parametrize('place', PLACES.values(), ids=PLACES)
@pytest.mark.parametrize('kind', ['file', 'dangling link'])
def test_in_the_way(home, place, kind):
    "A file, or a link to nothing, where a folder has to be is named, and stays; without it, all is well."
    place = home/place
    if place == home: home.rmdir()
    place.parent.mkdir(exist_ok=True)
    if kind == 'file': place.write_text('I am a file')
    else: place.symlink_to(home.parent/'gone')
    with pytest.raises(OSError) as error: make_folder(data_home()/ARRAYS, fill)
    said = [f'{place} is a file', 'Delete it or move it'] if kind == 'file' else [f"{place} is a link to {home.parent/'gone'}", 'delete the link']
    assert says(str(error.value), *said, 'set FASTAI_HOME') and 'room' not in str(error.value)
    assert os.path.lexists(place)
    place.unlink()
    assert content(make_folder(data_home()/ARRAYS, fill)) == {'file': b'all'}


@pytest.mark.parametrize('kind', ['folder', 'link'])
def test_lock_in_the_way(home, kind):
    "The lock has to be an ordinary file."
    lock = data_home()/f'{ARRAYS}.lock'
    lock.parent.mkdir()
    if kind == 'folder': lock.mkdir()
    else: lock.symlink_to(home/'gone')
    with pytest.raises(OSError) as error: make_folder(data_home()/ARRAYS, fill)
    assert says(str(error.value), f'{lock} has to be an ordinary file', 'delete it')


def test_link_to_a_folder(home):
    "A link to a folder that is there is as good as the folder."
    (home/'elsewhere').mkdir()
    (home/'data').symlink_to(home/'elsewhere')
    make_folder(data_home()/ARRAYS, fill)
    assert content(home/'elsewhere'/ARRAYS) == {'file': b'all'}


def test_written_through(home, monkeypatch):
    "Every file, and every list of names, is on the disk itself before the folder has its name; or else it never has."
    dest, synced = data_home()/ARRAYS, []
    monkeypatch.setattr(os, 'fsync', lambda handle: synced.append((os.fstat(handle).st_ino, dest.exists())))
    make_folder(dest, fill_two)
    places = [dest/'inner/second', dest/'first'] + ([] if os.name == 'nt' else [dest, dest/'inner'])
    assert sorted(synced) == sorted((place.stat().st_ino, False) for place in places)

    def full(handle): raise OSError(errno.ENOSPC, 'No space left on device')
    shutil.rmtree(dest)
    monkeypatch.setattr(os, 'fsync', full)  # some disks only say so now
    with pytest.raises(OSError) as error: make_folder(dest, fill_two)
    check_not_made(str(error.value), [p for p in data_home().iterdir() if p.suffix != '.lock'], dest, 'Make room')


def test_stuck_lock(home, monkeypatch, capfd):
    "Who waits for another program is told so, and waits no longer than is said."
    lock = data_home()/f'{ARRAYS}.lock'
    lock.parent.mkdir()
    code = f'from filelock import FileLock\nwith FileLock({str(lock)!r}): print("held", flush=True); input()'
    process = subprocess.Popen([sys.executable, '-c', code], text=True, stdin=PIPE, stdout=PIPE)
    assert process.stdout.readline() == 'held\n'
    monkeypatch.setattr(data, '_patience', (.1, .2))
    with pytest.raises(OSError) as error: make_folder(data_home()/ARRAYS, fill)
    assert says(str(error.value), data_home()/ARRAYS, f'still holds {lock.name}', 'stop it and run this again')
    assert capfd.readouterr().err == f'Another program is making {data_home()/ARRAYS}. Waiting for it …\n'
    assert not (data_home()/ARRAYS).exists()
    process.communicate('done\n')
    assert content(make_folder(data_home()/ARRAYS, fill)) == {'file': b'all'}


@pytest.mark.parametrize('error, said', [(NotImplementedError(), ['has no locks', 'on another disk']), (OSError(errno.EIO, 'Input/output error'), ['Input/output error', 'see what is wrong with that disk']),
                                         (FileExistsError(errno.EEXIST, 'File exists', 'that.lock'), ['File exists', 'delete that.lock'])])
def test_disks_that_cannot(home, monkeypatch, error, said):
    "A disk without locks, a broken one, and one where something stands already."
    def refuse(self, timeout): raise error
    monkeypatch.setattr(data.FileLock, 'acquire', refuse)
    with pytest.raises(OSError) as refused: make_folder(data_home()/ARRAYS, fill)
    assert says(str(refused.value), data_home(), *said, 'set FASTAI_HOME') and not (data_home()/ARRAYS).exists()


def fill(folder):
    "A quick stand-in for the data."
    (folder/'file').write_text('all')


def fill_two(folder):
    "A file, and another in a folder of its own."
    (folder/'inner').mkdir()
    for name in ('first', 'inner/second'): (folder/name).write_text(name)


# fastai's settings

@pytest.mark.parametrize('settings', [
    pytest.param(b'data = elsewhere', id='no section'),
    pytest.param(b'[DEFAULT]\nelsewhere', id='no key'),
    pytest.param(b'[DEFAULT]\ndata = a\ndata = b', id='twice'),
    pytest.param(b'[DEFAULT]\ndata = /disk/100%/data', id='per cent'),
    pytest.param(b'[DEFAULT]\ndata = \xff', id='not text')])
def test_broken_config(home, settings):
    "The message names the file, in one line."
    (home/'config.ini').write_bytes(settings)
    with pytest.raises(OSError) as error: load_sample()
    assert says(str(error.value), home/'config.ini', "can't be understood", 'correct that file, or delete it')
    assert [p.name for p in home.iterdir()] == ['config.ini']


@pytest.mark.parametrize('kind', ['folder', 'dangling link'])
def test_no_config_file(home, kind):
    "Settings that can't be read are not passed over."
    if kind == 'folder': (home/'config.ini').mkdir()
    else: (home/'config.ini').symlink_to(home/'gone')
    with pytest.raises(OSError) as error: load_sample()
    assert says(str(error.value), home/'config.ini', 'not a file that can be read', 'delete it')


@pytest.mark.skipif(os.name == 'nt', reason='Windows takes any name')
def test_no_such_user(monkeypatch):
    "A home of somebody who isn't there."
    monkeypatch.setenv('FASTAI_HOME', '~nobody-of-this-name/data')
    with pytest.raises(OSError) as error: load_sample()
    assert says(str(error.value), "FASTAI_HOME is '~nobody-of-this-name/data'", 'set it to one')


# Folders that were whole once

def spoil_deleted(path):
    "Delete some images."
    for file in sorted(path.glob('valid/7/*'))[:10]: file.unlink()
    return 'lacks 10 of its 14,435 files, such as valid/7/'


def spoil_empty(path):
    "Empty an image."
    replace(path/'train/3/10000.png', b'')
    return 'lacks 1 of its 14,435 files, such as train/3/10000.png'


def spoil_labels(path):
    "Delete the table of labels."
    (path/'labels.csv').unlink()
    return 'lacks 1 of its 14,435 files, such as labels.csv'


def spoil_empty_labels(path):
    "Empty the table of labels."
    replace(path/'labels.csv', b'')
    return 'lacks 1 of its 14,435 files, such as labels.csv'


def spoil_class(path):
    "Delete all of the 3s."
    shutil.rmtree(path/'train/3')
    return 'lacks 6,131 of its 14,435 files, such as train/3/'


@pytest.fixture
def sample(home, whole_home):
    "The folder MNIST_SAMPLE in a home with everything in it, to be damaged."
    shutil.copytree(whole_home/'data', home/'data', copy_function=os.link)  # links are made faster than copies
    return mnist_sample()


@pytest.mark.parametrize('spoil', [spoil_deleted, spoil_empty, spoil_labels, spoil_empty_labels, spoil_class])
def test_spoilt_sample(sample, whole_home, spoil):
    "The message says which folder lacks what, and that to delete it helps; and it does (tried once, because it takes seconds)."
    problem = spoil(sample)
    with pytest.raises(FileNotFoundError) as error: mnist_sample()
    assert says(str(error.value), f'{sample} {problem}', 'delete that folder and run this again')
    if spoil is not spoil_class: return
    shutil.rmtree(sample)
    assert mnist_sample() == sample
    assert is_whole(sample, whole_home)


@pytest.mark.parametrize('stray', ['train/3/notes.txt', 'valid/7/copy.png'])
@pytest.mark.parametrize('text', ['not a digit', ''])
def test_stray_file(sample, stray, text):
    "A file too many is named; moved elsewhere, all is well."
    (sample/stray).write_text(text)
    with pytest.raises(FileExistsError) as error: mnist_sample()
    assert says(str(error.value), f'{sample/stray} is not one of the files of MNIST_SAMPLE', 'move it elsewhere')
    (sample/stray).rename(sample.parent/'elsewhere')
    assert mnist_sample() == sample


DEBRIS = ['.DS_Store', '._10.png', 'Thumbs.db', 'desktop.ini', '.ipynb_checkpoints/10.png']


def test_debris(sample):
    "What file managers, and Jupyter, leave behind is passed over, as fastai does."
    for folder in ('.', 'train', 'train/3', 'valid/7'):
        (sample/folder/'.ipynb_checkpoints').mkdir()
        for name in DEBRIS: (sample/folder/name).write_text('not a digit')
    assert mnist_sample() == sample


@pytest.mark.parametrize('stray, problem', [('train/3/mine.png', 'is not one of the files'), ('train/3/10.png', 'lacks 1 of its 14,435 files')])
def test_dangling_image(sample, stray, problem):
    "A link to nothing among the images, too many or in the place of one."
    (sample/stray).unlink(missing_ok=True)
    (sample/stray).symlink_to(sample/'gone')
    with pytest.raises(OSError, match=problem) as error: mnist_sample()
    assert says(str(error.value), stray, 'delete')


# Arrays that were whole once

@pytest.fixture
def arrays(home, whole_home):
    "The folder of arrays in a home of its own, to be damaged."
    shutil.copytree(whole_home/'data'/ARRAYS, data_home()/ARRAYS, copy_function=os.link)
    return data_home()/ARRAYS


def rewrite(change):
    "Damage that replaces an array by another, in a file that NumPy finds nothing wrong with."
    def damage(file):
        array = change(np.load(file))
        file.unlink()
        np.save(file, array)
    return damage


def in_the_content(change):
    "Damage to the numbers of an array, of which there are as many as before, and of the same type."
    def of(array):
        changed = array.copy()
        change(changed)
        assert not np.array_equal(changed, array)
        return changed
    return rewrite(of)


def exchange(array): array[[5, -5]] = array[[-5, 5]]
def flip_a_bit(array): array.view(np.uint8).reshape(-1)[len(array)//3] ^= 64
def one_block_of_zeros(array): array.reshape(-1)[:4096] = 0
def as_link(file): file.unlink(); file.symlink_to(file.parent/'gone')
def as_folder(file): file.unlink(); file.mkdir()
def as_pickle(file): file.unlink(); np.save(file, np.array([{}]), allow_pickle=True)
def as_archive(file): file.unlink(); np.savez(file.with_suffix('.npz'), np.zeros(3)); file.with_suffix('.npz').rename(file)
def of_the_other_split(file):
    other = {'train': 'valid', 'valid': 'train'}[file.name[:5]] + file.name[5:]
    file.unlink()
    os.link(file.parent/other, file)


SPOILS = {'cut short': truncate, 'gone': Path.unlink, 'empty': lambda file: replace(file, b''), 'a text': lambda file: replace(file, b'text'),
          'a link': as_link, 'a folder': as_folder, 'a pickle': as_pickle, 'an archive': as_archive, 'other split': of_the_other_split,
          'a bit': in_the_content(flip_a_bit), 'a block': in_the_content(one_block_of_zeros), 'two exchanged': in_the_content(exchange),
          'zeros': rewrite(np.zeros_like), 'floats': rewrite(lambda array: array.astype(np.float32)),
          'signed': rewrite(lambda array: array.view(np.int8)), 'other ends': rewrite(lambda array: array.astype('>i8')),
          'one less': rewrite(lambda array: array[1:]), 'flat': rewrite(lambda array: array[:, None].reshape(1, -1)),
          'transposed': rewrite(lambda array: array.swapaxes(-1, -array.ndim//2).copy() if array.ndim > 1 else array[::-1]),
          'column by column': rewrite(lambda array: np.asfortranarray(array) if array.ndim > 1 else array[:, None])}


@pytest.mark.parametrize('name, use, args', [
    ('valid-sample-images', load_sample, ['valid']),
    ('valid-mnist-labels', load_mnist, ['valid']),
    ('valid-sample-index', mnist_sample, [])])
@pytest.mark.parametrize('spoil', SPOILS.values(), ids=SPOILS)
def test_damaged_arrays(arrays, name, use, args, spoil):
    "Whatever became of an array: its folder and file are named, and nothing wrong is ever given out."
    (arrays.parent/'mnist_sample').mkdir()  # so that this one needn't be made
    spoil(arrays/f'{name}.npy')
    with pytest.raises(OSError) as error: use(*args)
    assert type(error.value) is OSError
    assert says(str(error.value), f'{arrays} is damaged ({name}.npy: ', 'delete that folder and run this again', 'made anew')
    assert 'pickle' not in str(error.value)  # NumPy's words, and no advice to follow


def test_many_damages(arrays):
    "Three hundred files with a byte that is another one: each is refused, or gives just what it should."
    file, random = arrays/'valid-sample-labels.npy', np.random.default_rng(0)
    whole, labels, refused = file.read_bytes(), load_sample('valid')[1], 0
    for i in [*range(128), *random.integers(128, len(whole), 172)]:
        spoilt = bytearray(whole)
        spoilt[i] ^= 1 << int(random.integers(8))
        replace(file, spoilt)
        try: assert data._array('sample-labels', 'valid').equal(labels)
        except OSError as error: refused += says(str(error), f'{arrays} is damaged', 'delete that folder')
        else: assert i < 128  # in the header, where there are blanks, too
    assert refused >= 200


HUNGRY = """
import resource
from pathlib import Path
from mnist_nb import data
pages = int(Path('/proc/self/statm').read_text().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages*resource.getpagesize() + int({room}*2**20),)*2)
try: load_mnist()
except MemoryError as e: print(e, end='')
"""


@pytest.mark.skipif(sys.platform != 'linux', reason='needs Linux, where a program can be given less memory')
@pytest.mark.parametrize('made', [True, False])
def test_no_memory(home, whole_home, made):
    "Too little memory is called that, whether the arrays are there or have to be made; and they are neither damaged nor half-made."
    if made: shutil.copytree(whole_home/'data'/ARRAYS, data_home()/ARRAYS, copy_function=os.link)
    status, message, errors = run(HUNGRY.format(room=25))  # the images take 45
    assert status == 0, errors
    assert says(message, 'not enough free memory', 'nothing is damaged', 'close other programs')
    assert is_whole(data_home()/ARRAYS, whole_home) if made else [p.name for p in data_home().iterdir()] == [f'{ARRAYS}.lock']


def test_claims_more_than_there_is(arrays):
    "A file that is damaged where it says how much it holds is damaged; that there is no memory for so much, nobody need know."
    file = arrays/'valid-sample-images.npy'
    whole = file.read_bytes()
    claimed = whole.replace(b'(2038, 28, 28)', b'(2038000000000, 28, 28)').replace(b' '*9 + b'\n', b'\n', 1)
    assert len(claimed) == len(whole)
    replace(file, claimed)
    with pytest.raises(OSError) as error: load_sample('valid')
    assert says(str(error.value), f'{arrays} is damaged', 'its shape is (2038000000000, 28, 28)', 'delete that folder')


def test_made_anew(arrays, whole_home):
    "What the message says helps."
    in_the_content(flip_a_bit)(arrays/'train-sample-images.npy')
    with pytest.raises(OSError, match='delete that folder'): load_sample()
    shutil.rmtree(arrays)
    load_sample()
    assert is_whole(arrays, whole_home)


def test_changed_later(arrays):
    "What was loaded stays what it was, whatever becomes of the file; and what is changed in memory stays there."
    file = arrays/'valid-sample-images.npy'
    replace(file, file.read_bytes())  # a copy of our own, which may be written to
    images = load_sample('valid')[0]
    total = images.sum(dtype=int)
    with file.open('r+b') as opened: opened.truncate(1000)
    assert images.sum(dtype=int) == total
    with pytest.raises(OSError, match='is damaged'): load_sample('valid')


@pytest.mark.skipif(os.name == 'nt', reason='Windows keeps no such permissions')
def test_not_yours(arrays, monkeypatch):
    "An array that another user made and you may not read isn't damaged."
    def forbid(*args, **kwargs): raise PermissionError(errno.EACCES, 'Permission denied')
    monkeypatch.setattr(Path, 'open', forbid)  # root may read everything
    with pytest.raises(OSError) as error: load_sample('valid')
    assert says(str(error.value), arrays/'valid-sample-images.npy', 'is not yours to read', 'set FASTAI_HOME')


def test_older_layout(home, arrays):
    "A folder of an earlier layout is neither read nor touched."
    old = data_home()/'mnist_nb'
    old.mkdir()
    (old/'valid-sample-images.npy').write_text('of an earlier layout')
    assert len(load_sample('valid')[0]) == 2038
    assert content(old) == {'valid-sample-images.npy': b'of an earlier layout'}


# fastai's own home and copy

def test_whole_copy_is_used(sample, home):
    "A home that is whole already is only read."
    def state(): return {p: (p.stat().st_mtime_ns, p.stat().st_size, p.stat().st_ino) for p in home.rglob('*')}
    before = state()
    status, path, errors = run("load_sample(); load_mnist('valid'); print(mnist_sample(), end='')")
    assert (status, path) == (0, str(sample)), errors
    assert state() == before


@pytest.mark.parametrize('place', ['data', 'elsewhere'])
def test_fastai_finds_it(home, place):
    "fastai's `untar_data` takes our folder, without a network, also where its `config.ini` says."
    if place != 'data': (home/'config.ini').write_text(f'[DEFAULT]\ndata = {place}\narchive = archive\n')
    assert mnist_sample() == home/place/'mnist_sample'
    code = ('from fastai.data.external import untar_data, URLs\npath = untar_data(URLs.MNIST_SAMPLE)\n'
            'try: untar_data(URLs.MNIST_TINY)\nexcept OSError: print(f"\\n{path}", end="")')  # so the network is cut
    nowhere = 'http://127.0.0.1:9'
    status, path, errors = run(code, http_proxy=nowhere, https_proxy=nowhere, no_proxy='')
    assert (status, path) == (0, str(home/place/'mnist_sample')), errors


# Arguments

def test_wrong_split(home):
    "A part that MNIST does not have is refused before anything is written."
    for load in (load_sample, load_mnist):
        for split in ('test', 'Train', '', None, 0):
            with pytest.raises(ValueError) as error: load(split)
            assert str(error.value) == f"split must be 'train' or 'valid', not {split!r}"
    assert not data_home().exists()


def png(mode='L', size=(28, 28)):
    "The bytes of a PNG file."
    file = io.BytesIO()
    Image.new(mode, size).save(file, 'png')
    return file.getvalue()


@pytest.mark.parametrize('bad, reason', [
    pytest.param(b'a text', "can't be read as an image", id='text'),
    pytest.param(b'', "can't be read as an image", id='empty'),
    pytest.param(png()[:-30], "can't be read as an image", id='cut in the image'),
    pytest.param(png()[:20], "can't be read as an image", id='cut in the header'),
    pytest.param(png().replace(b'\rIHDR', b'\0IHDR'), "can't be read as an image", id='damaged header'),
    pytest.param(png('RGB'), 'expected greyscale', id='colour'),
    pytest.param(png('P'), 'expected greyscale', id='palette'),  # its numbers are no shades but places in a list
    pytest.param(png('1'), 'expected greyscale', id='black and white'),
    pytest.param(png(size=(28, 20)), '(20, 28)', id='other size')])
@pytest.mark.parametrize('kind', [list, iter])
def test_not_an_image(tmp_path, bad, reason, kind):
    "The message names the file among the others, and says what is wrong with it."
    files = [tmp_path/f'{i}.png' for i in range(3)]
    for file in files: file.write_bytes(png())
    assert read_images(kind(files)).shape == (3, 28, 28)
    files[1].write_bytes(bad)
    with pytest.raises(ValueError) as error: read_images(kind(files))
    assert says(str(error.value), files[1], reason)


def test_no_images():
    "No files at all, which is what a search in the wrong folder gives."
    with pytest.raises(ValueError, match='no files'): read_images([])
