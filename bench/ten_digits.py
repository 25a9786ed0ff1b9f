"""How long chapter 10's network takes to reach 99, 99.4 and 99.6 % on all ten digits, and its epoch against resnet18's.

Run `python bench/ten_digits.py`, on a machine that does nothing else; it takes some minutes on a processor. `python bench/ten_digits.py 5`
takes five seeds instead of three. On a machine with a GPU the same code trains there, since `OnDevice` finds it.

- **Seconds to a goal**: only training counts. The clock stands still while the network is checked, which happens ten times an epoch.
  One run of one epoch is asked for 99 and 99.4 %, another of six epochs, with augmentation, for 99.6 %. A run that ends below its goal
  says so. (Each run has its own cycle of the learning rate: a shorter one would reach 99 % sooner.)
- **An epoch against resnet18's**: both get the same images, loss, optimizer and schedule, and resnet18 both the same batches, of 128,
  and those of chapter 8, of 64. They take turns, seed by seed, and each seed gives a ratio. Look at these: the times depend on
  the machine."""
import sys
from statistics import mean, median
from time import perf_counter
from types import SimpleNamespace

import torch
from torch import nn
from fastai.vision.all import create_vision_model, resnet18

from mnist_nb.convolution import Adam
from mnist_nb.learner import Learner, OnDevice, Schedule
from mnist_nb.optimizer import TensorLoader
from mnist_nb.ten_digits import Jiggle, smooth_loss, ten_images, ten_net

SEEDS = range(42, 42 + int(sys.argv[1] if sys.argv[1:] else 3))
TRAIN, VALID = ten_images('train'), ten_images('valid')
DEVICE = torch.device(OnDevice().device)


def now():
    "The time, when the device has done all that it was asked for."
    if DEVICE.type != 'cpu': torch.accelerator.synchronize()
    return perf_counter()


class Colours(nn.Module):
    "resnet18 wants three channels: the same grey three times."
    def forward(self, x): return x.expand(-1, 3, -1, -1)


def large(): return nn.Sequential(Colours(), create_vision_model(resnet18, 10, pretrained=False))


class Watch:
    "Notes how many seconds of training it took to get so many images right, without the time for checking."
    def __init__(self, checks): self.checks = checks

    def before_fit(self, learner):
        every = len(learner.dls.train)*learner.epochs/self.checks
        self.due = {round(every*(i + 1)) for i in range(self.checks)}
        self.seconds, self.found, self.start = 0., [], now()

    def after_batch(self, learner):
        if learner.steps not in self.due: return
        self.seconds += now() - self.start
        learner.model.eval()
        with torch.no_grad():
            right = sum((learner.model(x.to(DEVICE)).argmax(1) == y.to(DEVICE)).sum().item() for x, y in zip(*(part.split(1000) for part in VALID)))
        learner.model.train()
        self.found.append((self.seconds, right/len(VALID[0])))
        self.start = now()

    def reached(self, goal):
        "Seconds until the first check that was as good, or `None`."
        return next((seconds for seconds, accuracy in self.found if accuracy >= goal), None)


def trained(make, seed, epochs=1, checks=1, cbs=(), bs=128):
    "Train a network, and return its `Watch`."
    torch.manual_seed(seed)
    few = TensorLoader(*(part[:1] for part in VALID))  # the learner's own check is not needed here
    dls, watch = SimpleNamespace(train=TensorLoader(*TRAIN, bs=bs, shuffle=True), valid=few), Watch(checks)
    Learner(dls, make(), smooth_loss, Adam, cbs=[OnDevice(), Schedule(), *cbs, watch]).fit(epochs, 0.01)
    return watch


def report(name, watches, goal):
    "In how many runs a goal was reached, and when."
    times = [w.reached(goal) for w in watches]
    there = [t for t in times if t is not None]
    print(f'{100*goal:.1f} % {name:22} reached by {len(there)} of {len(times)}' + (f', after {median(there):.2f} s (median)' if there else ''))


trained(ten_net, 0)  # not counted: the first training is slower than the rest
name = torch.cuda.get_device_name() if DEVICE.type == 'cuda' else f'{torch.get_num_threads()} threads'
print(f'device: {DEVICE} ({name}), PyTorch {torch.__version__}, {len(SEEDS)} seeds')
one, six, pairs = [], [], []
for seed in SEEDS:
    pairs.append((trained(ten_net, seed), trained(large, seed), trained(large, seed, bs=64)))
    one.append(trained(ten_net, seed, checks=10))
    six.append(trained(ten_net, seed, 6, checks=60, cbs=[Jiggle()]))
report('in one epoch', one, 0.99)
report('in one epoch', one, 0.994)
report('in six epochs', six, 0.996)
for name, watches in (('one epoch', one), ('six epochs', six), ('resnet18, one epoch', [w for _, w, _ in pairs]), ('the same, batch 64', [w for *_, w in pairs])):
    ends = [100*w.found[-1][1] for w in watches]
    print(f'{name:20} {median(w.seconds for w in watches):8.2f} s  {", ".join(f"{e:.2f}" for e in ends)} %  on average {mean(ends):.3f} %')
for i, size in ((1, 128), (2, 64)):
    ratios = [pair[0].seconds/pair[i].seconds for pair in pairs]
    print(f'an epoch, of resnet18\'s with batches of {size}: {", ".join(f"{r:.3f}" for r in ratios)}; median {median(ratios):.3f}')
