"""Every public function of the package, called with arguments that hypothesis draws: numbers, texts, lists, arrays and tensors of all types and shapes.

What comes back is right: the same as for 64-bit floats. Or an error says in the book's own words what was expected, or at least names
the argument: never one that comes from NumPy, PyTorch or Pillow, three libraries down. `tests/test_odd_calls.py` has tables of such
arguments, one at a time; here there may be two odd ones at once, and of other shapes."""
import math, re
from pathlib import Path
from pkgutil import iter_modules

import matplotlib.pyplot as plt
import numpy as np, pytest, torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

import mnist_nb
import mnist_nb.exercises
from mnist_nb import cnn, data, explore, learner, lottery, machines, ten_digits
from test_odd_calls import CALLS, MAY_BE, images, judged, name, plain, rung, same

TYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.uint8, torch.int64, torch.int8, torch.bool, torch.complex64]
SHAPES = [(), (0,), (1,), (2,), (3,), (2, 1), (1, 2), (0, 784), (2, 784), (3, 3), (5, 5), (28, 28), (2, 28, 28), (0, 28, 28), (2, 1, 28, 28), (1, 28, 0), (2, 10)]
SPECIAL = [None, None, None, math.nan, math.inf, -math.inf, -1, 255]


def odd_tensor(shape: tuple, kind: torch.dtype, special: float | None, form: str, seed: int) -> object:
    "Numbers from 0 to 1, one of which may be special: a tensor, perhaps strided or with gradient, an array, or a list."
    numbers = torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    if special is not None and numbers.numel(): numbers.view(-1)[seed % numbers.numel()] = special
    if not kind.is_floating_point: numbers = numbers.nan_to_num(0, 1, -1)*3
    tensor = numbers.to(kind)
    if form == 'strided' and tensor.ndim: tensor = torch.cat([tensor, tensor]).view(2, *shape).transpose(0, -1).contiguous().transpose(0, -1)[0]
    if form == 'with gradient' and (kind.is_floating_point or kind.is_complex): tensor.requires_grad_()
    if form == 'array' and kind != torch.bfloat16: return tensor.numpy()
    return tensor.tolist() if form == 'list' else tensor


tensors = st.builds(odd_tensor, st.sampled_from(SHAPES), st.sampled_from(TYPES), st.sampled_from(SPECIAL),
                    st.sampled_from(['tensor', 'tensor', 'strided', 'with gradient', 'array', 'list']), st.integers(0, 9))
scalars = st.one_of(st.none(), st.booleans(), st.integers(-3, 4), st.sampled_from([2**31, 2**63, -2**70, 1e300, -0.0, 1j]), st.floats(-3, 3), st.floats(),
                    st.text(max_size=5), st.binary(max_size=5), st.sampled_from([np.float16(0.5), np.int8(3), np.bool_(True), np.array(2), torch.tensor(1.5)]))
things = st.one_of(scalars, st.lists(scalars, max_size=3), st.lists(scalars, max_size=3).map(tuple), st.dictionaries(st.text(max_size=2), scalars, max_size=2),
                   st.builds(object), st.just(Path('no such file')), st.builds(lambda: nn.Linear(3, 1)))

