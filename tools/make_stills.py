#!/usr/bin/env python
"""Photograph the things to touch: `python tools/make_stills.py`, or with `--check` only see whether all are there and in step.

Notebooks show these pictures where nothing runs. There is one for every thing and its values that a saved notebook names.
Each notes in itself what it was made from, so that it is made anew when a module has changed, and not before. The saved
notebooks get the new pictures, as running them again would give them.
"""
import io, json, re
from base64 import b64encode
from hashlib import sha256
from html import unescape
from pathlib import Path

import click, nbformat
from chromium import launch, served
from nbformat import NotebookNode
from PIL import Image, PngImagePlugin
from playwright.sync_api import Error, sync_playwright

from mnist_nb.command import run_command
from mnist_nb.explore import bundled, still

ROOT = Path(__file__).resolve().parent.parent
STILLS = ROOT/'nbs/explore/stills'
WIDTH = 650  # of a figure in the book, in the dots of the page

# A thing stands for itself as it is first seen, except where something has to happen first: what to press, and what shows that it is done
FIRST = {'learn': ('button:has-text("Train")', 'button:has-text("Train")')}  # which says Pause meanwhile


def notebooks() -> list[Path]:
    "Those of the book."
    return [path for path in sorted((ROOT/'nbs').rglob('*.ipynb')) if not any(part[0] in '._' for part in path.relative_to(ROOT).parts)]


def element(cell: NotebookNode) -> tuple[str, str] | None:
    "The thing, and its values, that the saved output of a cell names."
    for output in cell.get('outputs', []):
        found = re.search(r'class="explore" data-thing="(\w+)" data-state="([^"]*)"', output.get('data', {}).get('text/html', ''))
        if found: return found[1], unescape(found[2])


def file_of(thing: str, values: str) -> Path:
    "Where the picture of a thing is, or should be."
    return still(thing, json.loads(values))


def named() -> dict[str, tuple[str, str]]:
    "For each picture, the thing and its values, as the saved notebooks name them."
    cells = (cell for path in notebooks() for cell in nbformat.read(path, as_version=4).cells)
    return {file_of(*found).name: found for found in map(element, cells) if found}


def with_pictures(path: Path) -> tuple[NotebookNode, bool]:
    "A notebook that shows the present pictures of its things, and whether it did so before."
    notebook, was = nbformat.read(path, as_version=4), True
    for cell in notebook.cells:
        if not (found := element(cell)) or not file_of(*found).is_file(): continue
        with Image.open(file_of(*found)) as picture: size = dict(width=picture.width//2, height=picture.height//2)
        data = {'image/png': b64encode(file_of(*found).read_bytes()).decode(), 'text/plain': found[0]}
        shown = nbformat.v4.new_output('execute_result', data, metadata={'image/png': size})
        right = [output for output in cell.outputs if 'text/html' in output.get('data', {})] + [shown]
        if [(o.data, o.metadata) for o in cell.outputs] != [(o.data, o.metadata) for o in right]: cell.outputs, was = right, False
    return notebook, was


def made_from(thing: str, values: str) -> str:
    "A fingerprint of all that a picture shows: the module with what it imports, the styles and the values."
    return sha256((bundled(f'{thing}.js') + bundled('explore.css') + values).encode()).hexdigest()


def noted(path: Path) -> str | None:
    "What a picture says it was made from."
    if not path.is_file(): return None
    with Image.open(path) as picture: return picture.info.get('made-from')


def photograph(wanted: dict[str, tuple[str, str]]):
    "Draw each thing on an empty white page, and save what is seen, in 256 colours and twice the resolution."
    with served(ROOT/'nbs') as address, sync_playwright() as playwright:
        try: browser = launch(playwright)
        except Error: raise SystemExit('This takes photographs in Chromium or Chrome, and there is neither.') from None
        page = browser.new_page(viewport=dict(width=WIDTH, height=900), device_scale_factor=2, reduced_motion='reduce')
        for name, (thing, values) in wanted.items():
            page.goto(f'{address}/explore/ui.js')
            page.set_content('<body style="margin: 0; font-family: Liberation Sans, Arial, sans-serif; font-size: 17px; color: #212529; background: #fff">'
                             '<main><div class="cell"><div class="explore"></div></div></main>')
            page.evaluate('''async ([thing, values]) => {
                const place = document.querySelector('.explore')
                Object.assign(place.dataset, { thing, state: values })
                await (await import('/explore/page.js')).show(place)
            }''', [thing, values])
            if thing in FIRST:
                press, done = FIRST[thing]
                page.click(press)
                page.locator(done).wait_for()
            page.wait_for_timeout(700)
            shot = Image.open(io.BytesIO(page.locator('.explore-thing').screenshot(animations='disabled')))
            note = PngImagePlugin.PngInfo()
            note.add_text('made-from', made_from(thing, values))
            aside = STILLS/f'{name}.part'
            shot.convert('RGB').quantize(256, dither=Image.Dither.NONE).save(aside, 'PNG', optimize=True, dpi=(200, 200), pnginfo=note)
            aside.rename(STILLS/name)
            print(f'nbs/explore/stills/{name}: {(STILLS/name).stat().st_size/1000:.0f} KB')
        browser.close()


@click.command()
@click.option('--check', is_flag=True, help='Say which pictures are missing, old or no longer needed, and make none.')
def main(check):
    "Photograph what has changed, and remove what nothing names any more."
    STILLS.mkdir(exist_ok=True)
    wanted = named()
    old = {name: what for name, what in wanted.items() if noted(STILLS/name) != made_from(*what)}
    useless = [path for path in sorted(STILLS.iterdir()) if path.name not in wanted]
    if check:
        stale = [path.name for path in notebooks() if not with_pictures(path)[1]]
        wrong = [*old, *(path.name for path in useless), *stale]
        if wrong: raise SystemExit(f'Out of step: {", ".join(wrong)}. Run python tools/make_stills.py.')
        return
    if old: photograph(old)
    for path in useless: path.unlink()
    for path in notebooks():
        notebook, was = with_pictures(path)
        if not was: path.write_text(nbformat.writes(notebook, indent=1) + '\n', encoding='utf-8')


if __name__ == '__main__': run_command(main, 'make_stills.py')
