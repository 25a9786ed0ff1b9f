"""The checks of the exercises, as they are in the package: each notebook in nbs/exercises tries its checks on right answers and on
typical mistakes, each of which has to be refused in words that fit. nbdev-test does so with the notebook's own functions; here
the same answers are put to those that a reader gets."""
import importlib, os, re
from pathlib import Path

os.environ.setdefault('MPLBACKEND', 'Agg')
import matplotlib.pyplot as plt
import nbformat, numpy as np, pytest, torch
from numpy.linalg import lstsq as by_numpy  # each under a name of its own, as a reader might import it
from scipy.linalg import lstsq as by_scipy

from mnist_nb.exercises import baseline, core, learner, linear, optimizer, pixels, relu_net, sgd

by_torch = torch.linalg.lstsq

NOTEBOOKS = sorted((Path(__file__).resolve().parent.parent/'nbs/exercises').glob('*.ipynb'))

TIMED = 'check_speed'  # compares how long two trainings take: nbdev-test tries it, but here other tests run at the same time


def in_the_package(cell) -> bool:
    "Whether a cell has been exported."
    return bool({'export', 'exporti', 'exportd', 'default_exp'} & set(cell.metadata.get('nbdev', {}))) or bool(re.search(r'^#\| *(export|default_exp)', cell.source, re.M))


@pytest.mark.parametrize('notebook', NOTEBOOKS, ids=lambda path: path.stem)
def test_answers(notebook, monkeypatch):
    module = importlib.import_module(f'mnist_nb.exercises.{"core" if notebook.stem == "index" else notebook.stem}')
    code = [cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == 'code']
    assert any(map(in_the_package, code))
    names, tried = {**vars(module), '__name__': 'notebook'}, set()
    for name in ('accepts', 'rejects'):  # noted, so that no check can get lost
        monkeypatch.setattr(core, name, lambda check, *args, original=getattr(core, name): (tried.add(check), original(check, *args)))
    for cell in code:
        if in_the_package(cell) or TIMED in cell.source or re.search(r'^ *[%!]|^set_up\(\)', cell.source, re.M): continue
        exec(compile(cell.source, f'<{notebook.name}, cell {cell.id}>', 'exec'), names)
    plt.close('all')
    assert tried >= {check for name, check in vars(module).items() if name.startswith('check_') and name != TIMED and check.__module__ == module.__name__}
    assert all(check.__module__ == module.__name__ for check in tried)


# -- faults of checks that a reader found
def line(x, y, powers, solve):
    "Weights for some powers of some inputs, in one go, and the model that has them."
    table = lambda x: torch.cat([x.double()**power for power in powers] + [torch.ones(len(x), 1, dtype=torch.float64)], 1)
    solved = solve(table(x), y.double()) if solve is by_torch else solve(table(x).numpy(), y.double().numpy(), 0.01)
    weights = torch.as_tensor(np.asarray(solved[0])) + 1e-4  # a little off, so that the curve isn't taken for a copy
    return lambda x: table(x)@weights


@pytest.mark.parametrize('solve', [by_numpy, by_scipy], ids=['numpy', 'scipy'])
def test_solver_under_another_name_trains_no_linear_model(solve):
    verdict = linear.check_train(lambda x, y: line(x, 2*y - 1, [1], solve))
    assert not verdict and 'a call of `lstsq`' in verdict.words, verdict


@pytest.mark.parametrize('solve', [by_numpy, by_scipy, by_torch], ids=['numpy', 'scipy', 'torch'])
def test_solver_under_another_name_trains_no_network(solve):
    verdict = relu_net.check_fit_curve(lambda x, y: line(x, y, range(1, 8), solve))
    assert not verdict and 'a call of `lstsq`' in verdict.words, verdict


class Finder:
    "A finder of rates with a list too many, or with lists that are made once only."
    def __init__(self, start, factor, most): self.start, self.factor, self.most, self.rates, self.losses = start, factor, most, [], []
    def before_fit(self, learner): learner.opt.lr = self.start

    def after_batch(self, learner):
        if len(self.losses) == self.most: return
        self.rates.append(learner.opt.lr)
        self.losses.append(learner.loss)
        learner.opt.lr *= self.factor
        learner.stop = len(self.losses) == self.most

class NotesFirst(Finder):
    def before_fit(self, learner): self.rates, self.losses, learner.opt.lr = [self.start], [], self.start

class Silent(Finder):
    def after_batch(self, learner): raise StopIteration  # which says nothing, not even an empty line


@pytest.mark.parametrize('check, answers, words', [
    (pixels.check_ink_inside, [lambda x, n: x[:, :n, :n].sum((1, 2))/x.sum((1, 2))], 'upper left corner'),
    (baseline.check_accuracy, [lambda answers, labels: (answers == labels)[:, 0].float().mean()], 'the first label only'),
    (baseline.check_accuracy, [lambda answers, labels: (answers.squeeze_(1) == labels).float().mean()], 'changes the tensor'),
    (baseline.check_accuracy, [lambda answers, labels: torch.tensor(1.)], 'is not right for 7 answers'),
    (sgd.check_border, (0.34, 'b'), 'moves away already'),
    (sgd.check_border, (0.17, 'a'), 'lands on the bottom'),
    (optimizer.check_final_speed, (-2, -10, 0.05, 'b'), 'never below 0'),
    (optimizer.check_final_speed, (1, 9, 0.05, 'b'), 'a gradient is added'),
    (optimizer.check_final_speed, (2, 9.57, 0.05, 'b'), 'still getting longer'),
    (learner.check_events, [['before_fit', 'before_epoch', 'after_batch', 'after_batch', 'after_fit', 'after_epoch']], 'the training is over'),
    (learner.check_rate_finder, [Finder], 'Begin anew'),
    (learner.check_rate_finder, [NotesFirst], 'has 4 numbers, and `losses` 3'),
    (learner.check_rate_finder, [Silent], '`fit` stopped with `StopIteration`'),
    (linear.check_predict, [lambda images, weights, bias: torch.zeros(len(images), 1) if len(images) == 1 else images.flatten(1)@weights.reshape(-1, 1) + bias],
     'for 1 image of 3 × 7')])
def test_words_fit(check, answers, words):
    verdict = check(*answers)
    assert not verdict and words in verdict.words, verdict


@pytest.mark.parametrize('border', [0.33, 0.333, 1/3, torch.tensor(1/3)])
def test_border_is_accepted(border): assert sgd.check_border(border, 'b')
