"""Every public function of chapters 1 to 8, of the ladder, and two of the data's, called with odd arguments, one at a time.

What comes back is right, which means: the same as for ordinary arrays of 64-bit floats. Or an error says in the book's own words
what was expected; an error from a library below, or one that Python raises by itself, fails the test."""
import linecache, math, os
from functools import partial
from pathlib import Path

os.environ.setdefault('MPLBACKEND', 'Agg')
import matplotlib.pyplot as plt
import numpy as np
import pytest, torch
from PIL import Image
from torch import nn, tensor

import mnist_nb
from mnist_nb import baseline, cnn, convolution, data, ladder, linear, optimizer, pixels, relu_net, sgd

PACKAGE = str(Path(mnist_nb.__file__).parent)
WRONG = [None, 'text', b'bytes', -1, 2.5, math.nan, math.inf, 2**70, [], {}, object(), tensor([1., 2.]), np.ones(3)]  # no function wants any of them as a count
NOTHING = lambda *args: None
OTHERS = ['', 0, 1, 3, True, 1 + 2j, (), [1., 2.], [[1, 2], [3]], (3, 'x'), np.zeros((2, 28, 28)), np.zeros((0, 4)), np.array('x'),
          Image.new('L', (4, 4)), Image.new('P', (4, 4)), lambda x: x.sum(), nn.Linear(3, 1), iter([]), Path('none'), NOTHING]
SHAPES = [(), (0,), (3,), (1, 784), (2, 1), (2, 784), (28, 28), (0, 28, 28), (2, 28, 28), (2, 28, 1), (1, 1, 28, 28)]
TYPES = [torch.uint8, torch.int8, torch.int64, torch.bool, torch.float16, torch.bfloat16, torch.float64]


def tensors(shape: tuple) -> list:
    "Odd tensors of a shape: of all types, nan, infinite, marked for gradients, strided."
    plain = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    odd = [plain, plain + math.nan, plain/0, plain.clone().requires_grad_(), plain.to(torch.complex64), plain.double() - 0.5]
    odd += [(plain*100).to(kind) if kind in TYPES[:3] else (plain > 0.5 if kind == torch.bool else plain.to(kind)) for kind in TYPES]
    if len(shape) > 1: odd += [plain.mT.contiguous().mT, torch.cat([plain, plain])[::2], plain.numpy()]
    return odd


TENSORS = [odd for shape in SHAPES for odd in tensors(shape)]


def x(): return torch.rand(2, 784, generator=torch.Generator().manual_seed(1))
def images(): return x().view(2, 28, 28)
def y(): return tensor([[1], [0]])
def weights(*shape): return torch.full(shape or (784, 1), 0.01).requires_grad_()
w = weights()


def lenient(xb: torch.Tensor) -> torch.Tensor:
    "A model that takes nearly anything, so that only the book's functions can fail."
    return xb.flatten()[:2].float().reshape(-1, 1)*w[:1] if isinstance(xb, torch.Tensor) and xb.numel() > 1 and not xb.is_complex() else w[:2]


def loader(): return [(x(), y())]*2
def mean_score(images): return images.float().reshape(len(images), -1).mean(1) - 0.1
def rung(): return ladder.Rung('a', 1, 0., 0., tensor([1., -1.]), digits=(torch.zeros(2, 28, 28, dtype=torch.uint8), tensor([7, 7])))
def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()).requires_grad_()


def training(**kwargs):
    "Arguments of a loop, with a model and the parameters that belong to it."
    w, b = weights(), weights(1)
    return dict(model=lambda xb: xb@w + b, params=(w, b)) | kwargs


def with_optimizer(**kwargs):
    "The same with an optimizer instead."
    args = training(**kwargs)
    return args | dict(opt=optimizer.BasicOptim(args.pop('params'), 0.1)) if 'params' in args else args


def stepped(kind=optimizer.BasicOptim, **kwargs):
    "Parameters after a step of an optimizer."
    args = dict(params=[weights()], lr=0.1) | kwargs
    opt = kind(**args)
    for param in opt.params:
        if param.requires_grad and param.is_leaf: param.grad = torch.ones_like(param)
    opt.step()
    return opt.params[0].detach()


