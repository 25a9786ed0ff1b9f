#!/usr/bin/env python
"""Write README.md, and its pictures in README_files/, from `nbs/index.ipynb`: `python tools/make_readme.py`.

nbdev's own `nbdev-readme` does this with Quarto; this needs nothing but the notebook, and gives the same bytes
everywhere. Text cells are taken over, unless they are meant for other places. Of code cells it shows the code, unless
that is folded, and of what they gave pictures and Markdown.
"""
import base64, re
from pathlib import Path
from posixpath import normpath

import click, nbformat
from nbformat import NotebookNode

from mnist_nb.command import run_command
from mnist_nb.pages import belongs, caption, fold_name

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK, README, PICTURES = ROOT/'nbs/index.ipynb', ROOT/'README.md', ROOT/'README_files'
PICTURE_TYPES = {'image/png': 'png', 'image/jpeg': 'jpg'}


def from_root(link: str) -> str:
    "A link as it stands in the notebook, so that it works from the folder above."
    return link if re.match(r'\w+:|[#/]', link) else normpath(f'nbs/{link}')


def github_alert(callout: re.Match) -> str:
    "A callout of Quarto's as one of GitHub's, which come in the same five kinds."
    body = re.sub(r'\A#+ (.*)', r'**\1**\n', callout['body'].strip())
    return '\n'.join(f'> {line}'.rstrip() for line in [f'[!{callout["kind"].upper()}]', *body.splitlines()])


def plain_markdown(text: str) -> str:
    "Turn Quarto's Markdown into GitHub's, and make its links start at the project's root; code stays as it is."
    parts = re.split(r'(^```.*?^```[^\n]*$|`[^`\n]+`)', text, flags=re.M | re.S)
    for i, part in enumerate(parts[::2]):
        part = re.sub(r'(\]\(|^\[[^^\]][^\]]*\]: |(?:src|href)=")([^)\s"]+)', lambda m: m[1] + from_root(m[2]), part, flags=re.M)
        parts[2*i] = re.sub(r'((?<=[)\]])|(?<=\w) +)\{[.#][^}]*\}', '', part)  # {.class} and {#id}
    text = ''.join(parts)
    callout = r'^:::+ *\{\.callout-(?P<kind>\w+)[^}]*\}\n(?P<body>.*?)^:::+$'
    text = re.sub(callout, github_alert, text, flags=re.M | re.S)
    return re.sub(r'^:::.*\n?', '', text, flags=re.M).strip()


def with_files(
    markdown: str,             # which may have images in it, as `data:` addresses
    pictures: dict[str, bytes],# the README's pictures by name; those images are added
) -> str:                      # the same with the names of files
    "Take images out of a text."
    def file(found: re.Match) -> str:
        name = f'figure-{len(pictures) + 1}.{PICTURE_TYPES[found["kind"]]}'
        pictures[name] = base64.b64decode(found['data'])
        return f'{PICTURES.name}/{name}'
    return re.sub(r'data:(?P<kind>image/\w+);base64,(?P<data>[\w+/=]+)', file, markdown)


def outputs(
    cell: NotebookNode,         # a code cell
    said: tuple[str, str],      # caption and alternative text of its figure
    pictures: dict[str, bytes], # the README's pictures by name; those of the cell are added
) -> list[str]:                 # Markdown
    "What a cell shows, as far as a README can show it: pictures and Markdown."
    parts = []
    for data in (output.get('data', {}) for output in cell.outputs):
        kind = next((o for o in PICTURE_TYPES if o in data), None)
        if kind:
            address = f'data:{kind};base64,{data[kind].strip()}'
            parts += [with_files(f'![{said[1]}]({address})', pictures), f'*{said[0]}*']
        elif 'text/markdown' in data: parts.append(plain_markdown(with_files(data['text/markdown'], pictures)))
    return parts


def readme(
    notebook: Path,                # the notebook to show
) -> tuple[str, dict[str, bytes]]: # the text of the README, and its pictures by name
    "What the README should be."
    parts, pictures = [], {}
    cells = [cell for cell in nbformat.read(notebook, as_version=4).cells if belongs(cell, 'readme')]
    for cell, below in zip(cells, [*cells[1:], None]):
        if caption(cell) or 'hide' in cell.metadata.get('nbdev', {}): continue
        if cell.cell_type == 'markdown': parts.append(plain_markdown(cell.source))
        if cell.cell_type != 'code': continue
        if fold_name(cell) is None: parts.append('```python\n' + re.sub(r'\A(#\|.*\n)+', '', cell.source) + '\n```')
        parts += outputs(cell, below and caption(below) or ('', ''), pictures)
    return '\n\n'.join(filter(None, parts)) + '\n', pictures


@click.command()
@click.option('--check', is_flag=True, help='Say whether the README is in step with the notebook, and write nothing.')
def main(
    check: bool, # write nothing, and end with 1 if something would have to be written
):
    "Write README.md and README_files/ from nbs/index.ipynb."
    text, pictures = readme(NOTEBOOK)
    files = {README: text.encode(), **{PICTURES/name: content for name, content in pictures.items()}}
    stale = [p for p in PICTURES.glob('*') if p not in files]
    if check:
        changed = [p for p, content in files.items() if not p.exists() or p.read_bytes() != content] + stale
        if not changed: return
        names = ', '.join(p.relative_to(ROOT).as_posix() for p in changed)
        raise SystemExit(f'Out of step with {NOTEBOOK.relative_to(ROOT)}: {names}. Run python tools/make_readme.py.')
    if pictures: PICTURES.mkdir(exist_ok=True)
    for path, content in files.items(): path.write_bytes(content)
    for path in stale: path.unlink()


if __name__ == '__main__': run_command(main, 'make_readme.py')
