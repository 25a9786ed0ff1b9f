"""Milliseconds for a step of training, by the number of processes, and what adding up the gradients takes of them.

Run `python bench/machines.py`, on a machine that does nothing else; it takes some minutes. `python bench/machines.py small 5`
measures one network only, and each setting five times instead of three. A setting is some processes with some threads each:
one process with one thread, one with two, two with one each. They take turns, and medians are printed. Of each, a run of 30
steps is taken away from a longer one, since the first steps are slower. `python bench/machines.py sending` measures only how
long two processes take to add up as many numbers as a network has, by gloo on this machine."""
import os, re, subprocess, sys, time
from statistics import median

import torch
import torch.distributed as dist

from mnist_nb.machines import NETWORKS, launch, network, outcome

SETTINGS = [(1, 1), (1, 2), (2, 1)]  # processes, and threads of each
STEPS = {'line': 900, 'small': 330, 'conv': 230, 'ten': 130}
SIZES = {name: sum(p.numel() for p in network(name).parameters()) for name in NETWORKS} | {'resnet18': 11_181_642}


def seconds(model, steps, processes, threads):
    "What so many steps of 64 images take."
    os.environ['OMP_NUM_THREADS'] = str(threads)
    said = outcome(launch('--model', model, '--images', 64*steps, '--device', 'cpu', processes=processes))
    return float(re.search(r'([\d.]+) seconds', said)[1])


def step(model, *setting):
    "Milliseconds for one step."
    return 1000*(seconds(model, STEPS[model], *setting) - seconds(model, 30, *setting))/(STEPS[model] - 30)


def compare(model, times):
    "One network in all settings, which take turns."
    runs = [[step(model, *setting) for setting in SETTINGS] for _ in range(times)]
    for (processes, threads), ms in zip(SETTINGS, map(list, zip(*runs))):
        print(f'{model:8} {processes} process{"es" if processes > 1 else "":2} of {threads} thread{"s" if threads > 1 else "":1}'
              f'  {median(ms):7.2f} ms a step  (from {min(ms):.2f} to {max(ms):.2f})', flush=True)
    ratios = [two/one for one, _, two in runs]
    print(f'{model:8} two processes / one, of one thread each: median {median(ratios):.2f}', flush=True)


def add_up():
    "In each of two processes: how long it takes to add up as many numbers as a network has."
    dist.init_process_group('gloo')
    for name, size in SIZES.items():
        numbers, ms = torch.zeros(size), []
        for _ in range(25):
            start = time.perf_counter()
            dist.all_reduce(numbers)
            ms.append(1000*(time.perf_counter() - start))
        if not dist.get_rank(): print(f'{name:8} {size:10,} numbers, {4*size/1e6:6.2f} MB: {median(ms[5:]):7.2f} ms to add them up', flush=True)
    dist.destroy_process_group()


if 'RANK' in os.environ: add_up()
else:
    words = [word for word in sys.argv[1:] if not word.isdigit()]
    times = next((int(word) for word in sys.argv[1:] if word.isdigit()), 3)
    for model in [word for word in words if word in STEPS] or (STEPS if not words else []): compare(model, times)
    if not words or 'sending' in words:
        subprocess.run([sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', '2', __file__],
                       env={**os.environ, 'OMP_NUM_THREADS': '1'}, check=True)
