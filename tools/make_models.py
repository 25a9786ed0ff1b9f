#!/usr/bin/env python
"""Make what the things to touch carry: `python tools/make_models.py`, which takes about a minute.

It trains the book's models with the functions of their chapters, and writes into `nbs/explore/`:

- `weights.js`: the weights of each model that a page can carry, as PyTorch has them, 32-bit floats;
- `sample.js`: 1,000 training and 400 validation images, in 16 greys, to train with in the page, and for its nearest neighbour;
- `gallery.js`: validation images to start from, easy ones and ones that models get wrong, as they are.

Each file says what it was made from, and how many mistakes its models make. `tests/test_explore_models.py` holds it to that.
"""
import base64, json, math, zlib
from pathlib import Path

import click, torch
from torch import Tensor, nn

from mnist_nb import __version__
from mnist_nb.baseline import baseline_score, mean_digit, mnist_distance, nearest_score, rms_distance
from mnist_nb.command import run_command
from mnist_nb.convolution import conv_net, train_conv_net
from mnist_nb.data import load_sample
from mnist_nb.ladder import Rung, measure
from mnist_nb.linear import linear1, train_linear
from mnist_nb.optimizer import fit_flat
from mnist_nb.relu_net import binary_cross_entropy, relu_net

FOLDER = Path(__file__).resolve().parent.parent/'nbs/explore'
SEED, GREYS = 42, 16


def encoded(content: bytes) -> str:
    "Bytes as letters, which JavaScript can carry."
    return base64.b64encode(content).decode()


def write(name: str, what: str, **values: object):
    "Write a module that exports some values, aside, and then put it in its place."
    lines = [f'// {what} Written by tools/make_models.py.']
    lines += [f'export const {key} = {json.dumps(value, ensure_ascii=False)}' for key, value in values.items()]
    aside = FOLDER/f'{name}.part'
    aside.write_text('\n'.join(lines) + '\n', encoding='utf-8')
    aside.rename(FOLDER/name)
    packed = len(zlib.compress((FOLDER/name).read_bytes(), 9))
    print(f'nbs/explore/{name}: {packed/1000:.0f} KB compressed')


def read(name: str) -> dict[str, object]:
    "The values that such a module exports."
    lines = (FOLDER/name).read_text(encoding='utf-8').splitlines()[1:]
    return {key: json.loads(value) for key, _, value in (line.removeprefix('export const ').partition(' = ') for line in lines)}


# The sample: in 16 greys, two pixels to a byte

def make_sample(train: int = 1000, valid: int = 400):
    "Draw images by lot, and write them."
    generator = torch.Generator().manual_seed(SEED)
    packed, labels, positions = [], [], {}
    for split, n in dict(train=train, valid=valid).items():
        x, y = load_sample(split)
        chosen = torch.randperm(len(x), generator=generator)[:n]
        greys = (x[chosen].flatten().float()/255*(GREYS - 1)).round().byte()
        packed.append(16*greys[::2] + greys[1::2])
        labels += y[chosen].tolist()
        positions[split] = chosen.tolist()
    write('sample.js', 'Images of 3s and 7s from MNIST_SAMPLE, in 16 greys, two pixels to a byte, compressed.',
          origin=dict(seed=SEED, version=__version__, train=train, valid=valid), labels=''.join(map(str, labels)),
          data=encoded(zlib.compress(torch.cat(packed).numpy().tobytes(), 9)))


