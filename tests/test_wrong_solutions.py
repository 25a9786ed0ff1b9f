"""Solutions written from the texts of the exercises alone: wrong ones that a narrow check takes for right, each to be refused in words
that fit, and right ones that a strict check might refuse."""
import itertools
from functools import partial
from types import SimpleNamespace

import numpy as np, pytest, torch, torch.nn.functional as F
from torch import nn

from mnist_nb.convolution import one_cycle
from mnist_nb.data import load_mnist
from mnist_nb.exercises import baseline, cnn, convolution, learner, linear, optimizer, pixels, relu_net, sgd, ten_digits
from mnist_nb.learner import Learner


# -- chapter 1
def middle(images, size):
    top, left = (images.shape[-2] - size)//2, (images.shape[-1] - size)//2
    return images[..., top:top + size, left:left + size]

def middle_in_list(images, size): return [middle(image, size) for image in images] if images.ndim == 3 else middle(images, size)

def contact_sheet(images, cols):
    n, height, width = images.shape
    sheet = np.zeros((-(-n//cols)*height, cols*width), np.float32)
    for i, image in enumerate(images.numpy()):
        sheet[i//cols*height:(i//cols + 1)*height, i%cols*width:(i%cols + 1)*width] = image
    return sheet


def share_inside(images, size): return middle(images, size).sum((1, 2))/images.sum((1, 2))

def inside_by_means(images, size): return middle(images, size).float().mean((1, 2))/images.float().mean((1, 2))


# -- chapter 3
def descend_until(func, start, lr, enough, most, size=float, copy=torch.clone):
    x = copy(start).requires_grad_()
    losses = [size(func(x))]
    while losses[-1] > enough and len(losses) <= most:
        grad, = torch.autograd.grad(func(x), x)
        x = (x - lr*grad).detach().requires_grad_()  # a new tensor for each step
        losses.append(size(func(x)))
    return losses

def descend_marking(func, start, lr, enough, most):
    x, losses = start.requires_grad_(), [func(start).item()]
    while losses[-1] > enough and len(losses) <= most:
        grad, = torch.autograd.grad(func(x), x)
        x = (x - lr*grad).detach().requires_grad_()
        losses.append(func(x).item())
    return losses

def descend_with_sgd(func, start, lr, enough, most):
    x = start.clone().requires_grad_()
    opt, losses = torch.optim.SGD([x], lr), []
    for step in range(most + 1):
        opt.zero_grad()
        loss = func(x)
        losses.append(loss.item())
        if losses[-1] <= enough: break
        loss.backward()
        opt.step()
    return losses

def gradient_marking(func, x):
    x.requires_grad_()
    result, = torch.autograd.grad(func(x), x)
    x.requires_grad_(False)
    return result


# -- chapter 4
def predict(images, weights, bias): return images.flatten(1)@weights.reshape(-1, 1) + bias

def distance_loss(predictions, targets, squash=torch.sigmoid): return (squash(predictions) - targets.view(-1, 1)).abs().mean()

def own_sigmoid(x):
    e = torch.exp(torch.where(x >= 0, -x, x))
    return torch.where(x >= 0, 1, e)/(1 + e)

def filled_sigmoid(x):
    p = torch.zeros(x.shape)  # 32 bits, whatever comes
    above = x >= 0
    p[above] = 1/(1 + (-x[above]).exp())
    p[~above] = x[~above].exp()/(1 + x[~above].exp())
    return p

def cut(order, size): return [list(order[i:i + size]) for i in range(0, len(order), size)]
def make_batches(n, size, seed): return cut(np.random.default_rng(seed).permutation(n).tolist(), size)
def sorted_batches(n, size, seed): return (sorted(batch) for batch in make_batches(n, size, seed))
def rolled(n, size, seed): return cut(torch.arange(n).roll(seed).tolist(), size)
def two_orders(n, size, seed): return make_batches(n, size, seed % 2)
def endless(n, size, seed): return itertools.cycle(make_batches(n, size, seed))

def step_with_data(weights, bias, xb, yb, lr):
    grads = torch.autograd.grad(distance_loss(predict(xb, weights, bias), yb), (weights, bias))
    weights.data, bias.data = (p.detach() - lr*g for p, g in zip((weights, bias), grads))

def step_as_given(weights, bias, xb, yb, lr, sign=1, inside=False):
    distance_loss(predict(xb, weights, bias), yb).backward()
    with torch.no_grad():
        for p in (weights, bias):
            p += sign*lr*p.grad
            if inside: p.grad.zero_()
    p.grad.zero_()

def nearest_mean(images, targets):
    three, seven = (images[targets[:, 0] == kind].mean(0) for kind in (1, 0))
    return lambda x: ((x - seven).abs().mean(1) - (x - three).abs().mean(1))[:, None]

def by_hand(images, targets, epochs=8):
    "NumPy alone, with the gradient of `mnist_loss` worked out on paper, and new arrays in each step."
    x, t = np.hstack([images.numpy(), np.ones((len(images), 1))]), targets.numpy()
    w, rng = np.zeros((x.shape[1], 1)), np.random.default_rng(1)
    for batch in (b for _ in range(epochs) for b in np.array_split(rng.permutation(len(x)), 32)):
        p = 1/(1 + np.exp(-x[batch]@w))
        w = w - x[batch].T@((1 - 2*t[batch])*p*(1 - p))/len(batch)
    return lambda x: x.double()@torch.tensor(w[:-1]) + torch.tensor(w[-1])

def with_adam(images, targets):
    model = nn.Linear(784, 1)
    opt = torch.optim.Adam(model.parameters(), 0.01)
    for batch in (b for _ in range(4) for b in torch.randperm(len(images)).split(64)):
        opt.zero_grad()
        F.binary_cross_entropy_with_logits(model(images[batch]), targets[batch].float()).backward()
        opt.step()
    return model

def least_squares(images, targets):
    x = np.hstack([images.numpy(), np.ones((len(images), 1))])
    w = np.linalg.lstsq(x, 2*targets.numpy() - 1, rcond=0.01)[0]
    return lambda x: x.double()@torch.tensor(w[:-1]) + torch.tensor(w[-1])

def answers(images, targets):
    model = with_adam(images, targets)
    return lambda x: (model(x) > 0).float()


# -- chapter 5
class Layer(nn.Module):
    def __init__(self, n_in, n_out, seed=None):
        super().__init__()
        if seed is not None: torch.manual_seed(seed)
        self.weight = nn.Parameter((2*torch.rand(n_out, n_in) - 1)/n_in**0.5)
        self.bias = nn.Parameter(torch.zeros(n_out))

    def forward(self, xb): return torch.einsum('ni,oi->no', xb, self.weight) + self.bias

def running_average(losses, beta):
    average, shown = 0, []
    for n, loss in enumerate(losses, 1):
        average = beta*average + (1 - beta)*loss
        shown.append(average/(1 - beta**n))
    return shown

def average_in_place(losses, beta):
    losses[:] = running_average(losses, beta)
    return losses

def average_of_copy(losses, beta):
    losses = list(losses)
    return running_average([losses.pop(0) for _ in range(len(losses))], beta)


# -- chapter 6
def merge(first, second): return second.weight@first.weight, second(first.bias)

def merged_layer(first, second):
    layer = nn.Linear(first.in_features, second.out_features)
    layer.weight.data, layer.bias.data = (p.detach() for p in merge(first, second))
    return layer

def forward(xb, layers):
    for i, (w, b) in enumerate(layers): xb = (xb.clamp(min=0) if i else xb)@w + b
    return xb

def forward_in_doubles(xb, layers): return forward(xb.double(), [(w.double(), b.double()) for w, b in layers])

def forward_with_modules(xb, layers):
    net = nn.Sequential()
    for w, b in layers:
        net.extend([nn.Linear(*w.shape), nn.ReLU()])
        net[-2].weight.data, net[-2].bias.data = w.T, b
    return net[:-1](xb)

def dead_by_hook(net, images, tidy=True):
    seen = []
    hook = net[1].register_forward_hook(lambda layer, given, out: seen.append(out.detach()))
    net(images)
    if tidy: hook.remove()
    return seen[0].amax(0) == 0

def dead_after_change(net, images):
    net[0].bias.data -= 1000
    return (net[:2](images) == 0).all(0)

def nearest_point(x, y): return lambda z: y[(z - x.T).abs().argmin(1)]

def interpolates(x, y):
    return lambda z: torch.tensor(np.interp(z[:, 0].numpy(), x[:, 0].numpy(), y[:, 0].numpy()))[:, None]

def curve_net(x, y, make=nn.Sequential):
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(1, 30), nn.Tanh(), nn.Linear(30, 1))
    opt = torch.optim.Adam(net.parameters(), 0.02)
    for _ in range(250):
        opt.zero_grad()
        F.mse_loss(net(x), y).backward()
        opt.step()
    return net

def curve_unclear(x, y):
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(1, 30), nn.Tanh(), nn.Linear(30, 1))
    opt = torch.optim.Adagrad(net.parameters(), 0.1)  # which hides what adds up
    for _ in range(1000):
        F.mse_loss(net(x), y).backward()
        opt.step()
    return net

def polynomial(x, y, powers=torch.arange(6)):
    table = x**powers
    weights = torch.linalg.solve(table.T@table + 0.01*torch.eye(6), table.T@y)  # a little off, so that it isn't taken for a copy
    return lambda z: z**powers@weights

def curve_by_hand(x, y):
    "No `nn`, no `backward`: gradients worked out on paper."
    rng, x, y = np.random.default_rng(1), x.double().numpy(), y.double().numpy()
    w, b, v, c = rng.normal(size=(1, 30)), rng.normal(size=30), rng.normal(size=(30, 1))/30**0.5, np.zeros(1)
    for _ in range(2000):
        h = np.tanh(x@w + b)
        error = 2*(h@v + c - y)/len(x)
        back = error@v.T*(1 - h**2)
        w, b, v, c = w - 0.05*x.T@back, b - 0.05*back.sum(0), v - 0.05*h.T@error, c - 0.05*error.sum(0)
    return lambda z: torch.tensor(np.tanh(z.double().numpy()@w + b)@v + c)


# -- chapters 7 and 8
def convolutions(image, kernels): return torch.stack([F.conv2d(image[None, None], o[None, None])[0, 0] for o in kernels])

def rate_at(epoch, batch, epochs, batches, lr, end=1e-5):
    return one_cycle((epoch*batches + batch)/(epochs*batches), lr/25, lr, lr*end)

def rate_in_floats(epoch, batch, epochs, batches, lr):
    done = torch.tensor((epoch*batches + batch)/(epochs*batches))
    low, high, part = (lr/25, lr, done/0.25) if done < 0.25 else (lr, lr/1e5, (done - 0.25)/0.75)
    return low + (high - low)*(1 - torch.cos(torch.pi*part))/2

def cross_entropy(outputs, targets): return (outputs.logsumexp(1) - outputs.gather(1, targets[:, None])[:, 0]).mean()

def cross_entropy_in_a_loop(outputs, targets):
    return sum(row.double().logsumexp(0) - row[t] for row, t in zip(outputs, targets))/len(targets)

def report(outputs, targets, k, kind=torch.long):
    matrix = torch.zeros(outputs.shape[1], outputs.shape[1], dtype=kind)
    for pair in zip(targets.tolist(), outputs.argmax(1).tolist()): matrix[pair] += 1
    return matrix, F.cross_entropy(outputs, targets, reduction='none').topk(k).indices

def report_in_numpy(outputs, targets, k):
    matrix = np.zeros((outputs.shape[1],)*2)
    np.add.at(matrix, (targets.numpy(), outputs.argmax(1).numpy()), 1)
    return matrix, np.argsort(-F.cross_entropy(outputs, targets, reduction='none').numpy())[:k].tolist()


# -- chapter 9
class Mine:
    "A learner of five milestones, written in another way than the book's."
    clear, keep_batches, modes, first_only = True, False, True, False

    def __init__(self, dls, model, loss_func, opt_func, metrics=(), cbs=()):
        self.dls, self.model, self.loss_func, self.opt_func, self.metrics, self.cbs = dls, model, loss_func, opt_func, metrics, cbs
        if self.keep_batches: self.dls = SimpleNamespace(train=list(dls.train), valid=dls.valid)

    def fit(self, epochs, lr):
        self.stop, self.history = False, []
        opt = self.opt_func(self.model.parameters(), lr)
        self.tell('before_fit')
        for epoch in range(epochs):
            self.tell('before_epoch')
            total, count = 0., 0
            if self.modes: self.model.train()
            for xb, yb in self.dls.train:
                loss = self.loss_func(self.model(xb), yb)
                if self.clear: opt.zero_grad()
                loss.backward()
                opt.step()
                total, count = total + loss.item()*len(xb), count + len(xb)
                self.tell('after_batch')
                if self.first_only: break
            self.history.append((total/count, *self.check()))
            self.tell('after_epoch')
            if self.stop: break
        self.tell('after_fit')

    @torch.no_grad()
    def check(self):
        if self.modes: self.model.eval()
        preds, targets = map(torch.cat, zip(*((self.model(xb), yb) for xb, yb in self.dls.valid)))
        return [f(preds, targets).item() for f in (self.loss_func, *self.metrics)]

    def tell(self, event):
        for cb in self.cbs:
            if hasattr(cb, event): getattr(cb, event)(self)

def mine(**changes): return type('MyLearner', (Mine,), changes)

class Finder:
    "A finder of rates that works out each rate from the number of the batch."
    shift = 0

    def __init__(self, start, factor, most): self.start, self.factor, self.most, self.rates = start, factor, most, []
    def rate(self, i): return self.start*self.factor**i
    def before_epoch(self, learner): learner.opt.lr = self.rate(len(self.rates))
    def before_fit(self, learner): self.rates, self.losses = [], []

    def after_batch(self, learner):
        i = len(self.rates)
        if i < self.most:
            self.rates, self.losses = [*self.rates, self.rate(i + self.shift)], [*self.losses, torch.tensor(learner.loss)]
            learner.opt.lr, learner.stop = self.rate(i + 1), i + 1 == self.most

def several(check): return lambda answers: check(*answers)


WRONG = [
    ('1.2 an array', pixels.check_to_floats, lambda x: x.numpy()/255, 'a tensor was asked for'),
    ('1.2 a list', pixels.check_to_floats, lambda x: (x/255).tolist(), 'a tensor was asked for'),
    ('1.3 a list of images', pixels.check_middle, middle_in_list, 'a tensor was asked for. `torch.stack`'),
    ('1.3 squeezes a stack of one', pixels.check_middle, lambda x, n: middle(x, n).squeeze(), 'should have `(1, 4, 4)`'),
    ('1.5 means', pixels.check_ink_inside, inside_by_means, 'stands for less ink'),
    ('1.6 an array', pixels.check_contact_sheet, contact_sheet, 'a tensor was asked for'),
    ('2.4 as it was', baseline.check_accuracy, lambda answers, labels: (answers == labels).float().mean(), 'Each answer still meets every label'),
    ('2.3 without an end', baseline.check_broadcast_shape, lambda a, b: itertools.repeat(28), 'goes on and on'),
    ('3.4 half of it', several(sgd.check_border), (0.167, 'a'), 'lands on the bottom'),
    ('3.4 a reason of another rate', several(sgd.check_border), (0.33, 'a'), 'It is half of your border'),
    ('3.6 start stays marked', sgd.check_descend_until, descend_marking, 'marked for gradients'),
    ('3.6 size of the loss', sgd.check_descend_until, partial(descend_until, size=lambda loss: abs(loss.item())), 'signs are not'),
    ('4.1 detached', linear.check_predict, lambda x, w, b: predict(x, w, b).detach(), 'no gradient can find its way back'),
    ('4.1 bias as a number', linear.check_predict, lambda x, w, b: predict(x, w, b.item()), 'to `bias`'),
    ('4.1 an array', linear.check_predict, lambda x, w, b: predict(x, w, b).detach().numpy(), 'a tensor was asked for'),
    ('4.1 a list', linear.check_predict, lambda x, w, b: predict(x, w, b).tolist(), 'a tensor was asked for'),
    ('4.2 clamp', linear.check_distance_loss, lambda p, t: distance_loss(p.clamp(-80, 80), t), 'cut off with `clamp`'),
    ('4.2 a narrow clamp', linear.check_distance_loss, lambda p, t: distance_loss(p.clamp(-20, 20), t), 'cut off with `clamp`'),
    ('4.3 rolled', linear.check_make_batches, rolled, 'no shuffling'),
    ('4.3 two orders', linear.check_make_batches, two_orders, 'give the same order'),
    ('4.3 without an end', linear.check_make_batches, endless, 'goes on and on'),
    ('4.5 as it was', linear.check_step, step_as_given, 'Which sign has a step?'),
    ('4.5 one mistake left', linear.check_step, partial(step_as_given, sign=-1), '`backward` adds to what is there'),
    ('4.5 the other left', linear.check_step, partial(step_as_given, inside=True), 'Which sign has a step?'),
    ('4.6 nearest mean', linear.check_train, nearest_mean, 'nothing is trained'),
    ('4.6 least squares', linear.check_train, least_squares, 'a call of `lstsq`'),
    ('4.6 labels', linear.check_train, answers, 'These are answers, and a prediction was asked for'),
    ('5.2 a seed in each layer', optimizer.check_layer, partial(Layer, seed=1), 'begin with the same weights'),
    ('5.3 changes its list', optimizer.check_running_average, average_in_place, 'changes the list'),
    ('5.5 after one step', several(optimizer.check_final_speed), (1, 1, 0.5, 'a'), 'without momentum'),
    ('5.5 turned over', several(optimizer.check_final_speed), (2, 10, 5, 'b'), 'turned over'),
    ('6.3 a bend without a layer', several(relu_net.check_which_can), ('bd', 'b', 'abe'), 'the same number for every x'),
    ('6.2 a layer', relu_net.check_merge, merged_layer, 'Two things should come back'),
    ('6.4 detached', relu_net.check_forward, lambda xb, layers: forward(xb, layers).detach(), 'no gradient can find its way back'),
    ('6.5 leaves a hook', relu_net.check_dead_units, partial(dead_by_hook, tidy=False), 'leaves a hook'),
    ('6.5 changes the network', relu_net.check_dead_units, dead_after_change, 'changes the layers'),
    ('6.6 nearest point', relu_net.check_fit_curve, nearest_point, 'nothing was trained'),
    ('6.6 interpolates', relu_net.check_fit_curve, interpolates, 'nothing was trained'),
    ('6.6 a polynomial', relu_net.check_fit_curve, polynomial, 'a call of `solve`'),
    ('6.6 no zero_grad', relu_net.check_fit_curve, curve_unclear, 'Which line clears them'),
    ('7.2 a list', convolution.check_convolutions, lambda image, kernels: list(convolutions(image, kernels)), 'a tensor was asked for'),
    ('7.4 one channel', several(convolution.check_on_paper), (3, 9, 1666), 'one channel'),
    ('7.7 ends at 0', convolution.check_rate_at, partial(rate_at, end=0), 'Your rate ends at 0'),
    ('8.2 detached', cnn.check_cross_entropy, lambda x, t: cross_entropy(x, t).detach(), 'no gradient can find its way back'),
    ('8.5 bytes', cnn.check_report, partial(report, kind=torch.uint8), 'Which type has more room?'),
    ('9.1 batches kept', learner.check_fit, mine(keep_batches=True), 'went through `dls.train` 1 time'),
    ('9.3 no zero', learner.check_modes, mine(clear=False), 'milestone 9.1'),
    ('9.4 no modes', learner.check_callbacks, mine(modes=False), 'milestone 9.3'),
    ('9.5 no zero', learner.check_on_digits, mine(clear=False), 'milestone 9.1'),
    ('9.5 first batch', learner.check_on_digits, mine(first_only=True), 'milestone 9.1'),
    ('9.6 at once', learner.check_events, ['before_fit', 'before_epoch', 'after_batch', 'after_fit'], 'is finished first'),
    ('9.7 the next rate', learner.check_rate_finder, type('Finder', (Finder,), {'shift': 1}), 'of the *next* batch'),
]

RIGHT = [
    ('1.2 64 bits', pixels.check_to_floats, lambda x: x.double()/255),
    ('1.2 by NumPy, into a tensor', pixels.check_to_floats, lambda x: torch.tensor(x.numpy()/255)),
    ('1.2 half precision', pixels.check_to_floats, lambda x: x.mul(1/255)),
    ('1.3 stacked', pixels.check_middle, lambda x, n: torch.stack([middle(o, n) for o in x]) if x.ndim == 3 else middle(x, n)),
    ('1.5 sums of bytes', pixels.check_ink_inside, share_inside),
    ('1.5 in 64 bits', pixels.check_ink_inside, lambda x, n: share_inside(x.double(), n)),
    ('1.6 by NumPy, into a tensor', pixels.check_contact_sheet, lambda x, cols: torch.from_numpy(contact_sheet(x, cols))),
    ('2.2 in 64 bits', baseline.check_total_accuracy, lambda a, n: np.average(a.numpy(), weights=n.numpy())),
    ('2.4 a row of answers', baseline.check_accuracy, lambda answers, labels: (answers.view(-1) == labels).double().mean()),
    ('2.4 a column of labels', baseline.check_accuracy, lambda answers, labels: (answers == labels[:, None]).float().mean().item()),
    ('3.4 by trial', several(sgd.check_border), (0.333, 'B')),
    ('3.2 marked for a while', sgd.check_gradient, gradient_marking),
    ('3.2 by torch.func', sgd.check_gradient, lambda f, x: torch.func.jacrev(f)(x)),
    ('3.2 in 64 bits', sgd.check_gradient, lambda f, x: torch.autograd.functional.jacobian(f, x.double())),
    ('3.6 new tensors', sgd.check_descend_until, descend_until),
    ('3.6 in 64 bits', sgd.check_descend_until, partial(descend_until, copy=torch.Tensor.double)),
    ('3.6 by an optimizer', sgd.check_descend_until, descend_with_sgd),
    ('4.1 in 64 bits', linear.check_predict, lambda x, w, b: predict(x.double(), w.double(), b.double())),
    ('4.1 image by image', linear.check_predict, lambda x, w, b: torch.stack([(o*w).sum() + b for o in x])),
    ('4.2 own sigmoid', linear.check_distance_loss, partial(distance_loss, squash=own_sigmoid)),
    ('4.2 32 bits only', linear.check_distance_loss, partial(distance_loss, squash=filled_sigmoid)),
    ('4.2 1 - sigmoid', linear.check_distance_loss, lambda p, t: torch.where(t.view(p.shape) == 1, 1 - own_sigmoid(p), own_sigmoid(p)).mean()),
    ('4.2 in 64 bits', linear.check_distance_loss, lambda p, t: distance_loss(p.double(), t)),
    ('4.3 by NumPy', linear.check_make_batches, make_batches),
    ('4.3 each batch sorted', linear.check_make_batches, sorted_batches),
    ('4.3 tensors', linear.check_make_batches, lambda n, size, seed: torch.randperm(n, generator=torch.Generator().manual_seed(seed)).split(size)),
    ('4.5 with data', linear.check_step, step_with_data),
    ('4.6 by hand', linear.check_train, by_hand),
    ('4.6 with Adam', linear.check_train, with_adam),
    ('5.2 einsum', optimizer.check_layer, Layer),
    ('5.2 a seed once', optimizer.check_layer, lambda i, o: Layer(i, o)),
    ('5.3 a list of its own', optimizer.check_running_average, average_of_copy),
    ('5.5 from a run', several(optimizer.check_final_speed), (1.9999, 9.9997, 0.05, 'b')),
    ('6.3 in a list', several(relu_net.check_which_can), (['b', 'd'], ['b'], 'a, b')),
    ('6.2 in a list', relu_net.check_merge, lambda first, second: list(merge(first, second))),
    ('6.4 in 64 bits', relu_net.check_forward, forward_in_doubles),
    ('6.4 with modules', relu_net.check_forward, forward_with_modules),
    ('6.5 a hook that is removed', relu_net.check_dead_units, dead_by_hook),
    ('6.5 whole numbers', relu_net.check_dead_units, lambda net, images: (net[:2](images).sum(0) == 0).int()),
    ('6.6 Adam', relu_net.check_fit_curve, curve_net),
    ('6.6 by hand', relu_net.check_fit_curve, curve_by_hand),
    ('7.2 stacked', convolution.check_convolutions, convolutions),
    ('7.2 in 64 bits', convolution.check_convolutions, lambda image, kernels: convolutions(image.double(), kernels.double())),
    ('7.4 in floats', several(convolution.check_on_paper), (3., 144., 1666.)),
    ('7.7 with 64 bits', convolution.check_rate_at, rate_at),
    ('7.7 with 32 bits', convolution.check_rate_at, rate_in_floats),
    ('8.2 logsumexp', cnn.check_cross_entropy, cross_entropy),
    ('8.2 in a loop, in 64 bits', cnn.check_cross_entropy, cross_entropy_in_a_loop),
    ('8.5 32 bits', cnn.check_report, partial(report, kind=torch.int32)),
    ('8.5 by NumPy', cnn.check_report, report_in_numpy),
    ('9.6 a tuple', learner.check_events, ('before_fit', 'before_epoch', 'after_batch', 'after_batch', 'after_epoch', 'after_fit')),
    ('9.7 by the number of the batch', learner.check_rate_finder, Finder),
    *[(f'9.{i} {name}', getattr(learner, check), cls) for name, cls in (('mine', Mine), ("the book's", Learner)) for i, check in
      enumerate(('check_fit', 'check_history', 'check_modes', 'check_callbacks', 'check_on_digits'), 1)],
]


@pytest.mark.parametrize('check, answer, words', [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_wrong_solution_is_refused_in_words_that_fit(check, answer, words):
    verdict = check(answer)
    assert not verdict and words in verdict.words, verdict


@pytest.mark.parametrize('check, answer', [row[1:] for row in RIGHT], ids=[row[0] for row in RIGHT])
def test_right_solution_is_accepted(check, answer):
    verdict = check(answer)
    assert verdict, verdict


# -- chapters 5 to 10, once more
def smoother(x, y):
    "Means of the heights nearby: good enough, and no network."
    def nearby(z): return (-8*(z - x[:, 0])**2).exp()
    return lambda z: nearby(z)@y/nearby(z).sum(1, keepdim=True)

def curve_from_zero(x, y, steps=1000):
    "Two layers whose gradients are worked out by hand, in PyTorch."
    g = torch.Generator().manual_seed(3)
    w, b, v, c = torch.randn(1, 40, generator=g), torch.randn(40, generator=g), torch.zeros(40, 1), torch.zeros(1)
    for _ in range(steps):
        h = (x@w + b).relu()
        error = 2*(h@v + c - y)/len(x)
        back = error@v.T*(h > 0)
        w, b, v, c = w - 0.05*x.T@back, b - 0.05*back.sum(0), v - 0.05*h.T@error, c - 0.05*error.sum(0)
    return lambda z: (z@w + b).relu()@v + c

def layer(start=lambda n_out, n_in: (2*torch.rand(n_out, n_in) - 1)/n_in**0.5, forward=lambda self, xb: xb@self.weight.T + self.bias):
    def init(self, n_in, n_out):
        nn.Module.__init__(self)
        self.weight, self.bias = nn.Parameter(start(n_out, n_in)), nn.Parameter(torch.zeros(n_out))
    return type('Layer', (nn.Module,), {'__init__': init, 'forward': forward})

class Momentum:
    def __init__(self, params, lr, mom): self.params, self.lr, self.mom, self.v = list(params), lr, mom, {}

    @torch.no_grad()
    def step(self):
        for p in self.params:
            if p.grad is not None: self.move(p)

    def move(self, p):
        self.v[p] = self.mom*self.v.get(p, 0) + p.grad
        p -= self.lr*self.v[p]

    def zero_grad(self):
        for p in self.params: p.grad = None

class MovesOn(Momentum):
    @torch.no_grad()
    def step(self):
        for p in self.params:
            self.v[p] = self.mom*self.v.get(p, 0) + (0 if p.grad is None else p.grad)
            p -= self.lr*self.v[p]

class ClearsInStep(Momentum):
    def step(self):
        super().step()
        self.zero_grad()

class Borrows(Momentum):
    def move(self, p):
        if p in self.v: self.v[p].mul_(self.mom).add_(p.grad)
        else: self.v[p] = p.grad
        p -= self.lr*self.v[p]

class Halves:
    "A loader of balanced batches."
    order = staticmethod(lambda kind: kind[torch.randperm(len(kind))])
    part = staticmethod(lambda part: part)

    def __init__(self, x, y, n): self.x, self.y, self.n, self.kinds = x, y, n, [(y[:, 0] == kind).nonzero()[:, 0] for kind in (0, 1)]
    def __len__(self): return min(map(len, self.kinds))//self.n

    def __iter__(self):
        orders = [self.order(kind)[:len(self)*self.n].split(self.n) for kind in self.kinds]
        for both in map(torch.cat, zip(*orders)): yield self.part(self.x[both]), self.part(self.y[both])

def halves(**changes): return type('HalfAndHalf', (Halves,), {name: staticmethod(change) for name, change in changes.items()})

def normalise(h, mean, var, training, root=lambda v: (v + 1e-5).sqrt(), correction=0):
    m, v = (h.mean((0, 2, 3)), h.var((0, 2, 3), correction=correction)) if training else (mean, var)
    new = (0.9*mean + 0.1*m, 0.9*var + 0.1*v) if training else (mean, var)
    return (h - m[:, None, None])/root(v[:, None, None]), *new

def normalise_by_squares(h, mean, var, training):
    "The variance as the mean of the squares less the square of the mean."
    if not training: return normalise(h, mean, var, False)
    m = h.mean((0, 2, 3))
    v = h.square().mean((0, 2, 3)) - m**2
    return normalise(h, m, v, False)[0], mean.lerp(m, 0.1), var.lerp(v, 0.1)

def loss_with_nan_gradients(outputs, targets):
    logs = outputs.exp().sum(1).log()
    return (torch.where(logs.isfinite(), logs, outputs.amax(1)) - outputs.gather(1, targets[:, None])[:, 0]).mean()

def answers_of(model, x, layers=nn.Module.modules, kind=torch.long):
    modes = [(o, o.training) for o in layers(model)]
    model.eval()
    with torch.no_grad(): result = model(x).argmax(1)
    model.training = modes[0][1]
    for o, mode in modes: o.train(mode)
    return result.to(kind)

def top_layers(model): return [model, *model.children()]

def answers_for_good(model, x):
    torch.set_grad_enabled(False)
    return answers_of(model, x)

def answers_and_clears(model, x):
    model.zero_grad()
    return answers_of(model, x)

class Tries(Mine):
    def tell(self, event):
        for cb in self.cbs:
            try: getattr(cb, event)(self)
            except AttributeError: pass

class OtherOrder(Mine):
    def __init__(self, cbs=(), metrics=(), opt_func=None, loss_func=None, model=None, dls=None): super().__init__(dls, model, loss_func, opt_func, metrics, cbs)
    def fit(self, lr, epochs): super().fit(epochs, lr)

class OtherNames(Mine):
    def __init__(self, loaders, net, **others): super().__init__(loaders, net, **others)
    def fit(self, n, rate): super().fit(n, rate)

def most_confused(labels, predicted, k):
    pairs, counts = torch.stack([labels, predicted], 1)[labels != predicted].unique(dim=0, return_counts=True)
    return [(*pairs[i].tolist(), counts[i].item()) for i in counts.argsort(descending=True)[:k]]

def all_or_nothing(labels, predicted, k):
    rows = most_confused(labels, predicted, k)
    return rows if len(rows) == k else []

def by_heart():
    "Knows the validation images, and nothing else."
    seen = {image.numpy().tobytes(): label.item() for image, label in zip(*load_mnist('valid'))}
    return lambda x: F.one_hot(torch.tensor([seen.get((255*image).round().byte().numpy().tobytes(), 0) for image in x]), 10)

def softplus_loss(scores, targets): return F.softplus(torch.where(targets == 1, -scores, scores)).mean()


@pytest.mark.parametrize('check, answer, words', [
    (optimizer.check_error_rate, lambda p, t: ((p >= 0) != t).float().mean(), 'exactly 0'),
    (optimizer.check_layer, layer(forward=lambda self, xb: xb.detach()@self.weight.T + self.bias), 'to its inputs'),
    (optimizer.check_layer, layer(lambda o, i: (2.*torch.randint(2, (o, i)) - 1)/i**0.5), 'spread evenly'),
    (optimizer.check_layer, layer(lambda o, i: (2*torch.rand(o, i) - 1)/(i + o)**0.5), 'They should reach'),
    (optimizer.check_layer, layer(lambda o, i: (2*torch.rand(1, i) - 1).repeat(o, 1)/i**0.5), 'Several outputs'),
    (optimizer.check_layer, layer(lambda o, i: (2*torch.rand(o, i).double() - 1)/i**0.5, lambda self, xb: (xb.double()@self.weight.T + self.bias).float()), '`torch.float64`'),
    (optimizer.check_running_average, lambda losses, beta: [a/(1 - beta) for a in itertools.accumulate(losses, lambda a, loss: beta*a + (1 - beta)*loss, initial=0.)][1:], 'the first one only'),
    (optimizer.check_momentum, MovesOn, 'moves on'),
    (optimizer.check_momentum, ClearsInStep, '`zero_grad` clears them'),
    (optimizer.check_momentum, Borrows, 'a tensor of your own'),
    (optimizer.check_half_and_half, halves(order=lambda kind: kind.roll(int(torch.randint(len(kind), ())))), 'only moved along'),
    (optimizer.check_half_and_half, halves(part=list), 'of the type `list`'),
    (relu_net.check_forward, lambda xb, layers: torch.from_numpy(forward(torch.from_numpy(xb.numpy()), layers).numpy()), 'NumPy works them out'),
    (relu_net.check_dead_units, lambda net, images: net[:2](images).amax(0) < 1e-3, 'Unit 5 never says much'),
    (relu_net.check_dead_units, lambda net, images: (net[:2](images[:64]) == 0).all(0), 'for 200 images'),
    (relu_net.check_fit_curve, smoother, 'no network was trained'),
    (relu_net.check_stable_cross_entropy, lambda s, t: F.binary_cross_entropy_with_logits(s, t.float()), 'here you write that function'),
    (relu_net.check_stable_cross_entropy, lambda s, t: softplus_loss(s.clamp(-80, 80), t), 'Something is cut off'),
    (convolution.check_max_pool, lambda images: F.max_pool2d(images, 2), 'here you write your own'),
    (convolution.check_normalise, partial(normalise, root=torch.sqrt), 'hardly any spread'),
    (convolution.check_normalise, partial(normalise, root=lambda v: v.sqrt() + 1e-5), 'hardly any spread'),
    (convolution.check_normalise, partial(normalise, correction=1), 'Here it has `correction=0`'),
    (cnn.check_cross_entropy, loss_with_nan_gradients, 'contains `nan`'),
    (cnn.check_final_answers, partial(answers_of, layers=top_layers), 'of those inside others'),
    (cnn.check_final_answers, partial(answers_of, kind=torch.float), 'is a whole number'),
    (cnn.check_final_answers, answers_for_good, 'ends by itself'),
    (cnn.check_final_answers, answers_and_clears, 'gradients now, or none'),
    (cnn.check_unless_sure, lambda x, least: torch.where(x.softmax(1).softmax(1).amax(1) >= least, x.argmax(1), -1), 'or it is taken twice'),
    (learner.check_callbacks, Tries, 'hides mistakes inside it'),
    (ten_digits.check_ten_loss, lambda x, t: -(x.softmax(1)[range(len(t)), t] + 1e-9).log().mean(), 'would hide that'),
    (ten_digits.check_most_confused, all_or_nothing, 'With k = 8'),
    (lambda answer: ten_digits.check_ten_model(answer(), 0.97), by_heart, 'for checking only')])
def test_wrong_solution_of_later_chapters_is_refused(check, answer, words):
    verdict = check(answer)
    assert not verdict and words in verdict.words, verdict


@pytest.mark.parametrize('check, answer', [
    (optimizer.check_error_rate, lambda p, t: (torch.where(p > 0, 1, -1)*(2*t - 1) < 0).double().mean()),
    (optimizer.check_layer, layer()),
    (optimizer.check_layer, layer(lambda o, i: torch.empty(o, i).uniform_(-i**-0.5, i**-0.5), lambda self, xb: (self.weight@xb.T + self.bias[:, None]).T)),
    (optimizer.check_momentum, Momentum),
    (several(optimizer.check_final_speed), (torch.tensor([2.]), torch.tensor([[10.]]), 0.05, 'b')),
    (optimizer.check_half_and_half, Halves),
    (relu_net.check_fit_curve, curve_from_zero),
    (relu_net.check_stable_cross_entropy, softplus_loss),
    (relu_net.check_stable_cross_entropy, lambda s, t: torch.logaddexp(torch.zeros_like(s), (1 - 2*t)*s).mean()),
    (convolution.check_max_pool, lambda images: images.unfold(2, 2, 2).unfold(3, 2, 2).amax((-1, -2))),
    (convolution.check_normalise, normalise),
    (convolution.check_normalise, normalise_by_squares),
    (cnn.check_final_answers, answers_of),
    (ten_digits.check_most_confused, most_confused),
    *[(check, cls) for cls in (OtherOrder, OtherNames) for check in (learner.check_fit, learner.check_callbacks)]])
def test_right_solution_of_later_chapters_is_accepted(check, answer):
    verdict = check(answer)
    assert verdict, verdict
