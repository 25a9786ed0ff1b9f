"""The same training in several processes, started by torchrun as a reader starts it: the weights are those of one process; a
process that dies ends the run, which goes on from its checkpoint with other processes; and what can't be done is refused."""
import os, re, shutil, socket, subprocess, sys
from pathlib import Path
from types import SimpleNamespace

import pytest, torch
from torch import nn

from mnist_nb import machines
from mnist_nb.machines import Place, Plan, Refused, launch, network, outcome, train

FRAIL = '''
import os
from torch import nn

class Frail(nn.Sequential):
    calls = 0

    def forward(self, x):
        self.calls += 1
        if self.calls == 20 and os.getenv('RANK') == os.getenv('FRAIL'): os._exit(9)
        return super().forward(x)

def small(outputs):
    conv = nn.Conv2d(1, 4, 3, stride=4)
    return Frail(conv, nn.ReLU(), nn.Flatten(), nn.Linear(4*49, outputs))
'''

LEARNING = '''
import torch
from types import SimpleNamespace
from torch.nn.functional import cross_entropy
from mnist_nb.convolution import Adam, conv_net, small_cnn
from mnist_nb.data import load_mnist
from mnist_nb.learner import Checkpoint, Learner, Schedule, Table
from mnist_nb.machines import Shared, together
from mnist_nb.optimizer import TensorLoader

class Noise:
    def before_batch(self, learner):
        if learner.model.training: learner.xb = learner.xb + torch.rand_like(learner.xb)/10

class Stop:
    def after_epoch(self, learner):
        if learner.epoch == 1: raise KeyboardInterrupt

def loader(split, n, bs, **kw):
    images, labels = load_mnist(split)
    return TensorLoader(images[:n, None].double()/255, labels[:n].long(), bs, **kw)

def accuracy(preds, yb): return (preds.argmax(1) == yb).double().mean()

def learn(*cbs, seed=42, order=None, net=small_cnn):
    torch.manual_seed(seed)
    dls = SimpleNamespace(train=loader('train', 193, 64, shuffle=True, seed=order), valid=loader('valid', 333, 100))
    learner = Learner(dls, net(10).double(), cross_entropy, Adam, accuracy, [Shared(), Schedule(), Noise(), *cbs])
    learner.fit(2, 0.01)
    return {'history': learner.history, 'weights': learner.model.state_dict()}

if __name__ == '__main__':
    with together() as place:
        mine = 42 + place.rank  # the others begin with other weights and another order, and take those of process 0
        found = {'whole': learn(Table(), seed=mine), 'norm': learn(net=conv_net)}
        learn(Checkpoint(f'run{place.rank}.pt'), Stop(), seed=mine)
        found['refused'] = []
        for trouble in ({'order': mine}, {'cbs': [Checkpoint(f'run{place.rank}.pt')]}):
            try: learn(*trouble.pop('cbs', []), **trouble)
            except ValueError as e: found['refused'].append(str(e))
        torch.save(found, f'found{place.rank}.pt')
'''


@pytest.fixture(autouse=True, scope='module')
def surroundings(temporary):
    "Data unpacked by the first that need it, maybe two at a time; one thread each; and the interface of this machine alone."
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('FASTAI_HOME', str(temporary/'machines'))
        patch.setenv('OMP_NUM_THREADS', '1')
        if sys.platform == 'linux': patch.setenv('GLOO_SOCKET_IFNAME', 'lo')
        if sys.platform == 'darwin': patch.setenv('GLOO_SOCKET_IFNAME', 'lo0')
        for name in ('RANK', 'LOCAL_RANK', 'WORLD_SIZE'): patch.delenv(name, raising=False)
        yield


@pytest.fixture
def start(tmp_path):
    "Start training in a folder of its own; what still runs at the end of the test is ended."
    started = []
    def start(*words, by=launch, **how):
        started.append(by(*words, folder=tmp_path, **how))
        return started[-1]
    yield start
    for process in started:
        if process.poll() is None: process.terminate()  # torchrun ends its processes
    for process in started: process.communicate(timeout=60)


