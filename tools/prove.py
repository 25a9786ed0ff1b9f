#!/usr/bin/env python
"""Run the book, and compare what it prints with what it has saved: `python tools/prove.py [NOTEBOOK …]`.

nbdev-test runs the notebooks, all or those named, two at a time, in a copy of the project, and saves what they print. Each output of
the copy is then held against the saved one. A difference is one line, with the notebook, the cell, old and new, and makes
the exit status 1. The same are

- texts, tables and HTML, if every word is, and every number within RELATIVE and ABSOLUTE below (a whole number exactly),
- pictures, if they have one size, and nowhere differ in more than PICTURE says.

Durations and addresses in a text are set aside by the rules in SET_ASIDE. A cell with the tag `varies` shows numbers that a
clock, or another processor, number of threads or version of PyTorch, changes, and its checks say how far; of these cells,
words are compared, and whether there is a picture. Nothing else is left out. Cells that begin with %%slow run, and are compared, with `--slow`.

With `--record`, nbs/site/proved.json notes which notebooks held, when, and with which versions. The foot of their pages
says so, until the notebook changes.
"""
import base64, io, json, os, platform, re, shutil, subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import click, nbformat
from nbformat import NotebookNode
from PIL import Image, ImageChops

from mnist_nb.command import run_command
from mnist_nb.data import mnist_sample

ROOT = Path(__file__).resolve().parent.parent
RECORD = 'nbs/site/proved.json'

RELATIVE = 1e-4  # the most by which two numbers may differ, as a part of the saved one, …
ABSOLUTE = 1e-4  # … or, if that is more, as such; but by no more than one in the last digit that is printed
PICTURE = 4      # the most by which two pictures may differ, of 255, on average over any TILE × TILE pixels
TILE = 16

SET_ASIDE = {  # what it is: how one finds it, and what is compared in its place
    'an address in memory, which nbdev-clean takes away': (r' at 0x[0-9a-f]+\b', ''),
    'a duration': (r'\b\d[\d.,]*(?= (ns|µs|ms|s|seconds)\b)', '…'),
    'a clock, in the tables of fit': (r'(?m)(?<=<td>)\d+:\d\d(?=</td>)|(?<=  )\d+:\d\d(?= *$)', '…'),
    'a ratio of times': (r'\b[\d.,]+(?= times as (fast|long)\b)', '…'),
    'a printed line of seconds': (r'(?m)^(seconds )[\d. ]+$', r'\1…'),
}
NUMBER = re.compile(r'(?<![\w#.])([-−+]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d*)?(?:e[-+]?\d+)?)(?!\w)')


def without_times(text: str) -> str:
    "The text without what a clock or an address decides."
    for pattern, instead in SET_ASIDE.values(): text = re.sub(pattern, instead, text)
    for column in re.findall(r'class="col_heading level0 (col\d+)" >(?:seconds|µs)\b', text):
        text = re.sub(rf'(class="data row\d+ {column}" >)[^<]*', r'\1…', text)
    return text


def agree(old: str, new: str) -> bool:
    "Whether two numbers, as they are printed, are the same within the tolerance."
    if old == new: return True
    if re.fullmatch(r'[-−+]?[\d,]+', old) and re.fullmatch(r'[-−+]?[\d,]+', new): return False
    digits, _, exponent = old.partition('e')
    last = 10.0**(int(exponent or 0) - len(digits.partition('.')[2]))  # one in the last digit
    before, after = (float(number.replace(',', '').replace('−', '-')) for number in (old, new))
    return abs(after - before) <= max(RELATIVE*abs(before), min(ABSOLUTE, last))*(1 + 1e-9)


def excerpt(text: str, start: int) -> str:
    "What stands in a text from a little before a place on, in one line."
    begin = max(0, start - 20)
    piece = ' '.join(text[begin:start + 60].split())
    return ('…' if begin else '') + piece + ('…' if start + 60 < len(text) else '') or 'nothing'


