#!/usr/bin/env python
"""Build the website into `_docs/` without Quarto: `python tools/build_site.py`.

The published site is made by Quarto (`nbdev-docs`). This makes nearly the same one where Quarto isn't installed: nbdev
processes the notebooks as it does for Quarto, and smalldocs, which is written in Python, turns them into pages. The
pages show the outputs that are saved in the notebooks.

`tools/finish_site.py` finishes the site and checks it, before it replaces the old one.
"""
import os, re, shutil, time
from html import unescape
from pathlib import Path, PurePosixPath

import click
from finish_site import ROOT, faults, finish
from latex2mathml.converter import convert
from nbdev.config import get_config
from nbdev.quarto import refresh_quarto_yml
from nbdev.serve import proc_nbs
from smalldocs.check import scan
from smalldocs.config import load
from smalldocs.layout import SiteNav, inline_md
from smalldocs.site import Page, Site

from mnist_nb.command import run_command

PROCESSED = ROOT/'_proc'

# warnings of smalldocs about options meant for Quarto, and about links, which `faults` checks more closely
HARMLESS = re.compile('format commonmark is not built|smalldocs compiles no Sass|output-file is not read|'
                      'unknown key (format-links|website.open-graph.image)|: broken link |'
                      r'format\.html\.(grid|html-math-method|respect-user-color-scheme) is ignored')


def mathml(maths: re.Match) -> str:
    "The TeX that smalldocs leaves to a script from another host, as MathML, which browsers draw themselves."
    kind, tex = maths['kind'], unescape(maths['tex'])
    try: drawn = convert(tex, display='block' if kind == 'display' else 'inline')
    except Exception as e: raise SystemExit(f'latex2mathml could not read the formula {tex} ({type(e).__name__}).') from None
    if '\\' in drawn: raise SystemExit(f'latex2mathml does not know a command in the formula {tex}.')
    return f'<span class="math {kind}">{drawn}</span>'


class BookSite(Site):
    "smalldocs' site, with nbdev's page names, with its own formulas and captions, and nothing from another host."

    def read(self, src: PurePosixPath) -> Page:
        "Call a page what nbdev calls it: `00_data.ipynb` becomes `data.html`."
        page = super().read(src)
        page.out = src.with_name(page.front.get('output-file', page.out.name))
        return page

    def find_page(self, target: PurePosixPath) -> Page | None:
        "Find a page by its notebook, or by its name on the site."
        return super().find_page(target) or next((p for p in self.pages.values() if p.out == target), None)

    def render_page(self, page: Page):
        "Draw the formulas, and what captions say in Markdown."
        super().render_page(page)
        page.html = re.sub('(?<=<figcaption>)[^<]+', lambda cap: inline_md(unescape(cap[0]), self, page), page.html)
        tex = r'<span class="math (?P<kind>\w+)">\\[(\[](?P<tex>.*?)\\[)\]]</span>'
        page.html = re.sub(tex, mathml, page.html, flags=re.S)
        page.env['math'] = False  # or the page would load the script all the same

    def copy_assets(self, nav: SiteNav):
        "Drop the themes' fonts, which would come from another host."
        super().copy_assets(nav)
        for css in self.out.glob('site_libs/themes/*.css'):
            css.write_text(re.sub(r'@import url\([^)]*\);', '', css.read_text(encoding='utf-8')), encoding='utf-8')


def build() -> Site:
    "Process the notebooks with nbdev and turn them into a site, in a folder of its own below `_proc/`."
    if PROCESSED.is_file(): PROCESSED.unlink()  # nbdev needs a folder of this name
    refresh_quarto_yml()
    try: proc_nbs('nbs', force=True)  # a path from here: of a longer one, nbdev leaves out what lies below a hidden folder
    except Exception as e: raise SystemExit(f'nbdev could not process the notebooks. {e}') from None
    if not (PROCESSED/'index.ipynb').exists():
        shutil.rmtree(PROCESSED, ignore_errors=True)
        raise SystemExit(f'nbdev found no notebooks in {ROOT/"nbs"}.')
    shutil.copy('_quarto.yml', PROCESSED)  # where git makes no links, nbs/_quarto.yml is a file with a path in it
    site = BookSite(load(PROCESSED), quiet=True)
    site.build()
    for path in site.out.rglob('*.html'):  # icons beside a label are decoration, but smalldocs declares some of them pictures
        page = path.read_text(encoding='utf-8')
        path.write_text(page.replace(' role="img"></i>', ' aria-hidden="true"></i>'), encoding='utf-8')
    finish(site.out)
    return site


@click.command()
def main():
    "Build the website into `_docs/`, without Quarto, and check it."
    os.chdir(ROOT)  # nbdev looks for the project in the working folder
    start = time.time()
    site = build()
    problems = [w for w in site.warnings if not HARMLESS.search(w)]
    problems += [f'{page.src}: {what}' for page in site.pages.values() for _, what in scan(page.body)]
    problems += faults(site.out)
    if problems: raise SystemExit('\n'.join(['The site was not replaced:', *problems]))
    docs = get_config().doc_path
    shutil.rmtree(docs, ignore_errors=True)
    site.out.rename(docs)
    print(f'{len(site.pages)} pages in {docs.relative_to(ROOT)}/, built in {time.time() - start:.0f} seconds.')


if __name__ == '__main__': run_command(main, 'build_site.py')