CALLS = {  # what to call, and arguments that are right, made anew for each call
    pixels.pixel_table: lambda: dict(image=images()[0]),
    pixels.show_images: lambda: dict(images=images(), titles=['a', 'b'], cols=2, size=1.),
    baseline.mean_digit: lambda: dict(digit=3),
    baseline.mnist_distance: lambda: dict(a=images(), b=images()[0]),
    baseline.rms_distance: lambda: dict(a=images(), b=images()[0]),
    baseline.is_3: lambda: dict(x=images(), mean3=images()[0], mean7=images()[1]),
    baseline.baseline_score: lambda: dict(x=images(), distance=baseline.mnist_distance, mean3=images()[0], mean7=images()[1]),
    baseline.nearest_score: lambda: dict(x=images(), threes=images(), sevens=images()[:1], p=2),
    sgd.pr: lambda: dict(x=images()[0], w=images()[1]),
    sgd.plot_function: lambda: dict(f=torch.square, min=-2, max=2),
    sgd.descend: lambda: dict(f=torch.square, x=3., lr=0.1, steps=3),
    sgd.plot_descent: lambda: dict(f=torch.square, path=tensor([3., 2.])),
    sgd.roller_coaster: lambda: dict(seed=1),
    sgd.f: lambda: dict(t=tensor([1., 2., 3.]), params=tensor([1., 2., 3.])),
    sgd.mse: lambda: dict(preds=tensor([1., 2.]), targets=tensor([1., 3.])),
    sgd.apply_step: lambda: dict(params=weights(3), prn=False, time=tensor([1., 2.]), speed=tensor([3., 4.]), lr=0.1),
    sgd.show_preds: lambda: dict(preds=tensor([1., 2., 3.]), time=tensor([1., 2., 3.]), speed=tensor([3., 4., 3.])),
    linear.flat_sample: lambda: dict(split='valid'),
    linear.init_params: lambda: dict(size=(2, 3), std=0.),
    linear.linear1: lambda: dict(xb=x(), weights=weights(), bias=weights(1)),
    linear.sigmoid: lambda: dict(x=x()),
    linear.mnist_loss: lambda: dict(predictions=tensor([[1.], [2.]]), targets=y()),
    linear.batch_accuracy: lambda: dict(xb=tensor([[1.], [2.]]), yb=y()),
    linear.calc_grad: lambda: dict(xb=x(), yb=y(), model=lenient, loss_func=linear.mnist_loss),
    linear.train_epoch: lambda: training(lr=0.1, dl=loader()),
    linear.validate_epoch: lambda: dict(model=training()['model'], valid_dl=loader()),
    linear.train_linear: lambda: dict(seed=1, epochs=0),
    stepped: lambda: dict(params=[weights()], lr=0.1),
    partial(stepped, convolution.Adam): lambda: dict(params=[weights()], lr=0.1, mom=0.9, sqr=0.99, eps=1e-5),
    optimizer.train_epoch: lambda: with_optimizer(dl=loader(), loss_func=linear.mnist_loss),
    optimizer.train_model: lambda: with_optimizer(epochs=2, dl=loader(), valid_dl=loader()),
    optimizer.TensorLoader: lambda: dict(x=x(), y=y(), bs=2, shuffle=False, seed=1),
    relu_net.simple_net: lambda: dict(xb=x(), w1=weights(784, 3), b1=weights(3), w2=weights(3, 1), b2=weights(1)),
    relu_net.relu_net: lambda: dict(hidden=3),
    relu_net.binary_cross_entropy: lambda: dict(predictions=tensor([[1.], [2.]]), targets=y()),
    convolution.convolve: lambda: dict(image=images()[0][:5, :5], kernel=images()[1][:3, :3]),
    convolution.small_cnn: lambda: dict(outputs=1, channels=(1, 2, 3)),
    convolution.conv_net: lambda: dict(outputs=1, channels=(1, 2, 3)),
    convolution.one_cycle: lambda: dict(progress=0.5, start=0., middle=1., end=0., turn=0.25),
    convolution.smooth_cross_entropy: lambda: dict(predictions=tensor([[1.], [2.]]), targets=y(), amount=0.1),
    convolution.fit_one_cycle: lambda: dict(model=nn.Linear(784, 1), dl=loader(), epochs=1, lr=0.1, loss_func=relu_net.binary_cross_entropy),
    cnn.n_parameters: lambda: dict(model=net()),
    cnn.cnn_score: lambda: dict(x=images(), model=net()),
    cnn.paper_light: lambda: dict(grey=np.ones((5, 5))),
    cnn.find_ink: lambda: dict(image=Image.fromarray((images()[0]*255).byte().numpy())),
    cnn.scan_to_digit: lambda: dict(image=Image.fromarray((images()[0]*255).byte().numpy())),
    cnn.predict_digit: lambda: dict(image=Image.fromarray((images()[0]*255).byte().numpy()), model=net()),
    cnn.digit_images: lambda: dict(path=Path('none')),
    ladder.score_batch: lambda: dict(model=mean_score, x=images()),
    ladder.measure: lambda: dict(name='a', model=mean_score, batch_size=2, digits=rung().digits),
    ladder.train_rung: lambda: dict(name='a', train=lambda: (mean_score, 1), seed=1, digits=rung().digits),
    ladder.Rung: lambda: dict(name='a', parameters=1, train_seconds=0., us_per_image=0., scores=tensor([1., -1.]), digits=rung().digits),
    ladder.ladder_table: lambda: dict(rungs=[rung()]),
    ladder.mistakes_bar: lambda: dict(rung=rung(), stack=2),
    ladder.plot_ladder: lambda: dict(rungs=[rung()], stack=2),
    ladder.show_wrong: lambda: dict(rung=rung(), n=2),
    data.sample_index: lambda: dict(labels=np.array([3, 7])),
    data.read_images: lambda: dict(files=[]),
}
COUNTS = {  # these train, or read all images: only with numbers that can't be right
    linear.linear_rung: ['seed', 'epochs'], optimizer.sample_dls: ['bs'], optimizer.fit_flat: ['model', 'epochs', 'lr', 'loss_func'],
    optimizer.learner_rung: ['seed', 'epochs'], relu_net.relu_rung: ['seed', 'epochs'], convolution.train_conv_net: ['seed', 'epochs'],
    convolution.convolution_rung: ['seed'], cnn.digit_loaders: ['bs'], cnn.digit_learner: ['seed'], cnn.cnn_rung: ['seed', 'lr'],
    cnn.measure_cnn: ['model'], cnn.load_cnn: ['file'], ladder.lower_rungs: ['module'], ladder.nearest_rung: ['p'], ladder.baseline_rung: ['distance']}
