"""What `import mnist_nb.data` costs on top of `import torch`, which every chapter needs anyway.

Run `python bench/imports.py`, on a machine that does nothing else. Each import has a new Python to itself, and the
two take turns, so that neither has the quieter moments. A ratio near 1 means that the package costs next to nothing."""
import subprocess, sys
from statistics import median
from time import perf_counter


def seconds(imports):
    "How long a new Python takes to start, import and end."
    start = perf_counter()
    subprocess.run([sys.executable, '-c', f'import {imports}'], check=True)
    return perf_counter() - start


plain, ours = 'torch', 'torch, mnist_nb.data'
for imports in (plain, ours): seconds(imports)  # the first time, files come from the disk
times = [(seconds(plain), seconds(ours)) for _ in range(9)]
before, after = map(median, zip(*times))
print(f'import {plain:21}{before:6.2f} s  (median of {len(times)})')
print(f'import {ours:21}{after:6.2f} s')
print(f'ratio{"":23}{after/before:6.2f}')
