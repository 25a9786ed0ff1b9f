"""How long an epoch of the linear model takes with each loader, beside bare NumPy.

Run `python bench/loader.py`, on a machine that does nothing else. Every way trains on the same images in batches of 256,
shuffled anew in each epoch, on one processor core, and they take turns, so that whatever else the machine does hits them
alike. Look at the ratios: the times depend on the machine. *no loader* walks through batches that were cut before the clock
started, and so is what is left when loading costs nothing: no loader can be quicker than that by much."""
from statistics import median
from time import perf_counter

import numpy as np
import torch
from fastai.data.load import DataLoader as FastaiLoader
from torch import nn
from torch.utils.data import DataLoader

from mnist_nb.linear import flat_sample
from mnist_nb.optimizer import BasicOptim, TensorLoader, train_epoch

ROUNDS, BS, RATE = 60, 256, 1.


def numpy_epoch(x, y, weights, bias, order):
    "The linear model, `mnist_loss` and the step, written out; changes the parameters in place."
    for start in range(0, len(x), BS):
        rows = order[start:start + BS]
        xb, yb = x[rows], y[rows]
        p = 1/(1 + np.exp(-(xb@weights + bias)))
        slope = (1 - 2*yb)*p*(1 - p)/len(xb)
        weights -= RATE*(xb.T@slope)
        bias -= RATE*slope.sum(0)


def milliseconds(job):
    "How long it takes to do something once."
    start = perf_counter()
    job()
    return 1000*(perf_counter() - start)


torch.manual_seed(42)
torch.set_num_threads(1)
x, y = flat_sample('train')
model = nn.Linear(28*28, 1)
opt = BasicOptim(model.parameters(), RATE)
arrays, random = (x.numpy(), y.float().numpy()), np.random.default_rng(42)
weights, bias = model.weight.detach().T.clone().numpy(), model.bias.detach().clone().numpy()

order = torch.randperm(len(x))  # the same epoch by both, to see that they do the same
train_epoch(model, TensorLoader(x[order], y[order]), opt)
numpy_epoch(*arrays, weights, bias, order.numpy())
assert np.allclose(weights, model.weight.detach().T, atol=1e-4) and np.allclose(bias, model.bias.detach(), atol=1e-4)

pairs = list(zip(x, y))
loaders = {"PyTorch's DataLoader, a list of pairs": DataLoader(pairs, batch_size=BS, shuffle=True),
           "fastai's DataLoader, a list of pairs": FastaiLoader(pairs, bs=BS, shuffle=True),
           'TensorLoader': TensorLoader(x, y, BS, shuffle=True),
           'no loader': list(TensorLoader(x, y, BS, shuffle=True))}
jobs = {name: lambda dl=dl: train_epoch(model, dl, opt) for name, dl in loaders.items()}
jobs['bare NumPy'] = lambda: numpy_epoch(*arrays, weights, bias, random.permutation(len(x)))

times = [[milliseconds(job) for job in jobs.values()] for _ in range(ROUNDS + 1)][1:]  # the first round warms up
print(f'{"an epoch, median of " + str(ROUNDS):38}{"ms":>7}{"of PyTorch’s":>14}{"of fastai’s":>13}')
for i, name in enumerate(jobs):
    to_torch, to_fastai = (median(row[i]/row[j] for row in times) for j in (0, 1))  # side by side, round by round
    print(f'{name:38}{median(row[i] for row in times):7.1f}{to_torch:14.2f}{to_fastai:13.2f}')