def texts_differ(old: str, new: str, varies: bool = False) -> str | None:
    "How the new text differs from the old one, or `None` if it is the same."
    old, new = without_times(old), without_times(new)
    if old == new: return None
    before, after = NUMBER.split(old), NUMBER.split(new)  # words, number, words, …
    blanks = before[1::2] != after[1::2]  # a number of other width moves what stands beside it
    plain = lambda words: re.sub(r'\s+', '', words) if blanks else words
    place = [0, 0]
    for i, (a, b) in enumerate(zip(before, after)):
        if not (varies or agree(a, b) if i % 2 else plain(a) == plain(b)):
            if i % 2 == 0:  # the first letter that differs
                same = next((n for n, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
                place = [p + same for p in place]
            return f'{excerpt(old, place[0])} became {excerpt(new, place[1])}'
        place = [place[0] + len(a), place[1] + len(b)]
    if len(before) != len(after): return f'{excerpt(old, place[0])} became {excerpt(new, place[1])}'


def pictures_differ(old: str, new: str, varies: bool = False) -> str | None:
    "How the new picture, in base64, differs from the old one, or `None` if it doesn't."
    if old == new or varies: return None
    before, after = (Image.open(io.BytesIO(base64.b64decode(picture))).convert('RGB') for picture in (old, new))
    if before.size != after.size: return '{} × {} pixels became {} × {}'.format(*before.size, *after.size)
    tiles = ImageChops.difference(before, after).reduce(TILE)  # the average over each
    most = max(high for _, high in tiles.getextrema())
    if most > PICTURE: return f'the picture differs, by {most} of 255 in a part of it'


def parts(cell: NotebookNode) -> dict[str, str]:
    "What a cell has printed and shown: the name of each part, and its text or picture."
    found, shown = {}, 0
    for output in cell.get('outputs', []):
        if output.output_type == 'stream': found[output.name] = found.get(output.name, '') + output.text
        elif output.output_type == 'error': found['error'] = f'{output.ename}: {output.evalue}'
        else:
            shown += 1
            for kind, data in sorted(output.data.items()):
                found[f'output {shown}, {kind}'] = data if isinstance(data, str) else json.dumps(data, sort_keys=True)
    return found


def cells_differ(saved: NotebookNode, fresh: NotebookNode) -> list[str]:
    "A sentence for each part of a cell's output that isn't what was saved."
    old, new = parts(saved), parts(fresh)
    varies, found = 'varies' in saved.metadata.get('tags', []), []
    for part in [*old, *(part for part in new if part not in old)]:
        if part not in new: found.append(f'{part}: {excerpt(old[part], 0)} is gone')
        elif part not in old: found.append(f'{part}: {excerpt(new[part], 0)} is new')
        else:
            differ = pictures_differ if re.search('image/(png|jpeg)', part) else texts_differ
            said = differ(old[part], new[part], varies)
            if said: found.append(f'{part}: {said}')
    return found


def first_line(cell: NotebookNode) -> str:
    "The first line of a cell that says something."
    lines = [line.strip() for line in cell.source.splitlines()]
    return next((line for line in lines if line and not re.match(r'#\||%%', line)), '')[:60]


def is_slow(cell: NotebookNode) -> bool:
    "Whether a cell runs only when asked."
    return 'slow' in cell.metadata.get('nbdev', {}) or bool(re.search(r'^(%%|#\| ?)slow\b', cell.source, re.M))


def notebooks_differ(saved: NotebookNode, fresh: NotebookNode, slow: bool = False) -> list[str]:
    "A line for each difference between a notebook as it was saved and as it ran."
    ran = {cell.id: cell for cell in fresh.cells if 'execution' in cell.metadata}
    must = [cell for cell in saved.cells if cell.get('outputs') and (slow or not is_slow(cell))]
    if must and not ran: return ['did not run to its end']
    lines = []
    for cell in must:
        if cell.id not in ran: lines.append(f'cell {cell.id} ({first_line(cell)}): has an output, but was not run')
    for cell in saved.cells:
        if cell.id in ran: lines += [f'cell {cell.id} ({first_line(cell)}): {said}' for said in cells_differ(cell, ran[cell.id])]
    return lines


def copy_project(root: Path, to: Path):
    "Copy what git tracks, and what it doesn't ignore; raises `OSError` where there is no git."
    listed = subprocess.run(['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'], cwd=root, capture_output=True)
    if listed.returncode: raise OSError(f'{root} is no clone of the book ({listed.stderr.decode().strip()}): clone it with git.')
    for name in filter(None, listed.stdout.decode().split('\0')):
        if not (root/name).is_file(): continue  # deleted, but not yet for git
        (to/name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root/name, to/name)


def content(notebook: Path) -> str:
    "What tells one state of a notebook from another."
    return sha256(notebook.read_bytes().replace(b'\r\n', b'\n')).hexdigest()[:16]


def record(root: Path, held: dict[str, bool]):
    "Note that these notebooks print what they have saved, today, with these versions, and whether all their cells ran."
    path = root/RECORD
    known = json.loads(path.read_text(encoding='utf-8')) if path.exists() else {}
    versions = ', '.join([f'Python {platform.python_version()}', *(f'{name} {version(name)}' for name in ('torch', 'fastai'))])
    today = date.today().isoformat()
    known |= {name: {'notebook': content(root/name), 'on': today, 'with': versions, 'all': all_ran} for name, all_ran in held.items()}
    lines = [f'{json.dumps(name)}: {json.dumps(known[name])}' for name in sorted(known) if (root/name).exists()]  # no former ones
    path.parent.mkdir(exist_ok=True)
    path.write_text('{\n' + ',\n'.join(lines) + '\n}\n', encoding='utf-8')


def prove(root: Path, names: list[str], slow: bool = False, note: bool = False) -> bool:
    "Run notebooks of a project, all if none is named, say what differs, and return whether nothing did."
    with TemporaryDirectory() as folder:
        copy = Path(folder).resolve()/'book'
        copy_project(root, copy)
        for name in names or ['nbs']:
            if not (copy/name).exists(): raise OSError(f'There is no notebook {name} in {root}: name it as git does.')
        books = sorted(copy/name for name in names) or sorted((copy/'nbs').rglob('*.ipynb'))
        mnist_sample()  # now, since the first notebook to need it would show a bar
        # each in a process of its own: in one that has drawn for another notebook, figures come out a pixel larger or smaller
        # and two at a time, with one thread each unless told otherwise, because threads that wait for a core slow each other down
        env = {'OMP_NUM_THREADS': '1', **os.environ}
        flags = ['--flags', 'slow', '--cell-timeout', '3600'] if slow else []  # seconds: nbdev's 600 are too few on a busy machine
        run = lambda path: subprocess.run(['nbdev-test', '--save', *flags, path.relative_to(copy)], cwd=copy, env=env).returncode == 0
        with ThreadPoolExecutor(2) as pool: passed = list(pool.map(run, books))
        lines, held, outputs, varying = [], {}, 0, 0
        for path, ok in zip(books, passed):
            name = path.relative_to(copy).as_posix()
            saved, fresh = (nbformat.v4.reads(place.read_text(encoding='utf-8')) for place in (root/name, path))
            found = notebooks_differ(saved, fresh, slow)
            lines += [f'{name}, {line}' if line.startswith('cell') else f'{name} {line}' for line in found]
            if ok and not found: held[name] = slow or not any(map(is_slow, saved.cells))
            varying += sum('varies' in cell.metadata.get('tags', []) for cell in fresh.cells if 'execution' in cell.metadata)
            outputs += sum(len(parts(cell)) for cell in fresh.cells if 'execution' in cell.metadata)
    for line in lines: print(line)
    print(f'{len(books)} notebooks, {outputs} outputs, {len(lines)} differences. In {varying} cells numbers may vary.')
    if note: record(root, held)  # of the others, even if one fails
    return all(passed) and not lines


@click.command()
@click.argument('notebooks', nargs=-1)
@click.option('--slow', is_flag=True, help='Run, and compare, the cells that take minutes, too.')
@click.option('--record', 'note', is_flag=True, help='Note for the website which notebooks held, and with which versions.')
def main(notebooks, slow, note):
    "Run NOTEBOOKS (all, if none is named), and say where they print something else than they have saved."
    names = [Path(name).resolve() for name in notebooks]
    for name in names:
        if not name.is_relative_to(ROOT) or name.suffix != '.ipynb': raise OSError(f'{name} is no notebook of this clone.')
    if not prove(ROOT, [name.relative_to(ROOT).as_posix() for name in names], slow, note): raise SystemExit(1)


if __name__ == '__main__': run_command(main, 'prove.py')