def sample() -> dict[str, tuple[Tensor, Tensor]]:
    "The carried sample: images, (n, 28, 28), from 0 to 1, and labels, 3 or 7, of `train` and `valid`."
    carried = read('sample.js')
    packed = torch.frombuffer(bytearray(zlib.decompress(base64.b64decode(carried['data']))), dtype=torch.uint8)
    images = torch.stack([packed//16, packed % 16], dim=1).view(-1, 28, 28).float()/(GREYS - 1)
    labels, n = torch.tensor([int(label) for label in carried['labels']]), carried['origin']['train']
    return dict(train=(images[:n], labels[:n]), valid=(images[n:], labels[n:]))


# The models

def trained() -> dict[str, dict[str, Tensor]]:
    "Train each model as its chapter does, and give its numbers by name."
    weights, bias = train_linear(SEED)
    torch.manual_seed(SEED)
    net = relu_net()
    fit_flat(net, 40, 0.5, binary_cross_entropy)
    means = {'mean3': mean_digit(3), 'mean7': mean_digit(7)}
    floats = lambda model: {name: tensor for name, tensor in model.state_dict().items() if tensor.is_floating_point()}
    return {'mean digits': means, 'linear model': {'weights': weights.detach().flatten(), 'bias': bias.detach()},
            'ReLU net': floats(net), 'convolutional net': floats(train_conv_net(SEED))}


def carried() -> dict[str, dict[str, Tensor]]:
    "The same, as `weights.js` carries them."
    written = read('weights.js')
    flat = torch.frombuffer(bytearray(base64.b64decode(written['data'])), dtype=torch.float32)
    shapes = [shape for tensors in written['shapes'].values() for shape in tensors.values()]
    pieces = iter(flat.split([math.prod(shape) for shape in shapes]))
    return {model: {name: next(pieces).view(shape) for name, shape in tensors.items()} for model, tensors in written['shapes'].items()}


def models(numbers: dict[str, dict[str, Tensor]]) -> dict[str, nn.Module]:
    "The models as `measure` takes them, by the names that the ladder gives them."
    mean3, mean7 = numbers['mean digits'].values()
    known, is_3 = sample()['train'][0], sample()['train'][1] == 3
    linear, relu, conv = numbers['linear model'], relu_net(), conv_net()
    relu.load_state_dict(numbers['ReLU net'])
    conv.load_state_dict(numbers['convolutional net'], strict=False)  # which counts batches, too
    conv.eval()
    return {'mean digits, L1': lambda x: baseline_score(x, mnist_distance, mean3, mean7),
            'mean digits, L2': lambda x: baseline_score(x, rms_distance, mean3, mean7),
            'nearest neighbour': lambda x: nearest_score(x, known[is_3], known[~is_3]),
            'linear model': lambda x: linear1(x.flatten(1), linear['weights'][:, None], linear['bias']),
            'ReLU net': lambda x: relu(x.flatten(1)), 'convolutional net': lambda x: conv(x[:, None])}


def measured(numbers: dict[str, dict[str, Tensor]]) -> list[Rung]:
    "Every model on the 2,038 validation images."
    with torch.no_grad(): return [measure(name, model) for name, model in models(numbers).items()]


def make_weights():
    "Train, measure, and write."
    numbers = trained()
    shapes = {model: {name: list(tensor.shape) for name, tensor in tensors.items()} for model, tensors in numbers.items()}
    flat = torch.cat([tensor.flatten() for tensors in numbers.values() for tensor in tensors.values()])
    write('weights.js', "The numbers of the book's models, 32-bit floats one after the other, in the order of `shapes`.",
          origin=dict(seed=SEED, version=__version__, torch=torch.__version__.partition('+')[0],
                      mistakes={rung.name: rung.errors for rung in measured(numbers)}),
          shapes=shapes, data=encoded(flat.numpy().astype('<f4').tobytes()))


# The gallery

def make_gallery(easy: int = 6, hard: int = 4):
    "Choose some images that all models get right, and for each model some that it gets wrong, and write them."
    x, y = load_sample('valid')
    rungs = measured(carried())
    wrong = {rung.name: set(rung.wrong.tolist()) for rung in rungs}
    right = [i for i in range(len(x)) if not any(i in found for found in wrong.values())]
    chosen = [i for digit in (3, 7) for i in [i for i in right if y[i] == digit][:easy//2]]
    for rung in reversed(rungs):  # the best ones first, which make few mistakes
        chosen += [i for i in rung.wrong.tolist() if i not in chosen][:hard]
    digits = [dict(position=i, label=y[i].item(), wrong=[name for name in wrong if i in wrong[name]],
                   pixels=encoded(zlib.compress(x[i].numpy().tobytes(), 9))) for i in chosen]
    write('gallery.js', 'Validation images of MNIST_SAMPLE to start from, bytes, compressed, and which models get them wrong.',
          origin=dict(version=__version__), digits=digits)


@click.command()
def main():
    "Train the models and write what the things to touch carry."
    make_sample()
    make_weights()
    make_gallery()
    for name, errors in read('weights.js')['origin']['mistakes'].items(): print(f'{name}: {errors} wrong')


if __name__ == '__main__': run_command(main, 'make_models.py')