def torchrun(*words, folder: Path) -> subprocess.Popen:
    "Started by the command that the page names, which lies beside Python."
    command = shutil.which('torchrun', path=os.pathsep.join([str(Path(sys.executable).parent), os.environ['PATH']]))
    return subprocess.Popen([command, *map(str, words)], cwd=folder, env=machines._env(), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def free_port() -> int:
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def apart(model: nn.Module, checkpoint: Path) -> float:
    "The largest difference between two weights."
    state = torch.load(checkpoint, weights_only=True)['model']
    return max((p - state[name]).abs().max().item() for name, p in model.named_parameters())


def test_crash_and_two_machines(start, tmp_path, monkeypatch):
    """One of three processes dies; two torchruns go on, as on two machines, and the weights are those of one process. The last batch
    of each epoch is one image, of which process 1 has no share."""
    (tmp_path/'frail.py').write_text(FRAIL)
    monkeypatch.setenv('FRAIL', '1')
    words = ['--model', 'frail:small', '--double', '--images', 1921, '--batch', 96, '--epochs', 2, '--checkpoint', 'run.pt', '--every', 5]
    died = start('--nproc-per-node', 3, '-m', 'mnist_nb.machines', *words, by=torchrun)
    out, err = died.communicate(timeout=120)
    assert died.returncode == 1 and out == ''
    assert 'Another process has ended, so process 0 of 3 stops, too' in err and 'the run goes on from run.pt.' in err
    root = err[err.index('Root Cause'):]  # torchrun's report names the one that died
    assert 'rank      : 1 ' in root and 'exitcode  : 9 ' in root
    for pid in set(re.findall(r'pid: (\d+)', err)):
        with pytest.raises(ProcessLookupError): os.kill(int(pid), 0)
    assert torch.load(tmp_path/'run.pt', weights_only=True)['step'] == 15
    assert {path.name for path in tmp_path.iterdir()} - {'__pycache__'} == {'frail.py', 'run.pt'}

    monkeypatch.setenv('FRAIL', 'no')
    meeting = ['--nnodes', '2', '--rdzv-endpoint', f'127.0.0.1:{free_port()}', '--node-rank']
    pair = [start(*words, meet=[*meeting, str(rank)]) for rank in range(2)]
    said = [outcome(process) for process in pair]
    assert [process.returncode for process in pair] == [0, 0], said
    assert re.fullmatch(r'frail:small, 42 steps, 2 processes on cpu: [\d,]+ of 10,000 right, [\d.]+ seconds\.', said[0]) and said[1] == ''
    monkeypatch.syspath_prepend(tmp_path)
    assert apart(train(Plan('frail:small', images=1921, batch=96, epochs=2, double=True)), tmp_path/'run.pt') < 1e-10


def test_refused_in_two_processes(start):
    "One sentence, though both refuse, before torchrun's report."
    process = start('--model', 'lne', processes=2)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1 and err.count('There is no network') == 1
    assert err.startswith("There is no network 'lne': expected one of line, small, conv, ten, or module:function")


def test_learner(tmp_path, monkeypatch):
    """Chapter 9's `Learner` in two processes: one process's weights and numbers, said and saved by process 0 alone; and one process
    goes on. The last batch to learn from is one image, so that process 1 has no share."""
    (tmp_path/'learning.py').write_text(LEARNING)
    where = {'WORLD_SIZE': '2', 'MASTER_ADDR': '127.0.0.1', 'MASTER_PORT': str(free_port())}  # as torchrun would tell them
    pair = [subprocess.Popen([sys.executable, 'learning.py'], cwd=tmp_path, env={**machines._env(), **where, 'RANK': rank, 'LOCAL_RANK': rank},
                             text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for rank in '01']
    said = [process.communicate(timeout=120) for process in pair]
    assert [process.returncode for process in pair] == [0, 0], said
    assert said[1][0] == '' and said[0][0].count('epoch   train_loss') == 1 and said[0][0].count('Interrupted in epoch 2 of 2') == 1
    assert not (tmp_path/'run1.pt').exists()
    first, second = [torch.load(tmp_path/f'found{rank}.pt', weights_only=True) for rank in range(2)]
    assert first['whole']['history'] == second['whole']['history'] and first['norm']['history'] == second['norm']['history']
    for found in (first, second):
        other_order, other_epoch = found['refused']
        assert other_order.startswith('process 1 was given another batch than process 0: give all the same data')
        assert other_epoch == 'process 0 begins epoch 2, and process 1 epoch 1: put the checkpoint where all processes can read it'

    monkeypatch.syspath_prepend(tmp_path)
    from learning import Checkpoint, learn
    alone, resumed = learn(), learn(Checkpoint(tmp_path/'run0.pt'), seed=7)
    for run in (first['whole'], second['whole'], resumed):
        assert run['weights'].keys() == alone['weights'].keys()
        assert all((run['weights'][name] - weight).abs().max() < 1e-10 for name, weight in alone['weights'].items())
        assert all(abs(a - b) < 1e-10 for rows in zip(run['history'], alone['history'], strict=True) for a, b in zip(*rows, strict=True))


@pytest.fixture
def refused(monkeypatch, capsys):
    "The one sentence with which the command refuses something, in this process."
    def leave(status): raise SystemExit(status)
    monkeypatch.setattr(os, '_exit', leave)
    monkeypatch.setattr(machines.signal, 'signal', lambda *_: None)
    def refused(*words):
        with pytest.raises(SystemExit) as stopped: machines.main.__wrapped__(list(map(str, words)))
        out, err = capsys.readouterr()
        assert stopped.value.code == 1 and out == '' and len(err.strip().splitlines()) == 1 and err.endswith('.\n'), err
        return err
    return refused


@pytest.mark.parametrize('words, said', [
    (['--epochs', 0], 'Epochs has to be 1 or more, not 0.'), (['--epochs', 'x'], "'x' is not a valid integer"), (['--batch', -3], 'Batch has to be 1'),
    (['--images', 60_001], 'There are 60,000 training images'), (['--lr', 'nan'], 'Lr has to be a number above 0'), (['--lr', -1], 'above 0, not -1.0'),
    (['--seed', -1], 'Seed has to be'), (['--every', 0], "'--every'"), (['--modle', 'line'], "No such option '--modle'"), (['here'], 'unexpected extra argument'),
    (['--model', 'nowhere:net'], "The network 'nowhere:net' was not found"), (['--model', 'os:getcwd'], 'does not make a network'),
    (['--device', 'tpu'], "'tpu' is not one of"), (['--checkpoint', 'no/where.pt'], 'can not be written'), (['--checkpoint', '.'], 'can not be written'),
])
def test_bad_input(refused, tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    assert said in refused(*words)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_no_gpu(refused): assert 'There is no GPU here that PyTorch can use' in refused('--device', 'cuda')


def test_checkpoint(refused, tmp_path):
    "Of another run, damaged, or none at all: it is refused, and left as it is."
    file, words = tmp_path/'run.pt', ['--model', 'line', '--images', 640]
    model = train(Plan('line', images=640), checkpoint=file, every=3)
    assert apart(train(Plan('line', images=640), checkpoint=file), file) == apart(model, file) == 0  # it was finished
    whole = file.read_bytes()
    assert 'belongs to a run with seed 42, not 43: say the same again' in refused(*words, '--seed', 43, '--checkpoint', file)
    assert file.read_bytes() == whole
    for content in (whole[:1000], b'', b'something else'):
        file.write_bytes(content)
        assert 'is no checkpoint of this program, or a damaged one' in refused(*words, '--checkpoint', file)
        assert file.read_bytes() == content
    torch.save({'step': 3}, file)
    assert 'is no checkpoint of this program' in refused(*words, '--checkpoint', file)
    assert [path.name for path in tmp_path.iterdir()] == ['run.pt']


def test_interrupted_alone(tmp_path, monkeypatch):
    "One process, stopped in the middle, goes on to the same weights, to the last bit."
    plan, file, calls = Plan('small', images=960), tmp_path/'run.pt', []
    def stop(*args):
        calls.append(args)
        if len(calls) == 9: raise KeyboardInterrupt
        return keep(*args)
    keep = machines._keep
    with monkeypatch.context() as patch:
        patch.setattr(machines, '_keep', stop)
        with pytest.raises(KeyboardInterrupt): train(plan, checkpoint=file, every=4)
    assert torch.load(file, weights_only=True)['step'] == 8
    assert apart(train(plan, checkpoint=file), file) == apart(train(plan), file) == 0


def test_full_disk(tmp_path, monkeypatch):
    "The checkpoint that was there stays, and nothing unfinished is left."
    plan, file = Plan('line', images=640), tmp_path/'run.pt'
    def full(state, aside):
        aside.write_bytes(b'half')
        raise OSError(28, 'No space left on device')
    monkeypatch.setattr(torch, 'save', full)
    with pytest.raises(Refused, match='could not be written .No space left on device.: make room there'): train(plan, checkpoint=file, every=3)
    assert not list(tmp_path.iterdir())


def test_losing_the_others(monkeypatch, tmp_path):
    "A broken connection is said in one sentence; any other error is left as it is."
    monkeypatch.setattr(machines.dist, 'is_initialized', lambda: True)
    for checkpoint, said in ((None, 'without --checkpoint nothing was kept'), (tmp_path/'no.pt', 'is not on this machine'), (tmp_path, 'goes on from')):
        with pytest.raises(machines.Lost, match=said), machines._watched(Place(1, 4), checkpoint):
            raise RuntimeError('[gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:1234')
    with pytest.raises(RuntimeError, match='shapes'), machines._watched(Place(), None): raise RuntimeError('mat1 and mat2 shapes')


def test_networks():
    "Each gives ten scores, and one that doesn't is refused."
    for name in machines.NETWORKS: assert network(name)(torch.zeros(3, 1, 28, 28)).shape == (3, 10)
    with pytest.raises(Refused, match=r'gives shape \(2, 1, 28, 28\)'): network('torch.nn:LeakyReLU')


def test_warnings_about_connections_are_left_out():
    "Without a network, PyTorch can't look up the names of its own hosts; and one process ends before the other."
    said = ('[W1126 11:38:23.866 socket.cpp:207] [c10d] The hostname of the client socket cannot be retrieved.\nThe seed has to be a number.\n'
            '[W1126 11:38:24.015 TCPStore.cpp:106] [c10d] recvVector failed\nException raised from recvBytes at Utils.hpp:1 (most recent call first):\n'
            'frame #0: c10::Error::Error + 0x8a (0x7f in libc10.so)\n<omitting python frames>\nterminate called without an active exception\n\n')
    ended = SimpleNamespace(communicate=lambda timeout: ('10 right\n', said))
    assert machines.outcome(ended) == '10 right\nThe seed has to be a number.'
