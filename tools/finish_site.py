#!/usr/bin/env python
"""Do for a built website what its builder leaves to be done, and check it: `python tools/finish_site.py FOLDER`.

Quarto (`nbdev-docs`) and smalldocs (`tools/build_site.py`) make nearly the same pages. This makes up for what either
of them lacks, so that both sites answer to the same styles, the same book.js and the same tests. It changes nothing
that it has changed before.

Then every link and anchor has to lead somewhere, every picture needs alternative text, and no page may load anything
from another host. If that isn't so, it says where, and its exit status is 1.
"""
import base64, json, re, sys
from datetime import date
from hashlib import sha256
from html import unescape
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from posixpath import join, normpath
from urllib.parse import unquote, urlsplit

import click
from nbdev.config import get_config, nbpath2html, pkg_llms
from PIL import Image

from mnist_nb.command import run_command
from prove import RECORD, content

ROOT = Path(__file__).resolve().parent.parent
NAMES = {'class="navbar': 'Book', 'class="quarto-secondary-nav': 'Page', 'id="quarto-sidebar': 'Chapters',
         'id="TOC': 'On this page', 'class="page-navigation': 'Previous and next'}
HYPHENED = re.compile(r'(?<!\S)(?=\S*[-/|])\S{,32}(?!\S)')  # in code, what a browser would break, and a line has room for
APART = 'behind/machines.html'  # no other page calls its functions, and they have everyday names: train, right, batches


def base() -> str:
    "The path below which the published site lies, such as `/mnist_nb/`."
    return get_config(ROOT).doc_baseurl.rstrip('/') + '/'


def address() -> str:
    "Where the site is published, with the path."
    return get_config(ROOT).doc_host + base()


# What the pages need, each a function from a page to a page

def without_foreign_scripts(page: str) -> str:
    "Quarto loads require.js and jQuery from another host for whatever shows HTML. Nothing here needs them."
    page = re.sub(r'<script[^>]* src="https://[^"]*/(?:require|jquery)(?:\.min)?\.js"[^>]*></script>\s*', '', page)
    return re.sub(r'''<script[^>]*>define\('jquery'.*?</script>\s*''', '', page)


def with_named_landmarks(page: str) -> str:
    "The first stop of the keyboard leads to the text, and someone who listens can tell one part of the page from another."
    for mark, name in NAMES.items():
        page = re.sub(rf'<nav (?![^>]*aria-label)(?=[^>]*{mark})', f'<nav aria-label="{name}" ', page)
    page = page.replace('<div id="quarto-margin-sidebar"', '<div role="complementary" aria-label="Beside the text" id="quarto-margin-sidebar"')
    skip = '<a class="skip-link" href="#quarto-document-content">Skip to the text</a>'
    return re.sub(r'<body[^>]*>', lambda body: body[0] + skip, page, count=1)


def with_buttons(page: str) -> str:
    "What unfolds a section of the sidebar is a button, within reach of the keyboard; the arrow beside it does the same."
    def button(found: re.Match) -> str:
        arrow = ' tabindex="-1" aria-hidden="true"' if 'sidebar-item-toggle' in found[1] else ''
        return f'<button type="button" {found[1]}{found[2]}{arrow}>{found[3]}</button>'
    return re.sub(r'<a (class="sidebar-item-[^>]*)role="navigation" ?([^>]*)>(.*?)</a>', button, page, flags=re.S)


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
    number = r'<span id="cb[\d-]+"><a href="#cb[\d-]+"[^>]*></a>'  # Quarto's, of a line
    return re.sub(rf'(?P<before>(?:^|<code class="sourceCode python">)(?:{number})?)(?P<indent> *)'
                  r'(?P<definition><span class="kw">(?P<kind>def|class)</span> (?:<span class="\w+">)?(?P<name>\w+))',
                  anchor, page, flags=re.M)


def with_kinds_of_folds(page: str) -> str:
    "What the reader may want (a solution) is to look unlike what stands behind the text (a check)."
    return re.sub(r'<details class="code-fold"(?=[^>]*>\s*<summary>(Checked|Solution)</summary>)',
                  lambda fold: f'<details class="code-fold {fold[1].lower()}"', page)


