"""How many of the 2,038 validation images each rung of the ladder gets wrong, over several seeds.

Run `python bench/ladder.py`, ten seeds each, or `python bench/ladder.py 3` for three; resnet18 takes most of the time. The mean
digits and the nearest neighbour draw no random numbers, so they are measured once."""
import sys
from functools import partial
from statistics import mean

from torch import nn

from mnist_nb.baseline import rms_distance
from mnist_nb.cnn import cnn_rung
from mnist_nb.convolution import convolution_rung
from mnist_nb.ladder import baseline_rung, nearest_rung, train_rung
from mnist_nb.linear import linear_rung
from mnist_nb.optimizer import fit_flat, learner_rung
from mnist_nb.relu_net import binary_cross_entropy, relu_rung


def alike(seed): # as chapter 6 trains its network
    return train_rung('', lambda: fit_flat(nn.Linear(28*28, 1), 40, 0.5, binary_cross_entropy), seed)


seeds = range(int(sys.argv[1]) if sys.argv[1:] else 10)
fixed = {'mean digits, L1': baseline_rung, 'mean digits, L2': partial(baseline_rung, '', rms_distance), 'nearest neighbour': nearest_rung}
seeded = {'linear model, chapter 4': linear_rung, 'nn.Linear, chapter 5': learner_rung, 'line, trained as chapter 6': alike,
          'ReLU net, chapter 6': relu_rung, 'small CNN, chapter 7': convolution_rung, 'resnet18, chapter 8': cnn_rung}
for name, rung in fixed.items(): print(f'{name:28}{rung().errors:6}', flush=True)
for name, rung in seeded.items():
    errors = [rung(seed=seed).errors for seed in seeds]
    print(f'{name:28}{mean(errors):6.1f}  {sorted(errors)}', flush=True)
