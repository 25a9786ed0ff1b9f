"""What each module of the book costs to import, as a ratio to `import torch`, which nearly all of it needs anyway.

Run `python bench/imports.py`, on a machine that does nothing else: it takes some minutes. Each import has a new Python to
itself, and all take turns, so that none has the quieter moments. A ratio near 1 means that a module costs next to nothing."""
import subprocess, sys
from pathlib import Path
from statistics import median
from time import perf_counter

PACKAGE = Path(__file__).resolve().parent.parent/'mnist_nb'
MODULES = sorted(f'mnist_nb.{path.stem}' for path in PACKAGE.glob('[!_]*.py'))


def seconds(imports):
    "How long a new Python takes to start, import and end."
    start = perf_counter()
    subprocess.run([sys.executable, '-W', 'ignore', '-c', f'import {imports}'], check=True, cwd=PACKAGE.parent)
    return perf_counter() - start


wanted = ['torch', *MODULES, 'fastai.vision.all']  # the last is what courses often begin with
for imports in wanted: seconds(imports)  # the first time, files come from the disk
times = [[seconds(imports) for imports in wanted] for _ in range(5)]
medians = dict(zip(wanted, map(median, zip(*times))))
print(f'median of {len(times)}{"":16}seconds   ratio to torch')
for imports, time in medians.items(): print(f'import {imports:21}{time:7.2f}{time/medians["torch"]:15.2f}')