def with_tables_in_boxes(page: str) -> str:
    "A wide table scrolls in a box of its own, and the page stays where it is. A corner without a word is no heading."
    page = re.sub(r'<th([^>]*)>(?:\s|&nbsp;|\xa0)*</th>', r'<td\1></td>', page)
    page = page.replace('<div class="sd-table">\n', '<div class="table-box">')
    def boxed(table: re.Match) -> str:
        long = re.search(r'<tr[^>]*>\s*<t[hd][^>]*>[^<]{20,}', table[0])  # names that fill a phone, with the numbers out of sight
        return f'<div class="table-box{" long-names" if long else ""}">{table[0]}</div>'
    page = re.sub(r'(?<!<div class="table-box">)<table.*?</table>', boxed, page, flags=re.S)
    def roomy(table: re.Match) -> str:  # what leaves no room for other columns: long code, and width that isn't needed
        seconds = re.findall(r'<tr[^>]*>\s*<(?:th|td)\b.*?</t[hd]>\s*<td[^>]*>(.*?)</td>', table[0], re.S)
        few = all(len(re.sub('<[^>]+>', '', second)) < 25 for second in seconds)
        text = table[0].replace('<table', '<table data-narrow', 1) if few else table[0]
        text = re.sub('<code>(?=[^<]{25,}</code>)(?=[^<]* )', '<code class="loose">', text)
        text = re.sub('<code>(?=[^<]{20,}</code>)(?=[^<]* )', '<code class="long-name">', text)
        return re.sub(r'<code>([^<\s]{13,})</code>', lambda name: '<code class="long-name">'
                      + re.sub('[._](?=[^._])', r'\g<0><wbr>', name[1]) + '</code>', text)
    return re.sub('<table.*?</table>', roomy, page, flags=re.S)


def with_ways_to_run(page: str) -> str:
    """A chapter's links to Colab and to its notebook. An exercise asks to be run, where the notebook has a verdict on
    an answer that nobody has given."""
    source = re.search(r'href="https://github\.com/([^"]+?)/blob/([^"]+?/nbs/\d\d_[^"/]+\.ipynb)"', page)
    if not source: return page
    colab = f'https://colab.research.google.com/github/{source[1]}/blob/{source[2]}'
    raw = f'https://raw.githubusercontent.com/{source[1]}/{source[2]}'
    button = 'class="btn btn-sm btn-outline-secondary'
    links = (f'<p class="chapter-links"><a {button}" href="{colab}">Open in Colab</a> '
             f'<a {button} download-notebook" href="{raw}">Download the notebook</a></p>')
    page = re.sub(r'(<header id="title-block-header".*?)(</header>)', lambda m: f'{m[1]}{links}{m[2]}', page, count=1, flags=re.S)
    def invitation(verdict: re.Match) -> str:
        check = re.findall(r'\bcheck_\w+', page[:verdict.start()])[-1]
        return (f'<p class="to-run">Run this cell <a href="{colab}">in Colab</a> or in Jupyter, and <code>{check}</code> '
                'tells you what it thinks of your answer.</p>')
    return re.sub(r'<blockquote class="verdict[^>]*><b>Not yet\.</b>.*?</blockquote>', invitation, page, flags=re.S)


def with_relative_links(page: str, path: Path, site: Path) -> str:
    "The same page works below any address: nbdev's links name the published one, and the one to book.js begins at the root."
    up = '../'*(len(path.relative_to(site).parts) - 1) or './'
    return re.sub(rf'\b(href|src)="(?:{re.escape(address())}|/(?!/))(?=[^"])', rf'\1="{up}', page)


def without_namesakes(page: str, path: Path, site: Path) -> str:
    """nbdev takes each name for the book's own, and makes a link of it. In a chapter, a name that only a later one builds
    is somebody else's, such as fastai's `Learner` in chapter 5. So is any name of `APART` elsewhere, such as `train`."""
    chapters = [nbpath2html(notebook).name for notebook in sorted((ROOT/'nbs').glob('[0-9]*.ipynb'))]
    place = path.relative_to(site).as_posix()
    others = [] if place in (APART, 'site/reference.html') else [APART, Path(APART).name]
    if place in chapters: others += chapters[chapters.index(place) + 1:]
    names = '|'.join(map(re.escape, others)) or '(?!)'
    return re.sub(rf'<a href="(?:\./|\.\./)*(?:{names})#[^"]*">(<code>[^<]*</code>)</a>', r'\1', page)


