#!/usr/bin/env python
"""Build the website into `_docs/` without Quarto: `python tools/build_site.py`.

The published site is made by Quarto (`nbdev-docs`). This makes nearly the same one where Quarto isn't installed: nbdev
processes the notebooks as it does for Quarto, and smalldocs, which is written in Python, turns them into pages. The
pages show the outputs that are saved in the notebooks.

The finished site is checked before it replaces the old one: every link and anchor has to lead somewhere, every picture
needs alternative text, and no page may load anything from another host.
"""
import os, re, shutil, time
from html import unescape
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from fastcore.script import call_parse
from latex2mathml.converter import convert
from nbdev.config import get_config
from nbdev.quarto import refresh_quarto_yml
from nbdev.serve import proc_nbs
from smalldocs.check import scan
from smalldocs.config import load
from smalldocs.layout import SiteNav
from smalldocs.site import Page, Site

ROOT = Path(__file__).resolve().parent.parent

# warnings of smalldocs about options meant for Quarto, and about links, which `faults` checks more closely
HARMLESS = re.compile('format commonmark is not built|smalldocs compiles no Sass|output-file is not read|'
                      'unknown key format-links|: broken link |'
                      r'format\.html\.(grid|html-math-method|respect-user-color-scheme) is ignored')


def mathml(maths: re.Match) -> str:
    "The TeX that smalldocs leaves to a script from another host, as MathML, which browsers draw themselves."
    kind, tex = maths['kind'], unescape(maths['tex'])
    try: drawn = convert(tex, display='block' if kind == 'display' else 'inline')
    except Exception as e: raise SystemExit(f'latex2mathml could not read the formula {tex} ({type(e).__name__}).') from None
    if '\\' in drawn: raise SystemExit(f'latex2mathml does not know a command in the formula {tex}.')
    return f'<span class="math {kind}">{drawn}</span>'


def with_anchors(page: str) -> str:
    "Give the first definition of each function, class and method in a page's code the anchor that nbdev's links expect."
    known, owner = set(re.findall(r'\bid="([^"]+)"', page)), ''
    def anchor(found: re.Match) -> str:
        nonlocal owner
        name = found['name'].lower()
        if found['indent']: name = f'{owner}.{name}'
        elif found['kind'] == 'class': owner = name
        if name in known: return found[0]
        known.add(name)
        return f'{found["before"]}<span id="{name}">{found["indent"]}{found["definition"]}</span>'
    return re.sub(r'(?P<before>^|<code class="sourceCode python">)(?P<indent> *)'
                  r'(?P<definition><span class="kw">(?P<kind>def|class)</span> (?:<span class="\w+">)?(?P<name>\w+))',
                  anchor, page, flags=re.M)


class BookSite(Site):
    "smalldocs' site, with nbdev's page names, with links that work from any folder, and nothing from another host."

    def read(self, src: PurePosixPath) -> Page:
        "Call a page what nbdev calls it: `00_data.ipynb` becomes `data.html`."
        page = super().read(src)
        page.out = src.with_name(page.front.get('output-file', page.out.name))
        return page

    def find_page(self, target: PurePosixPath) -> Page | None:
        "Find a page by its notebook, or by its name on the site."
        return super().find_page(target) or next((p for p in self.pages.values() if p.out == target), None)

    def resolve(self, href: str, page: Page | None, record: bool = True) -> str:
        "Make a link to the published site, such as nbdev's from a function's name, a link within this one."
        published = f'{self.project.website["site-url"]}/'
        if href.startswith(published): href = '/' + href.removeprefix(published)
        return super().resolve(href, page, record)

    def render_page(self, page: Page):
        "Draw the formulas, and make each definition a place that links can lead to."
        super().render_page(page)
        page.html = with_anchors(page.html)
        tex = r'<span class="math (?P<kind>\w+)">\\[(\[](?P<tex>.*?)\\[)\]]</span>'
        page.html = re.sub(tex, mathml, page.html, flags=re.S)
        page.env['math'] = False  # or the page would load the script all the same

    def copy_assets(self, nav: SiteNav):
        "Drop the themes' fonts, which would come from another host."
        super().copy_assets(nav)
        for css in self.out.glob('site_libs/themes/*.css'):
            css.write_text(re.sub(r'@import url\([^)]*\);', '', css.read_text(encoding='utf-8')), encoding='utf-8')


