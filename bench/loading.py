"""How long it takes to have MNIST_SAMPLE as tensors: from 14,434 image files, and from `load_sample`.

Run `python bench/loading.py`, on a machine that does nothing else. The first run makes the data.
Both ways give the same tensors, which is checked, and both really read every pixel. The files were all read before,
so neither way waits for the disk. Look at the ratio: the times depend on the machine."""
from statistics import median
from time import perf_counter

import torch

from mnist_nb.data import load_sample, mnist_sample, read_images

SPLITS = 'train', 'valid'


def from_files():
    "Open the images one by one."
    return [read_images(files[split]) for split in SPLITS]


def from_arrays():
    "Read the arrays and check their checksums."
    return [load_sample(split)[0] for split in SPLITS]


def milliseconds(load):
    "How long it takes to load the images once."
    start = perf_counter()
    load()
    return 1000*(perf_counter() - start)


path = mnist_sample()
files = {split: [*sorted((path/split/'3').glob('*.png')), *sorted((path/split/'7').glob('*.png'))] for split in SPLITS}
assert all(torch.equal(a, b) for a, b in zip(from_files(), from_arrays()))  # this also warms up the disk's cache

times = [(milliseconds(from_files), milliseconds(from_arrays)) for _ in range(9)]
slow, fast = map(median, zip(*times))
print(f'read_images, {sum(map(len, files.values())):,} files: {slow:7.1f} ms  (median of {len(times)})')
print(f'load_sample, both splits:  {fast:7.1f} ms')
print(f'ratio:                     {slow/fast:7.0f}')