MAY_BE = {'name', 'prn', 'shuffle', 'parameters', 'train_seconds', 'us_per_image'}  # anything will do


def name(function) -> str: return getattr(function, '__name__', 'Adam')


def judged(error: Exception) -> tuple[bool, AssertionError]:
    "Whether the book itself has raised an error, and a complaint that names the place."
    trace = error.__traceback__
    while trace.tb_next: trace = trace.tb_next
    file, line = trace.tb_frame.f_code.co_filename, trace.tb_lineno
    said = ''.join(linecache.getline(file, n) for n in range(line - 2, line + 1))
    return file.startswith(PACKAGE) and 'raise' in said, AssertionError(f'{type(error).__name__}: {str(error)[:120]!r} ({Path(file).name}:{line})')


def outcome(function, args: dict):
    "What a call gives; or `None`, if it says in the book's own words why not; or a complaint."
    torch.manual_seed(0)
    try: return function(**args)
    except Exception as error:
        own, complaint = judged(error)
        if own and isinstance(error, (ValueError, TypeError, FileNotFoundError)) and len(str(error)) > 20 and '\n' not in str(error): return None
        return complaint
    finally: plt.close('all')


def plain(value):
    "The same numbers as a tensor of 64-bit floats; everything else as it is."
    if isinstance(value, torch.Tensor) and not value.is_complex(): return value.detach().double().contiguous()
    return value


def same(a, b, kind: torch.dtype) -> bool:
    "Do two answers agree, as far as the type of the argument lets them?"
    if not isinstance(a, torch.Tensor) or not isinstance(b, torch.Tensor): return True
    near = {torch.bfloat16: 3e-2, torch.float16: 3e-3}.get(kind, 1e-4)
    return a.shape == b.shape and torch.allclose(a.double(), b.double(), rtol=near, atol=near, equal_nan=True)


def shown(value) -> str:
    "An argument in a message."
    return f'{value.dtype} {tuple(value.shape)}' if hasattr(value, 'dtype') else repr(value)[:60]


@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize('function', CALLS, ids=name)
def test_odd_arguments(function):
    "Each argument in turn is replaced by odd ones."
    complaints = []
    for argument in CALLS[function]():
        if argument in MAY_BE: continue
        takes_tensors = isinstance(CALLS[function]()[argument], torch.Tensor)
        for odd in WRONG + OTHERS + (TENSORS if takes_tensors else TENSORS[::19]):
            right = CALLS[function]()[argument]
            if callable(right) and callable(odd) and odd is not NOTHING: continue  # another function fails in its own words
            if argument == 'split' and hasattr(odd, 'shape'): continue
            try: value = odd.detach().clone().requires_grad_(odd.requires_grad) if isinstance(odd, torch.Tensor) else odd
            except RuntimeError: value = odd
            args = CALLS[function]() | {argument: value}
            got = outcome(function, args)
            if isinstance(got, Exception): complaints.append(f'{argument}={shown(odd)}: {got}')
            elif isinstance(got, torch.Tensor) and isinstance(odd, torch.Tensor):
                wanted = outcome(function, {key: plain(part) for key, part in (CALLS[function]() | {argument: odd}).items()})
                if isinstance(wanted, torch.Tensor) and not same(got, wanted, odd.dtype): complaints.append(f'{argument}={shown(odd)}: a wrong answer')
    if complaints: pytest.fail(f'{len(complaints)} complaints:\n' + '\n'.join(complaints[:12]), pytrace=False)