def with_nothing_torn(page: str) -> str:
    """No line ends between a number and its sign or its word, as in 95 % and chapter 2, nor inside of a short piece of
    code or at a hyphen in a longer one, nor between a formula and the full stop behind it. And a formula shows no gap
    behind the comma of 10,000."""
    def tied(found: re.Match) -> str:
        if found[1]: return found[1]
        text = re.sub(r'\(\S{1,6} [−+] \S{1,6}\)', lambda sum: sum[0].replace(' ', '\xa0'), found[0])
        text = re.sub(r'(?<=\d) (?=[%×]|[GM]B\b|wrong\b)|(?<=×) (?=\d)|(?<=^\d\.) (?=\w)|(?<=^\d\d\.) (?=\w)', '\xa0', text)
        words = '[Cc]hapter|[Ee]xercise|[Qq]uestion|[Mm]ilestone|[Pp]rocess|[Ss]eed|Python|torch|fastai|CC BY|CC BY-SA'
        return re.sub(rf'\b({words}) (?=\d)', lambda word: word[1].replace(' ', '\xa0') + '\xa0', text)
    def whole(code: re.Match) -> str:
        if len(code[1]) <= 24: return f'<code class="whole">{code[1]}</code>' if re.search(r'[-/|\s]', code[1]) else code[0]
        return '<code>' + HYPHENED.sub(r'<span class="whole">\g<0></span>', code[1]) + '</code>'
    page = re.sub(r'(<(script|style|pre|code|math|title|svg)\b.*?</\2>|<[^>]*>)|[^<]+', tied, page, flags=re.S)
    page = re.sub(r'(?<!<pre>)<code>([^<]+)</code>', whole, page)
    page = re.sub(r'(?<=\d)</mn><mrow><mo>(?:,|&#x0002C;)</mo></mrow><mn>(?=\d{3}</mn>)', ',', page)
    return re.sub(r'(<span class="math inline">(?:(?!<span|</span>).)*</span>)([.,;:?!)]+)', r'<span class="whole">\1\2</span>', page, flags=re.S)


def with_proof(page: str, path: Path, site: Path) -> str:
    "The foot of a page says when its notebook last printed what the page shows, and with which versions, as prove.py has noted."
    record = ROOT/RECORD
    proved = json.loads(record.read_text(encoding='utf-8')) if record.exists() else {}
    place = path.relative_to(site)
    name = next((name for name in proved if nbpath2html(Path(name).relative_to('nbs')) == place), None)
    if not name or not (ROOT/name).exists() or content(ROOT/name) != proved[name]['notebook']: return page
    day = date.fromisoformat(proved[name]['on'])
    said = f'Run from top to bottom on {day.day} {day:%B %Y} with {proved[name]["with"]}: it printed what stands here.'
    if not proved[name]['all']: said += ' Cells that take minutes were left out.'
    end = '(?=<nav [^>]*page-navigation|</main>)'  # Quarto's links to the neighbours stand behind the text, smalldocs' within
    return re.sub(end, f'<p class="proved"><small>{said}</small></p>', page, count=1)


def with_figures_as_files(page: str, path: Path) -> str:
    "Pictures become files beside their page, which a browser loads when they are needed, and keeps."
    def file(found: re.Match) -> str:
        content = base64.b64decode(found[2])
        picture = path.parent/'figures'/f'{sha256(content).hexdigest()[:16]}.{found[1]}'
        picture.parent.mkdir(exist_ok=True)
        picture.write_bytes(content)
        return f'src="figures/{picture.name}"'
    return re.sub(r'src="data:image/(png|jpeg|gif);base64,([^"]+)"', file, page)


def with_sizes(page: str, path: Path) -> str:
    "A figure has 200 dots an inch, for sharp screens, and 100 of them make an inch of the page. A digit has no such number."
    def sized(found: re.Match) -> str:
        picture = path.parent/unquote(found[1])
        if ' width=' in found[0] or not picture.is_file(): return found[0]
        with Image.open(picture) as image: (width, height), dpi = image.size, image.info.get('dpi', (100, 100))
        return found[0].replace('<img', f'<img width="{round(width*100/dpi[0])}" height="{round(height*100/dpi[1])}" loading="lazy"', 1)
    return re.sub(r'<img(?=[^>]*src="([^":]+\.(?:png|jpeg|gif))")[^>]*>', sized, page)


def finish_pages(site: Path):
    "Write every page anew, once."
    for path in sorted(site.rglob('*.html')):
        page = path.read_text(encoding='utf-8')
        if 'class="skip-link"' in page: continue
        for step in (without_foreign_scripts, with_named_landmarks, with_buttons, with_anchors, with_kinds_of_folds,
                     with_tables_in_boxes, with_ways_to_run): page = step(page)
        if path != site/'404.html': page = with_proof(without_namesakes(with_relative_links(page, path, site), path, site), path, site)
        path.write_text(with_nothing_torn(with_sizes(with_figures_as_files(page, path), path)), encoding='utf-8')


