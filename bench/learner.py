"""The book's Learner beside fastai's: an epoch of the small networks, and the whole way from the digits to the ReLU net.

Run `python bench/learner.py`, on a machine that does nothing else; it takes some minutes. `python bench/learner.py 3` goes the
whole way three times instead of five. All on one processor core. The two take turns, round by round, and each round gives
a ratio: look at these, the times depend on the machine.

- **An epoch**: both learners get the same `TensorLoader`, loss and metric, and print nothing, so only the loops differ. In the
  second pair of rows, fastai's loader is its own `DataLoader` of pairs, as its course has it.
- **The whole way**: imports, mean digits and their distances, 21 epochs of the linear model by hand, 20 with the optimizer, 10 with
  `Learner`, and 40 of the ReLU net, each in a new Python. Once with the book's means, once with `fastai.vision.all`, fastai's
  `DataLoader`, `SGD` and `Learner`. Both read the digits with `load_sample`, and reach the same accuracies."""
import os, subprocess, sys
from statistics import median
from time import perf_counter

ROUNDS = 15


def by_the_book():
    "The whole way, with what the book builds. Returns the accuracies."
    import torch
    from torch import nn
    from types import SimpleNamespace
    from mnist_nb.data import load_sample
    from mnist_nb.learner import Learner
    from mnist_nb.linear import batch_accuracy, flat_sample, init_params, linear1, mnist_loss, train_epoch, validate_epoch
    from mnist_nb.optimizer import BasicOptim, TensorLoader, train_epoch as train_with
    from mnist_nb.relu_net import relu_net
    images, labels = load_sample('train')
    x, y = flat_sample('train')
    valid_x, valid_y = flat_sample('valid')
    means = [images[labels == digit].float().mean(0).view(-1)/255 for digit in (3, 7)]
    nearest = (valid_x - means[0]).abs().mean(1) < (valid_x - means[1]).abs().mean(1)
    found = [(nearest[:, None] == valid_y).float().mean().item()]
    torch.manual_seed(42)
    dl, valid_dl = TensorLoader(x, y, shuffle=True), TensorLoader(valid_x, valid_y)
    weights, bias = init_params((28*28, 1)), init_params(1)
    def model(xb): return linear1(xb, weights, bias)
    for _ in range(21):
        train_epoch(model, 1., (weights, bias), dl)
        accuracy = validate_epoch(model, valid_dl)
    found.append(accuracy)
    linear = nn.Linear(28*28, 1)
    opt = BasicOptim(linear.parameters(), 1.)
    for _ in range(20):
        train_with(linear, dl, opt)
        accuracy = validate_epoch(linear, valid_dl)
    found.append(accuracy)
    for net, epochs, lr in ((nn.Linear(28*28, 1), 10, 1.), (relu_net(), 40, 0.1)):
        learn = Learner(SimpleNamespace(train=dl, valid=valid_dl), net, mnist_loss, BasicOptim, batch_accuracy)
        learn.fit(epochs, lr)
        found.append(learn.history[-1][2])
    return found


def by_fastai():
    "The same by fastai's means, and by hand where its course does it by hand. Returns the accuracies."
    from fastai.vision.all import DataLoader, DataLoaders, Learner, SGD, nn, torch
    from mnist_nb.data import load_sample
    digits = {split: load_sample(split) for split in ('train', 'valid')}
    x, valid_x = [digits[split][0].view(-1, 28*28).float()/255 for split in digits]
    y, valid_y = [(digits[split][1] == 3).long().unsqueeze(1) for split in digits]
    means = [x[y[:, 0] == label].mean(0) for label in (1, 0)]
    nearest = (valid_x - means[0]).abs().mean(1) < (valid_x - means[1]).abs().mean(1)
    found = [(nearest[:, None] == valid_y).float().mean().item()]
    torch.manual_seed(42)
    dl, valid_dl = DataLoader(list(zip(x, y)), bs=256, shuffle=True), DataLoader(list(zip(valid_x, valid_y)), bs=256)
    weights, bias = torch.randn(28*28, 1).requires_grad_(), torch.randn(1).requires_grad_()
    def mnist_loss(preds, yb):
        preds = preds.sigmoid()
        return torch.where(yb == 1, 1 - preds, preds).mean()
    def batch_accuracy(preds, yb): return ((preds.sigmoid() > 0.5) == yb).float().mean()
    def validate_epoch(model): return torch.stack([batch_accuracy(model(xb), yb) for xb, yb in valid_dl]).mean().item()
    def calc_grad(xb, yb, model): mnist_loss(model(xb), yb).backward()
    def model(xb): return xb@weights + bias
    for _ in range(21):
        for xb, yb in dl:
            calc_grad(xb, yb, model)
            for p in (weights, bias):
                p.data -= p.grad*1.
                p.grad.zero_()
        accuracy = validate_epoch(model)
    found.append(accuracy)
    linear = nn.Linear(28*28, 1)
    opt = SGD(linear.parameters(), 1.)
    for _ in range(20):
        for xb, yb in dl:
            calc_grad(xb, yb, linear)
            opt.step()
            opt.zero_grad()
        accuracy = validate_epoch(linear)
    found.append(accuracy)
    relu_net = nn.Sequential(nn.Linear(28*28, 30), nn.ReLU(), nn.Linear(30, 1))
    for net, epochs, lr in ((nn.Linear(28*28, 1), 10, 1.), (relu_net, 40, 0.1)):
        learn = Learner(DataLoaders(dl, valid_dl, device='cpu'), net, opt_func=SGD, loss_func=mnist_loss, metrics=batch_accuracy)
        with learn.no_bar(), learn.no_logging(): learn.fit(epochs, lr)
        found.append(learn.recorder.values[-1][2])
    return found