MORE = {  # as in `CALLS`: what to call, and arguments that are right
    data.load_sample: lambda: dict(split='valid'),
    data.load_mnist: lambda: dict(split='valid'),
    data.unpack: lambda: dict(name='t10k-labels'),
    data.read_idx: lambda: dict(content=b'\0\0\x08\x01\0\0\0\x02ab'),
    cnn.load_cnn: lambda: dict(file='none.pth'),
    learner.bar_text: lambda: dict(done=2, total=3, width=30),
    learner.cycle: lambda: dict(progress=0.5, lr=0.1),
    learner.Learner: lambda: dict(dls=None, model=nn.Linear(3, 1), loss_func=nn.functional.mse_loss, opt_func=torch.optim.SGD),
    ten_digits.ten_images: lambda: dict(split='valid'),
    ten_digits.smooth_loss: lambda: dict(predictions=torch.rand(2, 10), targets=torch.tensor([1, 2]), amount=0.1),
    ten_digits.ten_net: lambda: dict(channels=(1, 2, 3, 4, 5)),
    ten_digits.jiggle: lambda: dict(x=images()[:, None], turn=10., shift=2., scale=0.1),
    ten_digits.confusions: lambda: dict(rung=rung()),
    explore.bundled: lambda: dict(name='random.js'),
    explore.load_drawings: lambda: dict(file='none.csv'),
    machines.Plan: lambda: dict(model='line', epochs=1, batch=2, lr=0.1, seed=1, images=100),
    machines.network: lambda: dict(name='line'),
    lottery.load_lottery: lambda: dict(path=Path(lottery.__file__).with_name('lottery.csv')),
}
SLOW = {'pixel_table', 'show_images', 'plot_function', 'plot_descent', 'show_preds', 'apply_step', 'plot_ladder', 'show_wrong', 'mistakes_bar', 'load_mnist', 'ten_images', 'train_rung', 'measure', 'train_linear'}
ELSEWHERE = {  # why some are not called here
    'Trained, or read from all the images, before anything can go wrong: their numbers are in test_odd_calls.py':
        'digit_loaders linear_rung sample_dls fit_flat learner_rung relu_rung train_conv_net convolution_rung digit_learner cnn_learner measure_cnn cnn_rung lower_rungs nearest_rung baseline_rung '
        'fit_ten ten_rung train_ten_net wrong_of line_rung held_back_rung resnet_rung ten_wrong plain_wrong draw_lots train right',
    'They take no arguments of a reader, or write to the disk: test_data_faults.py, test_command.py, test_machines.py, test_lottery.py':
        'data_home make_folder mnist_sample book_folder fingerprint what_to_do copy_book class_copies without_answers read_book make_class open_book run_command main '
        'command launch outcome together batches Place SharedModel Shared Refused Lost still Damaged Headline plot_lottery lottery_table save_run load_run run_state Checkpoint',
    'Callbacks, and what they need, are called by a Learner: test_learner.py and the chapter': 'steps_per_epoch Table Bar Recorder Schedule get_rate set_rate Patience OnDevice Jiggle',
    'Widgets refuse by traitlets, which name the trait: test_explore_*.py': 'Thing Curve Ravine Weight Learn Bends Kernel Pad',
    'They take cells of notebooks: test_site.py': 'fold_name caption belongs Layers book_style slow set_up',
    'BasicOptim, Adam and their steps are `stepped` in test_odd_calls.py': 'BasicOptim Adam',
}


def outcome(function, args: dict):
    "What a call gives; `None` if an error says in the book's own words, or names the argument, why not; or a complaint."
    torch.manual_seed(0)
    try: return function(**args)
    except Exception as error:
        own, complaint = judged(error)
        own = own and not re.search('truth value|Boolean value|unsupported operand|not supported between', str(error))
        names = any(re.search(rf'\b{argument}\b', str(error)) for argument in args)
        if isinstance(error, (TypeError, ValueError, OSError)) and (own or names) and '\n' not in str(error): return None
        return complaint
    finally: plt.close('all')


@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize('function', CALLS | MORE, ids=name)
def test_odd_arguments(function):
    right = (CALLS | MORE)[function]
    arguments = [argument for argument in right() if argument not in MAY_BE and not callable(right()[argument])]
    if not arguments: return

    @settings(max_examples=8 if name(function) in SLOW else 25, derandomize=True, database=None, deadline=None,
              suppress_health_check=list(HealthCheck))
    @given(st.data())
    def called(drawn):
        some = drawn.draw(st.lists(st.sampled_from(arguments), min_size=1, max_size=2, unique=True))
        likely = {argument: isinstance(right()[argument], torch.Tensor) for argument in some}
        odd = {argument: drawn.draw(st.one_of(tensors, tensors, things) if likely[argument] else st.one_of(things, things, tensors)) for argument in some}
        got = outcome(function, right() | odd)
        if isinstance(got, Exception): raise got
        if isinstance(got, torch.Tensor) and any(isinstance(value, torch.Tensor) for value in odd.values()):
            wanted = outcome(function, {key: plain(value) for key, value in (right() | odd).items()})
            kind = min((value.dtype for value in odd.values() if isinstance(value, torch.Tensor)), key=lambda kind: torch.tensor(0, dtype=kind).element_size())
            if isinstance(wanted, torch.Tensor): assert same(got, wanted, kind), 'a wrong answer'
    called()


def test_public_functions_are_all_here():
    "A new function has to be called with such arguments, too, or named above with a reason."
    tried = {name(function) for function in CALLS | MORE} | set(' '.join(ELSEWHERE.values()).split())
    for module in iter_modules(mnist_nb.__path__):
        if module.ispkg: continue  # the exercises' checks, which answer in verdicts: test_exercises.py, test_wrong_solutions.py
        public = getattr(__import__(f'mnist_nb.{module.name}', fromlist=['x']), '__all__', [])
        missing = {item for item in public if item not in tried and not item.isupper()}
        assert not missing, (module.name, missing)
