#!/usr/bin/env python
"""Fill in what pyproject.toml says, wherever it is needed: `python tools/fill_in.py`, or with `--check` only compare.

The addresses of the repository and of the website stand in pyproject.toml. To change them, change them there and run this.
It finds the former addresses by itself, in places where only the book's own can stand, writes the new ones over them in
every file, and then runs what generates files. It also writes the version, from `mnist_nb/__init__.py`, into CITATION.cff,
and the cell "Set-up" into every chapter and every notebook behind the scenes: in Colab, that cell installs the release.
What JupyterLab folds, Colab shall fold, too: each such cell's metadata get Colab's word for it.
"""
import os, re, subprocess, sys, tomllib
from pathlib import Path

import click, nbformat
from nbformat import NotebookNode

from mnist_nb.command import run_command

ROOT = Path(__file__).resolve().parent.parent
CITATION = ROOT/'CITATION.cff'
GENERATED = ['nbdev-export'], [sys.executable, 'tools/make_readme.py'], [sys.executable, 'tools/make_reference.py']
TEXT = {'', '.cff', '.css', '.ini', '.ipynb', '.js', '.json', '.md', '.py', '.qmd', '.scss', '.toml', '.txt', '.yml'}

REPOSITORY = re.compile(r'(?:github\.com[/:]|githubusercontent\.com/|/github/)([\w.-]+)/([\w-]+(?:\.git\b)?)', re.I)
PAGES = re.compile(r'\b([\w-]+)\.github\.io/([\w-]+)', re.I)
OURS = {  # files where the first such address can only be the book's own
    'CITATION.cff': r'^repository-code: https://github\.com/([\w.-]+/[\w-]+)', '_quarto.yml': r'^ +href: https://github\.com/([\w.-]+/[\w-]+)',
    'nbs/index.ipynb': r'https://colab\.research\.google\.com/github/([\w.-]+/[\w-]+)'}

SET_UP = '''# Set-up
import sys
if 'google.colab' in sys.modules:
    from importlib.metadata import version
    print('Installing mnist_nb {version}, the package of this book, beside the PyTorch that Colab has.')
    %pip install -q git+{repository}@v{version} torch=={{version('torch')}}
from mnist_nb.pages import set_up
set_up()'''
FOLDED = {'cellView': 'form', 'jupyter': {'source_hidden': True}, 'nbdev': {'hide': 'true'}}


def facts() -> dict[str, str]:
    "What is filled in; raises `ValueError` or `KeyError` if pyproject.toml doesn't say it in a form that can be used."
    urls = tomllib.loads((ROOT/'pyproject.toml').read_text(encoding='utf-8'))['project']['urls']
    repository, website = urls['Repository'], urls['Documentation']
    if not re.fullmatch(r'https://github\.com/[\w.-]+/[\w-]+', repository):
        raise ValueError(f'Repository in pyproject.toml is {repository}, but has to be https://github.com/OWNER/NAME.')
    if not re.fullmatch(r'https://[^\s"/]+(/[^\s"]*)?/', website):
        raise ValueError(f'Documentation in pyproject.toml is {website}, but has to begin with https:// and end with a /.')
    version = re.search(r'^__version__ = "(.+)"', (ROOT/'mnist_nb/__init__.py').read_text(encoding='utf-8'), re.M)[1]
    return {'repository': repository, 'website': website, 'version': version}


def files() -> dict[Path, str]:
    "The texts of the project, except pyproject.toml: what git tracks, or without git, what is there."
    listed = subprocess.run(['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'], cwd=ROOT, capture_output=True)
    if listed.returncode: paths = [path for path in ROOT.rglob('*') if not {'.git', 'build', 'dist', '_docs', '_proc'} & set(path.parts)]
    else: paths = [ROOT/name for name in listed.stdout.decode().split('\0') if name]
    texts = {}
    for path in paths:
        if path.suffix not in TEXT or not path.is_file() or path.is_symlink() or path.name == 'pyproject.toml': continue
        try: texts[path] = path.read_text(encoding='utf-8')
        except ValueError: raise ValueError(f'{path.relative_to(ROOT).as_posix()} is no text in UTF-8.') from None
    return texts


def short(address: str) -> str:
    "An address as it stands behind other beginnings, such as `owner/name`."
    return address.removeprefix('https://').removeprefix('github.com/').rstrip('/')


def with_addresses(texts: dict[Path, str], now: dict[str, str]) -> dict[Path, str]:
    "The texts with the present addresses in place of former ones."
    found = [re.search(place, texts.get(ROOT/file, ''), re.M) for file, place in OURS.items()]
    former = {address[1] for address in found if address}
    sites = set(re.findall(r'^url: (https://\S+/)$', texts.get(CITATION, ''), re.M))
    for path, text in texts.items():
        for old in sites - {now['website']}: text = text.replace(old, now['website']).replace(short(old), short(now['website']))
        for old in former - {short(now['repository'])}:
            text = re.sub(rf'(github(?:usercontent)?(?:\.com)?[/:]){re.escape(old)}\b(?![\w-])', lambda m: m[1] + short(now['repository']), text)
        texts[path] = text
    return texts


