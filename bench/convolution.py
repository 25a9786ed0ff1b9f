"""How long the network of chapter 7 takes to train, against chapter 8's resnet18, and how many of 2,038 images each gets wrong.

Run `python bench/convolution.py`, on a machine that does nothing else; it takes some minutes. `python bench/convolution.py 10`
trains ten of each instead of three. The two take turns, with the same number of threads, and each seed gives a ratio.
Look at the ratio: the times depend on the machine. resnet18 reads its images from their files as it trains, and that is
counted, as in the chapter. On a machine with a GPU it would train there, so this asks fastai for the processor."""
import sys
from statistics import mean, median

import torch
from fastai.torch_core import default_device

default_device(use=False)

from mnist_nb.cnn import cnn_rung
from mnist_nb.convolution import convolution_rung


def line(name, rungs):
    "What a model took, and its mistakes, seed by seed."
    seconds, errors = median(r.train_seconds for r in rungs), [r.errors for r in rungs]
    return f'{name:18} {rungs[0].parameters:>10,} parameters {seconds:7.1f} s  mistakes {errors}, on average {mean(errors):.1f}'


seeds = range(42, 42 + int(sys.argv[1] if sys.argv[1:] else 3))
convolution_rung(0)  # not counted: the first training is slower than the rest
small, large = zip(*[(convolution_rung(seed), cnn_rung(seed)) for seed in seeds])
ratios = [a.train_seconds/b.train_seconds for a, b in zip(small, large)]

print(f'{torch.get_num_threads()} threads, {len(seeds)} seeds; the times are medians')
print(line('chapter 7', small))
print(line('chapter 8, resnet18', large))
print(f'ratio of times, seed by seed: {", ".join(f"{r:.3f}" for r in ratios)}; median {median(ratios):.3f}')
