"""A browser and the website, for the tests that need them.

Without a setting, the site is built without Quarto, in a clone below a hidden folder (`~/.local/src/…` is a usual place,
and nbdev has its difficulties there). `SITE=_docs pytest tests/test_site.py` tests a site that is built already, by
either builder, and finished with tools/finish_site.py. So does the workflow that publishes Quarto's.
"""
import os, shutil, subprocess, sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from filelock import FileLock
from nbdev.config import get_config
from playwright.sync_api import Browser, Error, Locator, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent/'tools'))
from chromium import Quiet, launch, served
from finish_site import ROOT, base

CONFIG = get_config(ROOT)
THEMES = 'light', 'dark'


@pytest.fixture(scope='session')
def folder(tmp_path_factory) -> Path:
    "The site to test, built once, by the first of the processes that share the tests."
    if given := os.environ.get('SITE'): return (ROOT/given).resolve()
    own = tmp_path_factory.getbasetemp()
    clone = (own.parent if 'PYTEST_XDIST_WORKER' in os.environ else own)/'site/.local/clone'
    clone.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(clone.with_name('lock')):
        if not clone.exists(): build(clone)
    return clone/CONFIG.doc_path.name


def build(clone: Path):
    "Copy what the site is made of, build it there, and give the folder its name when all is well."
    unfinished = clone.with_name('unfinished')
    shutil.rmtree(unfinished, ignore_errors=True)
    for name in ('nbs', 'tools', CONFIG.lib_name):
        shutil.copytree(ROOT/name, unfinished/name, symlinks=True, ignore=shutil.ignore_patterns('__pycache__', '.ipynb_checkpoints'))
    for name in ('_quarto.yml', 'pyproject.toml', 'settings.ini'): shutil.copy(ROOT/name, unfinished)
    build = subprocess.run([sys.executable, 'tools/build_site.py'], cwd=unfinished, capture_output=True, text=True)
    assert build.returncode == 0, build.stderr
    unfinished.rename(clone)


@pytest.fixture(scope='session')
def serve() -> Iterator:
    "Serve a folder below the path of the published site, and for any other address its 404.html, as the host does."
    class Server(Quiet):
        def translate_path(self, path): return super().translate_path(path.removeprefix(base().rstrip('/')) if path.startswith(base()) else '/gone')
        def send_error(self, code, *args):
            body = Path(self.directory, '404.html').read_bytes()
            self.send_response(code)
            self.send_header('Content-Type', 'text/html; charset=utf-8')
            self.send_header('Content-Length', str(len(body)))
            self.end_headers()
            self.wfile.write(body)
    with ExitStack() as servers:
        yield lambda folder: servers.enter_context(served(folder, Server)) + base().rstrip('/')


@pytest.fixture(scope='session')
def site(folder, serve) -> str:
    "The address of the site."
    return serve(folder)


@pytest.fixture(scope='session')
def browser() -> Iterator[Browser]:
    "The Chromium or Chrome of this machine. Without one the tests are skipped, but not in CI."
    with sync_playwright() as playwright:
        try: browser = launch(playwright)
        except Error as e:
            reason = f'The site is tested with Chromium or Chrome, and none could be started: {e.message.splitlines()[0]}'
            (pytest.fail if os.environ.get('CI') else pytest.skip)(reason)
        yield browser
        browser.close()


@pytest.fixture
def look(browser) -> Iterator:
    "Open a page for a reader whose system has a theme, in a window of a width, by mouse or by touch."
    contexts = []
    def open_page(address: str, theme: str = 'light', width: int = 1400, touch: bool = False, motion: str = 'reduce') -> Page:  # pages don't glide then
        contexts.append(browser.new_context(color_scheme=theme, viewport=dict(width=width, height=900), has_touch=touch,
                                            reduced_motion=motion))
        page = contexts[-1].new_page()
        page.goto(address)
        return page
    yield open_page
    for context in contexts: context.close()


# Texts without parts of their own whose colour, size and ground were on the page before: to compare each of them takes most of the time
REPEATED = """show => {
    const seen = new Set(), look = element => getComputedStyle(element)
    const ground = element => element ? [look(element).backgroundColor, look(element).opacity, ground(element.parentElement)].join() : ''
    for (const text of document.querySelectorAll('main :is(span, code, p, li, td):not(:has(*), a *, button *, label *, summary *)')) {
        if (!text.checkVisibility()) continue
        const kind = [look(text).color, look(text).fontSize, look(text).fontWeight, ground(text)].join()
        if (seen.has(kind)) text.style.visibility = show ? '' : 'hidden'
        seen.add(kind)
    }
}"""
OF_COLOURS = 'color-contrast', 'link-in-text-block'  # the rules that another theme may break, where one keeps all


def violations(page: Page, rules: Iterable[str] = ()) -> list[tuple]:
    "What keeps people from using a page, by all rules unless some are named. The inside of Quarto's search field is out of our hands."
    page.evaluate(REPEATED, False)
    found = Axe().run(page, {'exclude': [['.aa-Autocomplete'], ['.aa-DetachedSearchButton']]},
                      {'resultTypes': ['violations']} | ({'runOnly': list(rules)} if rules else {})).response['violations']
    page.evaluate(REPEATED, True)
    return [(v['help'], len(v['nodes']), v['nodes'][0]['html'][:200]) for v in found]


def touch(page: Page, thing: str, nth: int = 0) -> Locator:
    "A thing to touch on a page: scroll to its place, wait until it has come, and give it."
    page.locator(f'.cell:has(.explore[data-thing={thing}])').nth(nth).scroll_into_view_if_needed()
    there = page.locator(f'.explore-thing[data-thing={thing}]').nth(nth)
    there.wait_for()
    middle(there)
    return there


def touch_all(page: Page):
    "Wait until every thing to touch on a page has come."
    names = page.eval_on_selector_all('.explore', 'all => all.map(place => place.dataset.thing)')
    for name in set(names):
        for nth in range(names.count(name)): touch(page, name, nth)
    page.wait_for_function("document.querySelectorAll('.explore-thing').length === document.querySelectorAll('.explore').length")


def drag(page: Page, way: list[tuple[float, float]], by: str):
    "Press on the first of some places on the screen, go to the others, and let go; `by` is mouse or touch."
    first, *others = way
    if by == 'mouse':
        page.mouse.move(*first)
        page.mouse.down()
        for place in others: page.mouse.move(*place, steps=5)
        page.mouse.up()
        return
    client = page.context.new_cdp_session(page)
    for kind, *finger in [('touchStart', first), *(('touchMove', place) for place in others), ('touchEnd',)]:
        client.send('Input.dispatchTouchEvent', dict(type=kind, touchPoints=[dict(x=x, y=y) for x, y in finger]))


def middle(element: Locator) -> tuple[float, float]:
    "Bring an element to the middle of the screen, clear of the bar at the top, and give the place of its own middle."
    element.evaluate("element => element.scrollIntoView({ block: 'center' })")
    element.page.wait_for_timeout(50)
    box = element.bounding_box()
    return box['x'] + box['width']/2, box['y'] + box['height']/2


def listen(page: Page) -> list[str]:
    "What goes wrong on a page from now on: in its scripts, and what it asks of the net in vain."
    wrong = []
    page.on('console', lambda message: message.type in ('error', 'warning') and wrong.append(message.text))
    page.on('pageerror', lambda error: wrong.append(str(error)))
    page.on('requestfailed', lambda request: wrong.append(f'{request.url} failed'))
    return wrong