def with_set_up(cells: list[NotebookNode], now: dict[str, str]) -> list[NotebookNode]:
    "The cells of a notebook, where the first one with code is the one that sets it up."
    others = [cell for cell in cells if cell.id != 'colab']
    place = next((i for i, cell in enumerate(others) if cell.cell_type == 'code'), len(others))
    return [*others[:place], nbformat.v4.new_code_cell(SET_UP.format(**now), id='colab', metadata=FOLDED), *others[place:]]


def with_folds(cells: list[NotebookNode]) -> list[NotebookNode]:
    "The cells of a notebook, where Colab folds those that JupyterLab does."
    for cell in cells:
        if cell.metadata.get('jupyter', {}).get('source_hidden'): cell.metadata['cellView'] = 'form'
        else: cell.metadata.pop('cellView', None)
    return cells


def notebook(text: str, place: Path, now: dict[str, str]) -> str:
    "A notebook as it should be."
    found, right = (nbformat.reads(text, as_version=4) for _ in range(2))
    chapter = place.parent == ROOT/'nbs' and place.name[0].isdigit() or place.parent == ROOT/'nbs/behind'
    right.cells = with_folds(with_set_up(right.cells, now) if chapter else right.cells)
    return text if found == right else nbformat.writes(right, indent=1) + '\n'


def filled_in(texts: dict[Path, str], now: dict[str, str]) -> dict[Path, str]:
    "The texts as they should be."
    texts = with_addresses(dict(texts), now)
    for path, text in texts.items():
        try: texts[path] = notebook(text, path, now) if path.suffix == '.ipynb' else text
        except Exception as e: raise ValueError(f'{path.relative_to(ROOT).as_posix()} could not be read as a notebook ({type(e).__name__}).') from None
        if path == CITATION: texts[path] = re.sub(r'^version: .*', f'version: {now["version"]}', text, flags=re.M)
    return texts


def spellings(texts: dict[Path, str], now: dict[str, str]) -> list[str]:
    "A sentence for each place where the book's address is spelled in another way."
    owner, name = short(now['repository']).split('/')
    plain = lambda word: word.lower().removesuffix('.git').replace('_', '-')
    wrong = []
    for path, text in texts.items():
        for found in [*REPOSITORY.finditer(text), *PAGES.finditer(text)]:
            if plain(found[1]) != plain(owner) and plain(found[2]) != plain(name): continue  # another project's
            start = re.search(r'[\w.:/@+-]*$', text[max(0, found.start() - 50):found.start()])[0]  # such as `https://`
            right = (found[1], found[2]) == (owner, name) if found.re is REPOSITORY else found[0] == short(now['website'])
            if right and re.search(r'(^|\+)https://(raw\.|colab\.research\.google\.com)?$', start): continue
            line = text.count('\n', 0, found.start()) + 1
            wrong.append(f'{path.relative_to(ROOT).as_posix()}, line {line}: {start + found[0]} is not how pyproject.toml spells the address.')
    return wrong


@click.command()
@click.option('--check', is_flag=True, help='Say what is out of step, and write nothing.')
def main(check):
    "Write the addresses, the version and the cells that set notebooks up, wherever they belong."
    try:
        now, texts = facts(), files()
        right = filled_in(texts, now)
    except KeyError as e: raise SystemExit(f'pyproject.toml has no {e} where the addresses should be.') from None
    except (OSError, ValueError) as e: raise SystemExit(str(e)) from None
    changed = [path for path in texts if texts[path] != right[path]]
    if check:
        wrong = spellings(texts, now)
        names = ', '.join(path.relative_to(ROOT).as_posix() for path in changed)
        if names: wrong.append(f'Out of step with pyproject.toml: {names}. Run python tools/fill_in.py.')
        here = os.environ.get('GITHUB_REPOSITORY', short(now['repository']))
        if here != short(now['repository']):
            wrong.append(f"This runs in the repository {here}, but pyproject.toml says {now['repository']}: "
                         'write the right one there, then run python tools/fill_in.py.')
        if wrong: raise SystemExit('\n'.join(wrong))
        return
    for path in changed: path.write_text(right[path], encoding='utf-8')
    print(f'{len(changed)} files changed.')
    if texts == with_addresses(dict(texts), now): return
    for command in GENERATED:
        if subprocess.run(command, cwd=ROOT).returncode: raise SystemExit(f'{command[-1]} failed: mend what it says above, and run it again.')


if __name__ == '__main__': run_command(main, 'fill_in.py')