def seconds(job):
    "How long it takes to do something once."
    start = perf_counter()
    job()
    return perf_counter() - start


def epochs():
    "Print how long an epoch takes with each learner."
    import torch
    from torch import nn
    from fastai.callback.progress import Learner as FastaiLearner  # imported from there, it has `no_bar`
    from fastai.data.core import DataLoaders
    from fastai.data.load import DataLoader
    from fastai.optimizer import SGD
    from mnist_nb.learner import Learner
    from mnist_nb.linear import batch_accuracy, flat_sample, mnist_loss
    from mnist_nb.optimizer import BasicOptim, TensorLoader
    from mnist_nb.relu_net import relu_net
    torch.manual_seed(42)
    torch.set_num_threads(1)
    (x, y), (valid_x, valid_y) = flat_sample('train'), flat_sample('valid')
    same = DataLoaders(TensorLoader(x, y, shuffle=True), TensorLoader(valid_x, valid_y), device='cpu')
    pairs = DataLoaders(DataLoader(list(zip(x, y)), bs=256, shuffle=True), DataLoader(list(zip(valid_x, valid_y)), bs=256), device='cpu')
    print(f'{"an epoch, median of " + str(ROUNDS):52}{"the book":>9}{"fastai":>9}{"ratio":>8}')
    for loader, dls in (('the same TensorLoader', same), ("fastai with its DataLoader", pairs)):
        for name, make in (('linear model', lambda: nn.Linear(28*28, 1)), ('ReLU net', relu_net)):
            ours = Learner(same, make(), mnist_loss, BasicOptim, batch_accuracy)
            theirs = FastaiLearner(dls, make(), mnist_loss, SGD, metrics=batch_accuracy)
            with theirs.no_bar(), theirs.no_logging():
                jobs = lambda: ours.fit(1, 0.5), lambda: theirs.fit(1, 0.5)
                times = [[seconds(job) for job in jobs] for _ in range(ROUNDS + 1)][1:]  # the first round warms up
            a, b = (1000*median(row[i] for row in times) for i in (0, 1))
            print(f'{name + ", " + loader:52}{a:6.1f} ms{b:6.1f} ms{median(p/q for p, q in times):8.2f}', flush=True)


def whole_way(rounds):
    "Print how long the whole way takes by either means, each time in a new Python."
    ways = ['by_the_book', 'by_fastai']
    env = {**os.environ, 'OMP_NUM_THREADS': '1'}
    run = lambda way: subprocess.run([sys.executable, '-W', 'ignore', __file__, way], check=True, env=env, capture_output=True, text=True).stdout
    accuracies = {way: run(way) for way in ways}  # the first time, files come from the disk
    times = [[seconds(lambda: run(way)) for way in ways] for _ in range(rounds)]
    for i, way in enumerate(ways): print(f'the whole way, {way:13}{median(row[i] for row in times):7.1f} s   accuracies {accuracies[way].strip()}')
    ratios = [a/b for a, b in times]
    print(f'ratio, round by round: {", ".join(f"{r:.2f}" for r in ratios)}; median {median(ratios):.2f}')


if __name__ == '__main__':
    asked = sys.argv[1] if sys.argv[1:] else '5'
    if asked.startswith('by_'): print(*(f'{a:.4f}' for a in globals()[asked]()))
    else:
        epochs()
        whole_way(int(asked))