class BuiltPage(HTMLParser):
    "What a finished page contains: its anchors, its links, the files it loads, and the pictures without alternative text."

    def __init__(self, path: Path):
        super().__init__()
        self.path, self.anchors, self.links, self.loads, self.unnamed = path, {'', 'top'}, [], [], []
        self.in_script = False
        self.feed(path.read_text(encoding='utf-8'))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]):
        attr = dict(attrs)
        self.in_script = tag == 'script'
        if 'id' in attr: self.anchors.add(attr['id'])
        if tag == 'a' and attr.get('href'): self.links.append(attr['href'])
        if tag == 'link' and attr.get('href'): self.loads.append(attr['href'])
        if attr.get('src'): self.loads.append(attr['src'])
        if tag == 'img' and not attr.get('alt'): self.unnamed.append(attr.get('src', '')[:60])

    def handle_data(self, data: str):
        if self.in_script: self.loads += re.findall(r'https?://[^\s\'"`]+', data)

    def handle_endtag(self, tag: str): self.in_script = False


def faults(
    site: Path,  # a folder with a finished site
) -> list[str]:  # one sentence for each fault, none if all is well
    "Find broken links and anchors, pictures without alternative text, and whatever a page loads from another host."
    pages = {path: BuiltPage(path) for path in sorted(site.rglob('*.html'))}
    found = []
    for path, page in pages.items():
        name = path.relative_to(site)
        found += [f'{name}: a picture has no alternative text, give its cell a `#| fig-alt`: {src}' for src in page.unnamed]
        for href in page.links + page.loads:
            url = urlsplit(href)
            if url.scheme == 'data': continue
            target = (path.parent/unquote(url.path)).resolve() if url.path else path
            if target.is_dir(): target = target/'index.html'
            if url.scheme or url.netloc:
                if href in page.links and not (url.scheme == 'https' and '.' in url.netloc or url.scheme == 'mailto'):
                    found.append(f'{name}: the link {href} is no address.')
                if href in page.loads: found.append(f'{name} loads something from another host: {href}')
            elif site not in target.parents or not target.exists(): found.append(f'{name}: the link {href} leads nowhere.')
            elif target in pages and unquote(url.fragment) not in pages[target].anchors:
                found.append(f'{name}: the link {href} leads to a place that {target.name} does not have.')
    for css in site.rglob('*.css'):
        for url in re.findall(r'(?:url\(|@import)\s*["\']?((?:https?:)?//[^"\');]+)', css.read_text(encoding='utf-8')):
            found.append(f'{css.relative_to(site)} loads something from another host: {url}')
    return found


def build() -> Site:
    "Process the notebooks with nbdev and turn them into a site, in a folder of its own below `_proc/`."
    refresh_quarto_yml()
    try: processed = proc_nbs(force=True)
    except Exception as e: raise SystemExit(f'nbdev could not process the notebooks. {e}') from None
    shutil.copy(ROOT/'_quarto.yml', processed)  # where git makes no links, nbs/_quarto.yml is a file with a path in it
    site = BookSite(load(processed), quiet=True)
    site.build()
    for path in site.out.rglob('*.html'):  # icons beside a label are decoration, but smalldocs declares some of them pictures
        page = path.read_text(encoding='utf-8')
        page = page.replace(' role="img"></i>', ' aria-hidden="true"></i>')
        up = '../'*(len(path.relative_to(site.out).parts) - 1)
        path.write_text(page.replace('src="/site/', f'src="{up}site/'), encoding='utf-8')
    return site


@call_parse
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
