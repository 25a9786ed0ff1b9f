"""The website, in a real browser. Building it also checks links, anchors and alternative text: see tools/build_site.py."""
import gzip, os, subprocess, sys
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import which
from threading import Thread

import pytest, yaml
from axe_playwright_python.sync_playwright import Axe
from nbdev.config import get_config, nbpath2html
from playwright.sync_api import Browser, Error, Page, sync_playwright

from tools.build_site import faults

ROOT = Path(__file__).resolve().parent.parent
WEBSITE = yaml.safe_load((ROOT/'_quarto.yml').read_text(encoding='utf-8'))['website']
SIDEBAR = [name for item in WEBSITE['sidebar']['contents'] for name in ([item] if isinstance(item, str) else item['contents'])]
SOURCES = sorted(p.name for p in (ROOT/'nbs').glob('[!_]*') if p.suffix in ('.ipynb', '.qmd', '.md'))
PAGES = [nbpath2html(name).name for name in SOURCES]
CHAPTERS = [nbpath2html(name).name for name in SOURCES if name[0].isdigit() and name.endswith('.ipynb')]
THEMES = 'light', 'dark'
KB = 1000


@pytest.fixture(scope='session')
def site() -> Iterator[str]:
    "The address of the site, built anew. It lies in a folder of the server, as the pages of a project do."
    build = subprocess.run([sys.executable, ROOT/'tools/build_site.py'], capture_output=True, text=True)
    assert build.returncode == 0, build.stderr

    class Server(SimpleHTTPRequestHandler):
        def log_message(self, *args): pass

    with ThreadingHTTPServer(('127.0.0.1', 0), partial(Server, directory=ROOT)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f'http://127.0.0.1:{server.server_port}/{get_config(ROOT).doc_path.name}'
        server.shutdown()


@pytest.fixture(scope='session')
def browser() -> Iterator[Browser]:
    "The Chromium or Chrome of this machine. Without one the tests are skipped, but not in CI."
    path = next(filter(None, map(which, ('chromium', 'chromium-browser', 'google-chrome'))), None)
    with sync_playwright() as playwright:
        try: browser = playwright.chromium.launch(executable_path=path, channel=None if path else 'chrome', args=['--disable-gpu'])
        except Error as e:
            reason = f'The site is tested with Chromium or Chrome, and none could be started: {e.message.splitlines()[0]}'
            (pytest.fail if os.environ.get('CI') else pytest.skip)(reason)
        yield browser
        browser.close()


def look(browser: Browser, address: str, theme: str = 'light', width: int = 1400) -> Page:
    "Open a page for a reader whose system has a theme, in a window of a width."
    page = browser.new_context(color_scheme=theme, viewport=dict(width=width, height=900)).new_page()
    page.goto(address)
    return page


def is_dark(page: Page) -> bool:
    "Whether the page has a dark background by now."
    page.wait_for_timeout(100)  # smalldocs waits 50 ms after a change of theme
    colour = page.evaluate('getComputedStyle(document.body).backgroundColor')
    return sum(map(int, colour[4:-1].split(','))) < 3*128


def test_a_page_for_each_source_and_all_in_the_sidebar(site):
    built = sorted(p.name for p in get_config(ROOT).doc_path.glob('*.html'))
    assert built == sorted(PAGES)
    assert sorted(SIDEBAR) == [name for name in SOURCES if name != '404.md']


@pytest.mark.parametrize('name', PAGES)
def test_page_opens_without_a_fault_and_weighs_little(site, browser, name):
    page = browser.new_page()
    wrong, weight = [], {}
    page.on('console', lambda message: message.type in ('error', 'warning') and wrong.append(message.text))
    page.on('pageerror', lambda error: wrong.append(str(error)))
    page.on('requestfailed', lambda request: wrong.append(f'{request.url} failed'))
    page.on('request', lambda request: request.url.startswith(('http', 'ws')) and not request.url.startswith(site)
                                       and wrong.append(f'{request.url} is asked of another host, or of another folder'))
    def weigh(response):
        if response.url.startswith('data:'): return
        if response.status >= 400: wrong.append(f'{response.url}: {response.status}')
        else: weight[response.url] = len(gzip.compress(response.body()))  # compressed, as the host of the pages sends it
    page.on('response', weigh)
    page.goto(f'{site}/{name}', wait_until='networkidle')
    page.close()
    assert not wrong
    assert sum(weight.values()) < (500 if name == 'index.html' else 1500)*KB, weight


@pytest.mark.parametrize('name', PAGES)
def test_no_output_with_a_path_of_a_machine(site, name):
    "Such as a warning that a library printed while the notebook ran."
    page = (get_config(ROOT).doc_path/name).read_text(encoding='utf-8')
    assert 'site-packages' not in page and str(Path.home()) not in page


@pytest.mark.parametrize('name', PAGES)
def test_no_sideways_scroll_on_a_phone(site, browser, name):
    page = look(browser, f'{site}/{name}', width=375)
    assert page.evaluate('document.documentElement.scrollWidth') <= 375
    page.context.close()


@pytest.mark.parametrize('theme', THEMES)
@pytest.mark.parametrize('name', PAGES)
def test_accessible(site, browser, name, theme):
    page = look(browser, f'{site}/{name}', theme)
    assert is_dark(page) == (theme == 'dark')
    violations = Axe().run(page).response['violations']
    page.context.close()
    grave = [v for v in violations if v['impact'] in ('serious', 'critical')]
    assert not grave, [(v['help'], len(v['nodes']), v['nodes'][0]['html'][:200]) for v in grave]


@pytest.mark.parametrize('word, found', [
    ('held-back', 'baseline.html'), ('broadcasting', 'baseline.html'),  # in the text
    ('requires_grad_', 'sgd.html'),                                     # in the code
])
def test_search(site, browser, word, found):
    page = look(browser, f'{site}/404.html')
    page.fill('#quarto-search input', word)
    page.wait_for_selector('.search-result')
    results = page.eval_on_selector_all('.search-result', 'links => links.map(link => link.href)')
    assert f'{site}/{found}' in [link.split('#')[0] for link in results]
    page.context.close()


@pytest.mark.parametrize('theme', THEMES)
def test_theme_follows_the_system_until_switched_then_stays(site, browser, theme):
    page = look(browser, f'{site}/index.html', theme)
    other = theme == 'light'
    assert is_dark(page) != other
    page.click('.quarto-color-scheme-toggle')
    assert is_dark(page) == other
    page.reload()
    assert is_dark(page) == other
    page.goto(f'{site}/{CHAPTERS[0]}')
    assert is_dark(page) == other
    page.context.close()


def test_previous_and_next_lead_through_the_book(site, browser):
    page = look(browser, f'{site}/index.html')
    steps = []
    while link := page.query_selector('.nav-page-next a'):
        before = page.url
        page.goto(link.evaluate('link => link.href'))
        assert page.eval_on_selector('.nav-page-previous a', 'link => link.href') == before
        steps.append(page.url.removeprefix(f'{site}/'))
    page.context.close()
    assert steps == [nbpath2html(name).name for name in SIDEBAR[1:]]


def test_every_chapter_opens_in_colab_and_can_be_downloaded(site, browser):
    config = get_config(ROOT)
    page = look(browser, site)
    for name in CHAPTERS:
        page.goto(f'{site}/{name}')
        links = page.eval_on_selector_all('.chapter-links a', 'links => links.map(link => link.href)')
        path = f'{config.branch}/nbs/{SOURCES[PAGES.index(name)]}'
        assert links == [f'https://colab.research.google.com/github/{config.user}/{config.repo}/blob/{path}',
                         f'https://raw.githubusercontent.com/{config.user}/{config.repo}/{path}']
    page.context.close()


def test_download_saves_the_notebook(site, browser):
    page = look(browser, f'{site}/pixels.html')
    notebooks = {f'{get_config(ROOT).branch}/nbs/{name}': ROOT/'nbs'/name for name in SOURCES}
    page.route('https://raw.githubusercontent.com/**', lambda route: route.fulfill(
        path=notebooks[route.request.url.split('/', maxsplit=5)[-1]]))
    with page.expect_download() as download: page.click('text=Download the notebook')
    assert download.value.suggested_filename == '01_pixels.ipynb'
    assert Path(download.value.path()).read_bytes() == (ROOT/'nbs/01_pixels.ipynb').read_bytes()
    page.context.close()


def test_code_is_copied(site, browser):
    page = look(browser, f'{site}/pixels.html')
    page.context.grant_permissions(['clipboard-read', 'clipboard-write'])
    page.click('.code-copy-button >> nth=0')
    page.wait_for_selector('.code-copy-button-checked')
    copied = page.evaluate('navigator.clipboard.readText()')
    assert copied.strip() == page.inner_text('pre code >> nth=0').strip()
    page.context.close()


def test_figure_enlarges(site, browser):
    page = look(browser, f'{site}/pixels.html', width=375)
    page.click('figure .enlarge >> nth=0')
    assert page.is_visible('dialog.enlarged img')
    page.keyboard.press('Escape')
    assert not page.is_visible('dialog.enlarged')
    page.context.close()


def test_contents_are_within_reach_on_a_phone(site, browser):
    page = look(browser, f'{site}/pixels.html', width=375)
    page.click('.phone-contents summary')
    page.click('.phone-contents a >> nth=-1')
    page.wait_for_function('scrollY > 1000')  # it glides there
    page.context.close()


def test_a_link_finds_a_definition_without_an_anchor(site, browser):
    page = look(browser, site)
    built = (get_config(ROOT).doc_path/'data.html').read_text(encoding='utf-8')
    page.route(f'{site}/data.html', lambda route: route.fulfill(  # with code as Quarto makes it
        body=built.replace(' id="load_sample"', ''), content_type='text/html'))
    page.goto(f'{site}/data.html#load_sample')
    page.wait_for_function('scrollY > 1000')
    page.context.close()


@pytest.mark.skipif('glossary.html' not in PAGES, reason='there is no glossary yet')
def test_words_lead_to_the_glossary(site, browser):
    page = look(browser, f'{site}/baseline.html')
    assert 'simple model' in page.get_attribute('a.glossary-word:has-text("baseline") >> nth=0', 'title')
    page.context.close()


@pytest.mark.parametrize('tool', ['make_readme.py', 'make_reference.py'])
def test_generated_pages_are_in_step(tool):
    check = subprocess.run([sys.executable, ROOT/'tools'/tool, '--check'], capture_output=True, text=True)
    assert check.returncode == 0, check.stderr


@pytest.mark.parametrize('body, fault', [
    ('<a href="gone.html">x</a>', 'the link gone.html leads nowhere'),
    ('<a href="#gone">x</a>', 'leads to a place that index.html does not have'),
    ('<a href="../outside.html">x</a>', 'leads nowhere'),
    ('<a href="htp:/example">x</a>', 'is no address'),
    ('<img src="data:,">', 'no alternative text'),
    ('<script src="https://example.org/x.js"></script>', 'another host'),
    ('<script>import("https://example.org/x.js")</script>', 'another host'),
])
def test_building_finds_faults(tmp_path, body, fault):
    (tmp_path/'index.html').write_text('<p id="here"></p><a href="#here">x</a><a href="https://example.org/x">x</a>')
    assert not faults(tmp_path)
    (tmp_path/'index.html').write_text(body)
    found = faults(tmp_path)
    assert len(found) == 1 and fault in found[0]