@pytest.mark.parametrize('function', COUNTS, ids=name)
def test_wrong_counts(function):
    "Whatever can't be right is refused before anything is trained."
    right = dict(model=nn.Linear(784, 1), epochs=0, lr=0.1) if function is optimizer.fit_flat else {}
    for argument in COUNTS[function]:
        for odd in WRONG:
            possible = dict(module=(None,), lr=(-1, 2.5), p=(2.5, math.inf, 2**70)).get(argument, ())
            if any(odd is value or isinstance(odd, int | float) and odd == value for value in possible): continue
            got = outcome(function, right | {argument: odd})
            assert got is None, f'{argument}={shown(odd)}: {got}'


def test_public_functions_are_all_here():
    "A new function has to be called with odd arguments, too."
    tried = {name(function) for function in (*CALLS, *COUNTS)} | {'BasicOptim', 'Adam', 'cnn_learner'}
    for module in (pixels, baseline, sgd, linear, optimizer, relu_net, convolution, cnn, ladder):
        assert set(module.__all__) <= tried, set(module.__all__) - tried


@pytest.mark.parametrize('call, words', [
    (lambda: linear.linear1(x()), 'weights and bias are no global variables'),
    (lambda: linear.train_epoch(training()['model'], 1., [weights()]), 'dl is no global variable'),
    (lambda: linear.validate_epoch(training()['model']), 'valid_dl is no global variable'),
    (lambda: optimizer.train_epoch(training()['model']), 'dl and opt are no global variables'),
    (lambda: optimizer.train_epoch(training()['model'], 1., [weights()], loader()), 'got a learning rate'),
    (lambda: linear.train_epoch(training()['model'], loader(), torch.optim.SGD([weights()], 1.), None), 'got an optimizer'),
    (lambda: optimizer.train_model(training()['model'], 5), 'are no global variables'),
    (lambda: relu_net.simple_net(x()), 'w1, b1, w2 and b2 are no global variables')])
def test_calls_as_the_notes_write_them(call, words):
    "With global variables, that is; here they are arguments."
    with pytest.raises(TypeError, match=words): call()


def test_more_numbers_than_fit():
    "Rather than PyTorch's message about its allocator, or a machine that stands still."
    with pytest.raises(ValueError, match='no more than 2\\*\\*30'): linear.init_params((10**6, 10**6))


def test_right_answers():
    "What once came out wrong without a word."
    assert torch.allclose(linear.sigmoid(tensor([0, 1, 5], dtype=torch.uint8)), tensor([0.5, 0.7311, 0.9933]), atol=1e-4)
    assert data.sample_index([3, 7]).tolist() == [0, 1]
    assert torch.allclose(sgd.descend(torch.square, tensor(3., requires_grad=True), 0.1), sgd.descend(torch.square, 3., 0.1))
    html = ladder.ladder_table([ladder.Rung('<b>x</b>', 1, 0., 0., tensor([1., 1.]), digits=rung().digits)]).to_html()
    assert '<b>' not in html and '&lt;b&gt;' in html
    bright = (torch.rand(2, 28, 28)*255).byte(), tensor([3, 7])
    def in_place(x): return x.sub_(0.4).mean((1, 2))
    assert torch.equal(ladder.measure('in place', in_place, digits=bright).scores, (bright[0]/255 - 0.4).mean((1, 2)))
    dropout = nn.Dropout()
    ladder.measure('hidden', lambda x: dropout(x).mean((1, 2)), digits=bright)
    assert not dropout.training
    for bad, words in [(tensor([[math.nan]]), 'diverged')]:
        with pytest.raises(ValueError, match=words): linear.batch_accuracy(bad, tensor([[0]]))
    with pytest.raises(ValueError, match='259'): baseline.mean_digit(259)
    with pytest.raises(ValueError, match='only once'):
        optimizer.train_model(epochs=2, dl=iter(loader()), valid_dl=loader(), **with_optimizer())
