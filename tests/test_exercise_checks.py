"""The checks of the exercises, as they are in the package: each notebook in nbs/exercises tries its checks on right answers and on
typical mistakes, each of which has to be refused in words that fit. nbdev-test does so with the notebook's own functions; here
the same answers are put to those that a reader gets."""
import importlib, os, re
from pathlib import Path

os.environ.setdefault('MPLBACKEND', 'Agg')
import matplotlib.pyplot as plt
import nbformat, numpy as np, pytest, torch, torch.nn.functional as F
from numpy.linalg import lstsq as by_numpy  # each under a name of its own, as a reader might import it
from scipy.linalg import lstsq as by_scipy
from torch import nn

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


# -- answers to chapters 1 to 4, each with a mistake that went through or got other words
def cut_out(x, n, height, width): return x[..., (height - n)//2:(height + n)//2, (width - n)//2:(width + n)//2]

def to_minus_edge(x, n):
    edge = (x.shape[1] - n)//2
    return x[:, edge:-edge, edge:-edge]

def with_empty_ideals(x, labels, images):
    ideals = torch.stack([x[labels == digit].float().mean(0) for digit in range(10)]).nan_to_num(0)
    return torch.cdist(images.flatten(1).float(), ideals.flatten(1), p=1).argmin(1)

def neighbours(x, labels, power, k):
    table = torch.cdist(x.flatten(1), x.flatten(1), p=power).fill_diagonal_(torch.inf)
    return (labels[table.topk(k, largest=False).indices].mode(1).values == labels).float().mean()

def slope_along(chain, x):
    slope = 1
    for operation, derivative in chain: slope, x = slope*derivative(x), operation(x)
    return slope

def cubic(t, y, steps=600):
    mean, std, params = t.mean(), t.std(), torch.zeros(4)
    powers = lambda t: torch.stack([((t - mean)/std)**i for i in range(4)], 1)
    for _ in range(steps): params = params - 0.2/len(t)*powers(t).T@(powers(t)@params - y)
    return lambda t: powers(t)@params

def cubic_in_one_place(t, y, place={}):
    place['model'] = cubic(t, y)
    return lambda new: place['model'](new)

def batches(n, size, seed, halves=False):
    generator = torch.Generator().manual_seed(seed)
    order = [int(i) + start for start, end in (((0, n//2), (n//2, n)) if halves else ((0, n),)) for i in torch.randperm(end - start, generator=generator)]
    return [order[i:i + size] for i in range(0, n, size)]

def step(weights, bias, xb, yb, lr):
    ((xb@weights + bias).sigmoid() - yb).abs().mean().backward()
    for p in (weights, bias): p.data, p.grad = p.data - lr*p.grad, None

def steps(x, y, model, epochs=3):
    opt = torch.optim.SGD(model.parameters(), 0.1)
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(64):
            F.binary_cross_entropy_with_logits(model(x[batch]), y[batch].float()).backward()
            opt.step()
            opt.zero_grad()
    return model

def mean_digits(x, y):
    one, zero = (x[y[:, 0] == kind].mean(0) for kind in (1, 0))
    return lambda images: (images - zero).square().mean(1) - (images - one).square().mean(1)


def test_one_image_to_a_batch_is_shuffled_as_well():
    def train(x, y):
        weights, bias = torch.zeros(784, 1, requires_grad=True), torch.zeros(1, requires_grad=True)
        for i in torch.randperm(len(x), generator=torch.Generator().manual_seed(1))[:600]:
            F.binary_cross_entropy_with_logits(x[i]@weights + bias, y[i].float()).backward()
            for p in (weights, bias): p.data, p.grad = p.data - 0.03*p.grad, None
        return lambda images: images@weights + bias
    verdict = linear.check_train(train)
    assert verdict, verdict


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
     'for 1 image of 3 × 7'),
    (pixels.check_to_floats, [lambda x: (x/255).half()], 'The type is `torch.float16`'),
    (pixels.check_to_floats, [lambda x: (x/255).squeeze()], 'should have `(1, 4)`'),
    (pixels.check_middle, [lambda x, n: x[..., (28 - n)//2:(28 + n)//2, (28 - n)//2:(28 + n)//2]], 'images of 28 × 28 pixels'),
    (pixels.check_middle, [lambda x, n: x[..., n:-n, n:-n]], 'That is the margin'),
    (pixels.check_middle, [lambda x, n: cut_out(x, n, x.shape[-1], x.shape[-1])], 'You take the width of the images for both'),
    (pixels.check_ink, [lambda x: x.sum((1, 2))/784], 'Is there a 784 or a 28 in your lines?'),
    (pixels.check_ink, [lambda x: x.float().mean((1, 2)).squeeze()], 'one number in a row'),
    (pixels.check_ink_inside, [lambda x, n: to_minus_edge(x, n).sum((1, 2))/x.sum((1, 2))], 'Here the middle is the whole image'),
    (baseline.check_grey_distance, [lambda stack, image: (stack.float() - image).abs().sum((1, 2))/784], 'Is there a 784 or a 28 in your lines?'),
    (baseline.check_grey_distance, [lambda stack, image: (stack.float() - image).square().mean((1, 2))], 'That is the mean square'),
    (baseline.check_broadcast_shape, [lambda a, b: (n for n in torch.broadcast_shapes(a, b))], 'come as a `generator`'),
    (baseline.check_broadcast_shape, [lambda a, b: torch.tensor(torch.broadcast_shapes(a, b))], 'come as a `Tensor`'),
    (baseline.check_nearest, [lambda x, ideals: torch.cdist(x.flatten(1), ideals.flatten(1), p=torch.inf).argmin(1)], 'the one pixel that differs most'),
    (baseline.check_nearest, [lambda x, ideals: F.cosine_similarity(x.flatten(1)[:, None], ideals.flatten(1), dim=2).argmax(1)], 'for 30 images and 4 ideals'),
    (baseline.check_which_digit, [with_empty_ideals], 'You answer 0, and no training image has that label'),
    (baseline.check_which_digit, [lambda x, labels, images: labels.unique()[torch.cdist(images.view(-1, 784).float(), torch.stack(
        [x[labels == digit].float().mean(0).view(784) for digit in labels.unique()]), p=1).argmin(1)]], 'a tensor of shape `(80, 6, 9)`'),
    (baseline.check_leave_one_out, [lambda x, labels: neighbours(x, labels, 2, 3)], 'is not right for 60 images'),
    (baseline.check_leave_one_out, [lambda x, labels: neighbours(x, labels, torch.inf, 1)], 'is not right for 60 images'),
    (sgd.check_slope, [lambda f, x: (f(x*1.001) - f(x))/(0.001*x)], 'take the same run for every `x`'),
    (sgd.check_slope, [lambda f, x: (f(x + 1e-5) - f(x))/1e-5], 'little of the rise but rounding'),
    (sgd.check_gradient, [lambda f, x: torch.autograd.functional.jacobian(f, x).abs()], 'for `func(x) = x.cos().sum() - x.sum()`'),
    (sgd.check_chain_slope, [lambda chain, x: round(slope_along(chain, x), 2)], 'is not right'),
    (sgd.check_chain_slope, [lambda chain, x: slope_along(chain, x) or 1], 'minus 6, squared'),
    (sgd.check_what_happens, [lambda k, lr: 'slides' if k*lr < 0.6 else 'bounces' if k*lr < 1 else 'diverges'], "you say `'slides'`"),
    (sgd.check_descend_until, [lambda func, *args: iter([0.])], '`list(…)` makes one'),
    (sgd.check_fit_cubic, [cubic_in_one_place], 'which the next fit overwrites'),
    (sgd.check_fit_cubic, [lambda t, y: lambda new, model=cubic(t, y): model(new).tolist()], 'They should be a tensor'),
    (linear.check_make_batches, [lambda n, size, seed: [[float(i) for i in batch] for batch in batches(n, size, seed)]], 'not `3.0`'),
    (linear.check_make_batches, [lambda n, size, seed: [[str(i) for i in batch] for batch in batches(n, size, seed)]], 'whole numbers'),
    (linear.check_make_batches, [lambda n, size, seed: map(set, batches(n, size, seed))], 'is a `set`'),
    (linear.check_make_batches, [lambda n, size, seed: batches(n, size, seed, halves=True)], 'Shuffle all indices together'),
    (linear.check_step, [lambda *args: (step(*args), args[2].zero_())], 'Only `weights` and `bias` should change'),
    (linear.check_step, [lambda *args: (step(*args), args[3].zero_())], 'Only `weights` and `bias` should change'),
    (linear.check_train, [lambda x, y: steps(x, y, nn.Sequential(nn.Linear(784, 9), nn.ReLU(), nn.Linear(9, 1)))], 'Is there another layer in it'),
    (linear.check_train, [lambda x, y: (steps(x, y, nn.Linear(784, 1), epochs=1), mean_digits(x, y))[1]], 'two mean digits'),
    (linear.check_train, [lambda x, y: lambda images, model=steps(x, y, nn.Linear(784, 1)): model(images).tolist()], 'It should be a tensor')])
def test_words_fit(check, answers, words):
    verdict = check(*answers)
    assert not verdict and words in verdict.words, verdict


@pytest.mark.parametrize('border', [0.33, 0.333, 1/3, torch.tensor(1/3)])
def test_border_is_accepted(border): assert sgd.check_border(border, 'b')


def by_rise(chain, x, h=1e-6):
    along = lambda x: [x := operation(x) for operation, _ in chain][-1]
    return (along(x + h) - along(x - h))/(2*h)

def by_equations(t, y):
    best = np.polyfit(t - t.mean(), y, 3)
    return lambda new: np.polyval(best, new - t.mean())


@pytest.mark.parametrize('check, answer, words', [
    (sgd.check_chain_slope, by_rise, 'no derivative was asked for'),
    (sgd.check_chain_slope, slope_along, 'You multiplied slopes'),
    (sgd.check_fit_cubic, by_equations, 'a call of `polyfit`'),
    (sgd.check_fit_cubic, cubic, 'your loop did the rest')])
def test_praise_fits_the_way(check, answer, words):
    verdict = check(answer)
    assert verdict and words in verdict.words, verdict