# What the site needs besides

def move_404(site: Path):
    "The host shows 404.html for any address that it doesn't know, so its links begin with the address of the site."
    path = site/'site/404.html'
    if not path.exists(): return
    def absolute(link: re.Match) -> str:
        if re.match(rf'\w+:|//|#|$|{base()}.', link[2]): return link[0]
        return f'{link[1]}="{base()}{normpath(join("/site", link[2]))[1:]}"'
    page = re.sub(r'\b(href|src)="([^"]*)"', absolute, path.read_text(encoding='utf-8'))
    page = re.sub(r'(<meta name="(?:quarto|smalldocs):offset" content=)"[^"]*"', rf'\1"{base()}"', page)
    page = re.sub(r'<div class="quarto-alternate-formats">.*?</div>', '', page, flags=re.S)
    (site/'404.html').write_text(page, encoding='utf-8')
    for left in (path, *path.parent.glob('404*.md')): left.unlink()
    sitemap = site/'sitemap.xml'
    if sitemap.exists():
        known = sitemap.read_text(encoding='utf-8')
        sitemap.write_text(re.sub(r'\s*<url>(?:(?!</url>).)*/site/404\.html.*?</url>', '', known, flags=re.S), encoding='utf-8')


def finish_search(site: Path):
    "Leave out what no reader looks for: how exercises are checked, and the page that isn't there."
    index = site/'search.json'
    entries = [entry for entry in json.loads(index.read_text(encoding='utf-8'))
               if not re.match(r'exercises/|site/404|site/reference\.html#exercises-', entry['href'])]
    index.write_text(json.dumps(entries, ensure_ascii=False), encoding='utf-8')


def finish_markdown(site: Path):
    "The pages for language models link to notebooks, which the site doesn't have. Lead them to each other."
    for path in site.rglob('*.md'):
        def page(link: re.Match) -> str:
            source = Path(link['source'])
            html = nbpath2html(source).as_posix()
            names = f'{html}.md', source.with_suffix('.md').as_posix(), html
            return next((name for name in names if (path.parent/name).exists()), link['source'])
        text = path.read_text(encoding='utf-8')
        path.write_text(re.sub(r'(?<=\]\()(?P<source>(?!\w+:)[^)\s#]+\.(?:ipynb|qmd))', page, text), encoding='utf-8')


def write_llms_txt(site: Path):
    "The table of contents for language models: nbdev's, which knows the modules, and the pages that have none."
    *text, marker = pkg_llms().rstrip().split('\n\n')
    others = []
    for path in [*sorted(site.glob('*.html')), site/'site/reference.html']:
        name = path.relative_to(site).as_posix()
        if name == '404.html' or not path.exists() or f'/{name}.md)' in text[-1]: continue
        page = path.read_text(encoding='utf-8')
        title = re.search(r'<h1 class="title">(.*?)</h1>', page, re.S)[1]
        about = re.search(r'<meta name="description" content="([^"]*)"', page)
        copy = next((c for c in (f'{name}.md', name.replace('.html', '.md')) if (site/c).exists()), name)
        others.append(unescape(f'- [{title}]({address()}{copy})' + (f': {about[1]}' if about else '')))
    text += ['## Other pages', '\n'.join(others), marker]
    (site/'llms.txt').write_text('\n\n'.join(text) + '\n', encoding='utf-8')


def finish(
    site: Path,  # a folder with a website, as its builder leaves it
):
    "Do all of it."
    move_404(site)
    finish_pages(site)
    finish_search(site)
    finish_markdown(site)
    write_llms_txt(site)


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
        found += [f'{name}: a picture has no alternative text, give its cell a caption below it: {src}' for src in page.unnamed]
        for href in page.links + page.loads:
            url = urlsplit(href)
            if url.scheme == 'data': continue
            place = site/url.path.removeprefix(base()) if path == site/'404.html' else path.parent/unquote(url.path)
            target = place.resolve() if url.path else path
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


@click.command()
@click.argument('folder')
def main(
    folder: str, # the website, such as `_docs`
):
    "Finish a built website, and check it."
    site = Path(folder).resolve()
    if not (site/'index.html').is_file(): raise SystemExit(f'{folder} is not the folder of a website: it has no index.html.')
    finish(site)
    problems = faults(site)
    if problems: raise SystemExit('\n'.join(problems))


if __name__ == '__main__': run_command(main, 'finish_site.py')
