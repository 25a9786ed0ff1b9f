"""A run of chapter 9's `Learner` in a process of its own, which is killed or interrupted from outside, as the power and people do."""
import os, signal, subprocess, sys, time
from pathlib import Path

import pytest, torch

SCRIPT = """
import sys, time, torch
from types import SimpleNamespace
from torch import nn
from mnist_nb.convolution import Adam
from mnist_nb.learner import Checkpoint, Learner, Schedule
from mnist_nb.optimizer import TensorLoader

file, result, seed, pause = sys.argv[1:]
class Pause:
    def after_batch(self, learner): time.sleep(float(pause))

generator = torch.Generator().manual_seed(0)
x = torch.randn(120, 6, generator=generator)
y = (x.sum(1, keepdim=True) > 0).float()
torch.manual_seed(int(seed))
model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 1))
dls = SimpleNamespace(train=TensorLoader(x, y, 16, shuffle=True), valid=TensorLoader(x, y, 50))
learner = Learner(dls, model, nn.functional.binary_cross_entropy_with_logits, Adam, cbs=[Schedule(), Checkpoint(file), Pause()])
learner.fit(6, 0.01)
torch.save({'model': model.state_dict(), 'history': learner.history, 'training': model.training}, result)
"""


def start(folder: Path, file: str, seed: int, pause: float) -> subprocess.Popen:
    "Train in a process of its own."
    args = [folder/file, folder/f'{file}.result', seed, pause]
    return subprocess.Popen([sys.executable, '-W', 'ignore', '-c', SCRIPT, *map(str, args)], cwd=folder, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, 'OMP_NUM_THREADS': '1'})


def ended(process: subprocess.Popen) -> str:
    "What a process printed, which must have ended well."
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out


def wait_for_epoch(process: subprocess.Popen, path: Path, epoch: int):
    "Wait until a run has been saved after an epoch."
    for _ in range(1200):
        if path.exists() and torch.load(path, weights_only=True)['epoch'] >= epoch: return
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    raise AssertionError('the run was never saved')


@pytest.mark.skipif(os.name == 'nt', reason='Windows has no such signals')
@pytest.mark.parametrize('sent', ['SIGKILL', 'SIGINT'])
def test_disturbed_run_equals_undisturbed(tmp_path, sent):
    "Killed, or interrupted, in the midst of an epoch, and begun again from other random weights: not a bit differs."
    assert ended(start(tmp_path, 'whole', seed=1, pause=0)) == ''
    process = start(tmp_path, 'disturbed', seed=1, pause=0.05)
    wait_for_epoch(process, tmp_path/'disturbed', 2)
    time.sleep(0.1)
    how = getattr(signal, sent)
    process.send_signal(how)
    out, err = process.communicate(timeout=60)
    if how == signal.SIGINT:
        assert process.returncode == 0 and 'The model keeps what it has learned.' in out, err
        assert len(torch.load(tmp_path/'disturbed.result')['history']) < 6 and not torch.load(tmp_path/'disturbed.result')['training']
    else: assert process.returncode == -how and not (tmp_path/'disturbed.result').exists()
    assert 'Going on after epoch' in ended(start(tmp_path, 'disturbed', seed=2, pause=0))
    whole, resumed = (torch.load(tmp_path/f'{name}.result', weights_only=True) for name in ('whole', 'disturbed'))
    assert whole['history'] == resumed['history'] and len(whole['history']) == 6
    for name, value in whole['model'].items(): assert torch.equal(value, resumed['model'][name]), name
    assert not list(tmp_path.glob('*.part'))
