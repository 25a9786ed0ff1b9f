"""The website, in a real browser. Which site, browsing.py says."""
import gzip, json, re, shutil, subprocess, sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import nbformat, pytest, smalldocs, yaml
from nbdev.config import nbpath2html
from PIL import Image
from playwright.sync_api import Page

from browsing import CONFIG, OF_COLOURS, THEMES, listen, touch_all, violations
from finish_site import ROOT, base, faults, finish, with_nothing_torn
from make_reference import reference

WEBSITE = yaml.safe_load((ROOT/'_quarto.yml').read_text(encoding='utf-8'))['website']
SIDEBAR = [name for item in WEBSITE['sidebar']['contents'] for name in ([item] if isinstance(item, str) else item['contents'])]
SOURCES = sorted(p.relative_to(ROOT/'nbs').as_posix() for p in (ROOT/'nbs').rglob('[!_.]*')
                 if p.suffix in ('.ipynb', '.qmd', '.md') and '.ipynb_checkpoints' not in p.parts)
PAGES = {name: '404.html' if '404' in name else nbpath2html(Path(name)).as_posix() for name in SOURCES}  # by their sources
CHAPTERS = [name for name in SOURCES if name[0].isdigit()]
EVERY_PAGE = pytest.mark.parametrize('name', PAGES.values())
KB = 1000
LINES = '''() => [...document.querySelectorAll('main :is(p, li)')].filter(p => !p.closest('.cell-output-display, table, details')).flatMap(p => {
    const letters = document.createTreeWalker(p, NodeFilter.SHOW_TEXT), range = document.createRange(), lines = []
    for (let left = Infinity; letters.nextNode();) {
        const node = letters.currentNode
        for (let i = 0; i < node.length && node.parentElement.closest('p, li') === p; i++) {
            range.setStart(node, i), range.setEnd(node, i + 1)
            const box = range.getBoundingClientRect()
            if (!box.width) continue
            if (box.left < left) lines.push(0)
            lines[lines.length - 1]++, left = box.left
        }
    }
    return lines.slice(0, -1)  // the last one is not full
})'''


def is_dark(page: Page) -> bool:
    "Whether the page has a dark background by now."
    page.wait_for_timeout(100)  # smalldocs waits 50 ms after a change of theme
    colour = page.evaluate('getComputedStyle(document.body).backgroundColor')
    return sum(map(int, colour[4:-1].split(','))) < 3*128


def name_of(address: str) -> str:
    "The page at an address, such as `pixels.html`; Quarto's links leave out `index.html`."
    name = re.sub('[?#].*', '', address).split(base(), 1)[1]
    return f'{name}index.html' if name == '' or name.endswith('/') else name


def search(page: Page, words: str) -> list[str]:
    "What the search finds, in its order: addresses without the page's own."
    field = page.locator('#quarto-search input')
    if not field.is_visible(): page.click('#quarto-search button')  # Quarto's, on a narrow screen
    page.locator('#quarto-search input, .aa-Input').last.fill(words)
    page.wait_for_selector('.search-result, .search-result-link')
    found = page.eval_on_selector_all('.search-result, .search-result-link', 'links => links.map(link => link.href)')
    return [name_of(link) for link in found]


# What the site has

def test_a_page_for_each_source_and_all_in_the_sidebar(folder):
    built = sorted(p.relative_to(folder).as_posix() for p in folder.rglob('*.html'))
    assert built == sorted(PAGES.values())
    assert sorted(SIDEBAR) == [name for name in SOURCES if '404' not in name]
    assert SIDEBAR[:len(CHAPTERS) + 2] == ['index.ipynb', *CHAPTERS, 'glossary.ipynb']


def test_no_fault(folder): assert not faults(folder)


def test_fastais_learner_is_not_taken_for_the_books(folder):
    "Chapter 5 speaks of fastai's `Learner`, and chapter 9 builds another."
    early, own = ((folder/PAGES[name]).read_text(encoding='utf-8') for name in ('05_optimizer.ipynb', '09_learner.ipynb'))
    assert 'learner.html#learner"><code>' not in early and '<code>Learner</code>' in early
    assert 'learner.html#learner"><code>Learner</code></a>' in own


@EVERY_PAGE
def test_everyday_words_are_no_links_to_the_page_on_machines(folder, name):
    "Its functions are called `train`, `right` and `batches`; elsewhere, these are a folder, a variable, a list."
    page = (folder/name).read_text(encoding='utf-8')
    linked = re.findall(r'<a href="[^"]*machines\.html#[^"]*"><code', page)
    assert bool(linked) == (name in ('behind/machines.html', 'site/reference.html'))


@EVERY_PAGE
def test_captions_are_no_markdown(folder, name):
    captions = re.findall(r'<figcaption[^>]*>(.*?)</figcaption>', (folder/name).read_text(encoding='utf-8'), re.S)
    assert not [caption for caption in captions if '`' in caption or '](' in caption]


@EVERY_PAGE
def test_a_number_at_the_beginning_is_no_list(folder, name):
    "An answer such as 10 is a sentence, or Markdown takes it for the tenth of a list."
    assert '<ol start=' not in (folder/name).read_text(encoding='utf-8').replace('<ol start="1"', '<ol')


@pytest.mark.parametrize('name', CHAPTERS)
def test_folds_at_the_head_of_a_chapter_differ_in_name(folder, name):
    head = re.split(r'<h2\b', (folder/PAGES[name]).read_text(encoding='utf-8').split('<main')[1])[0]
    folds = re.findall(r'<summary>(.*?)</summary>', head)
    assert len(folds) > 1 and len(set(folds)) == len(folds)


@pytest.mark.parametrize('before, after', [
    ('<p>95 % of 28 × 28, as in Chapter 2</p>', '<p>95\xa0% of 28\xa0×\xa028, as in Chapter\xa02</p>'),
    ('<p>5 digits, chapter two</p><a title="95 %"><pre>95 %</pre></a>', None), ('<pre><code>a b</code></pre>', None),
    ('<code>-m x</code> <code>name</code>', '<code class="whole">-m x</code> <code>name</code>'), ('<code>a longer line that may be broken</code>', None),
    ('<code>uv pip install --torch-backend=cpu</code>', '<code>uv pip install <span class="whole">--torch-backend=cpu</span></code>'),
    ('<a>7. Neighbours</a>, (0 − 1)², 8 GB, seed 5', '<a>7.\xa0Neighbours</a>, (0\xa0−\xa01)², 8\xa0GB, seed\xa05'),
    ('<mn>10</mn><mrow><mo>&#x0002C;</mo></mrow><mn>000</mn>', '<mn>10,000</mn>'),
    ('<span class="math inline"><math><mi>x</mi></math></span>. No', '<span class="whole"><span class="math inline"><math><mi>x</mi></math></span>.</span> No')])
def test_nothing_torn(before, after): assert with_nothing_torn(before) == (after or before)


def test_the_reference_knows_functions_from_constants():
    "Also those that are wrapped below their definition."
    constants = re.findall(r'\[`(\w+)`\]\S+ \| A constant', reference())
    assert constants and all(name.isupper() for name in constants), constants


@EVERY_PAGE
def test_no_output_with_a_path_of_a_machine(folder, name):
    "Such as a warning that a library printed while the notebook ran."
    page = (folder/name).read_text(encoding='utf-8')
    assert 'site-packages' not in page and str(Path.home()) not in page


@EVERY_PAGE
def test_figures_are_files_of_a_stated_size(folder, name):
    "A figure is as wide as it says, in twice as many dots, and never wider than the text."
    for img in re.findall(r'<img[^>]*src="[^"]*"[^>]*>', (folder/name).read_text(encoding='utf-8')):
        src, width = re.search(r' src="([^"]*)"', img)[1], re.search(r' width="(\d+)"', img)
        assert not src.startswith('data:'), img[:200]
        if src.endswith('.svg'): continue
        with Image.open((folder/name).parent/src) as image: assert int(width[1]) <= image.width, img


@EVERY_PAGE
def test_others_are_shown_the_card(folder, name):
    "Beside a link to a page, where the page's first figure would be a riddle."
    page = (folder/name).read_text(encoding='utf-8')
    cards = re.findall(r'<meta (?:property|name)="(?:og|twitter):image" content="([^"]+)"', page)
    assert cards == [f'{CONFIG.doc_host}{base()}site/card.png']*2


def test_language_models_find_every_page(folder):
    listed = (folder/'llms.txt').read_text(encoding='utf-8')
    for name in [*CHAPTERS, 'glossary.ipynb', 'site/reference.qmd']: assert f'{base()}{PAGES[name]}' in listed, name
    for copy in folder.rglob('*.html.md'): assert '.ipynb' not in re.sub(r'https?://\S+', '', copy.read_text(encoding='utf-8')), copy


# Pages open, and can be read

@pytest.fixture(scope='module', params=PAGES.values())
def opened(request, browser, site) -> Iterator[SimpleNamespace]:
    "Each page, opened once for the tests that only look at it: the page, what goes wrong on it, and what its files weigh."
    context = browser.new_context(viewport=dict(width=1400, height=900), reduced_motion='reduce')
    page, weight = context.new_page(), {}
    wrong = listen(page)
    page.on('request', lambda request: request.url.startswith(('http', 'ws')) and not request.url.startswith(site)
                                       and wrong.append(f'{request.url} is asked of another host, or of another folder'))
    def weigh(response):
        if response.status >= 400: wrong.append(f'{response.url}: {response.status}')
        else: weight[response.url] = len(gzip.compress(response.body()))  # compressed, as the host of the pages sends it
    page.on('response', weigh)
    page.goto(f'{site}/{request.param}', wait_until='networkidle')
    page.remove_listener('response', weigh)
    yield SimpleNamespace(page=page, wrong=wrong, weight=weight)
    context.close()
    assert not wrong, 'something went wrong later, while the page was used'


def test_page_opens_without_a_fault_and_weighs_little(opened):
    assert not opened.wrong
    assert 0 < sum(opened.weight.values()) < 900*KB, opened.weight


@pytest.mark.parametrize('width', [1280, 1400])
def test_open_code_of_88_letters_is_not_cut_off(opened, width):
    opened.page.set_viewport_size(dict(width=width, height=900))
    cut = opened.page.evaluate(
        """() => [...document.querySelectorAll('main .cell > :not(details) pre')].filter(pre => !pre.closest('.cell-output')
           && pre.scrollWidth > pre.clientWidth && pre.textContent.split('\\n').every(line => line.length <= 88)).map(pre => pre.textContent)""")
    assert not cut


def test_lines_of_prose_have_some_75_letters(opened):
    opened.page.set_viewport_size(dict(width=1400, height=900))
    lines = sorted(opened.page.evaluate(LINES))
    if len(lines) < 30: return
    assert lines[int(0.9*len(lines))] <= 76 and lines[-1] <= 86


@pytest.mark.parametrize('theme', THEMES)
def test_accessible(opened, theme):
    page = opened.page
    page.set_viewport_size(dict(width=1400, height=900))
    page.emulate_media(color_scheme=theme)  # the page follows the system, as a test below asserts
    touch_all(page)
    assert is_dark(page) == (theme == 'dark')
    assert not violations(page, OF_COLOURS if theme == 'dark' else ())


def test_no_line_begins_with_what_belongs_to_the_word_before(opened):
    "A word of the glossary is a button, and a browser would break a line behind it."
    assert not opened.page.evaluate("""() => [...document.querySelectorAll('main .glossary-word')].map(word => word.nextSibling)
        .filter(text => text?.nodeName === '#text' && !text.parentElement.matches('.whole') && /^[.,;:!?)]|^\\s·/.test(text.data)).length""")


def test_tables_of_words_fit_a_phone(opened):
    "So that no column is out of sight; only data frames may scroll."
    opened.page.set_viewport_size(dict(width=375, height=900))
    wide = opened.page.evaluate("""() => [...document.querySelectorAll('main .table-box')].filter(box => !box.closest('.cell-output-display')
        && box.scrollWidth > box.clientWidth + 1).map(box => box.innerText.slice(0, 80))""")
    assert not wide


@pytest.mark.parametrize('width', [768, 375])
def test_no_sideways_scroll(opened, width):
    page = opened.page
    page.set_viewport_size(dict(width=width, height=900))
    touch_all(page)
    assert page.evaluate('document.documentElement.scrollWidth') <= width


def test_the_keyboard_comes_to_the_text_first(site, look):
    page = look(f'{site}/{PAGES[CHAPTERS[0]]}')
    page.keyboard.press('Tab')
    assert page.evaluate('document.activeElement.className') == 'skip-link'
    page.keyboard.press('Enter')
    page.keyboard.press('Tab')
    assert page.evaluate('document.querySelector("main").contains(document.activeElement)')
    assert all(page.eval_on_selector_all('nav', 'navs => navs.map(nav => nav.getAttribute("aria-label"))'))


@pytest.mark.parametrize('theme', THEMES)
def test_theme_follows_the_system_until_switched_then_stays(site, look, theme):
    page = look(f'{site}/index.html', theme)
    other = theme == 'light'
    assert is_dark(page) != other
    page.click('.quarto-color-scheme-toggle')
    assert is_dark(page) == other
    page.reload()
    assert is_dark(page) == other
    page.goto(f'{site}/{PAGES[CHAPTERS[0]]}')
    assert is_dark(page) == other


def test_no_figure_glares_in_the_dark(site, look):
    page = look(f'{site}/{PAGES[CHAPTERS[1]]}', 'dark')
    assert page.eval_on_selector('main .cell-output-display img', 'img => getComputedStyle(img).filter').startswith('brightness')


# Ways through the book

@pytest.mark.parametrize('width', [1400, 375])
def test_nothing_covers_the_way_to_the_next_page(site, look, width):
    "At the end of a page, a button that leads back to its top comes by itself."
    page = look(f'{site}/behind/machines.html', width=width)
    page.evaluate('scrollTo(0, document.body.scrollHeight)')
    page.locator('#quarto-back-to-top').wait_for()
    top = page.locator('#quarto-back-to-top').bounding_box()
    links = [link.bounding_box() for link in page.locator('.page-navigation a').all()]
    assert len(links) == 2 and all(link['y'] + link['height'] <= top['y'] or link['y'] >= top['y'] + top['height'] for link in links)


def test_previous_and_next_lead_through_the_book(site, look):
    page = look(f'{site}/index.html')
    steps = []
    while link := page.query_selector('.nav-page-next a'):
        before = name_of(page.url)
        page.goto(link.evaluate('link => link.href'))
        assert name_of(page.eval_on_selector('.nav-page-previous a', 'link => link.href')) == before
        steps.append(name_of(page.url))
    assert steps == [PAGES[name] for name in SIDEBAR[1:]]


@pytest.mark.parametrize('words, found', [
    ('held-back', 'baseline.html'), ('broadcasting', 'baseline.html'),  # in the text
    ('requires_grad_', 'sgd.html'),                                     # in the code
])
def test_search_puts_chapters_first(site, look, words, found):
    names = search(look(f'{site}/site/reference.html'), words)
    assert found in names
    chapters = [name in map(PAGES.get, CHAPTERS) for name in names]
    assert chapters[0] and not any(name.startswith('exercises/') for name in names)


def test_search_leaves_out_how_exercises_are_checked(folder):
    entries = [entry['href'] for entry in json.loads((folder/'search.json').read_text(encoding='utf-8'))]
    assert len(entries) > 100 and not [href for href in entries if re.search(r'^exercises/|reference\.html#exercises-|404', href)]


def test_an_unknown_address_leads_back_to_the_book(site, look):
    page = look(f'{site}/a/folder/that/never/was.html')
    assert 'No such page' in page.inner_text('h1') and not page.query_selector('.quarto-alternate-formats')
    assert 'baseline.html' in search(page, 'broadcasting')
    assert name_of(page.eval_on_selector('main a', 'link => link.href')) == 'index.html'


def test_chapters_are_within_reach_on_a_phone(site, look):
    page = look(f'{site}/index.html', width=375)
    assert page.is_hidden('#quarto-sidebar a >> nth=1')
    page.click('#quarto-header button:has-text("Chapters")')
    page.click('#quarto-sidebar a >> nth=1')
    page.wait_for_url(f'**/{PAGES[CHAPTERS[0]]}')


def test_contents_are_within_reach_on_a_phone(site, look):
    page = look(f'{site}/pixels.html', width=375)
    page.click('.phone-contents summary')
    page.click('.phone-contents a >> nth=-1')
    page.wait_for_function('scrollY > 1000')


def test_contents_follow_a_long_page(site, look):
    page = look(f'{site}/glossary.html', width=1400)
    page.set_viewport_size(dict(width=1400, height=400))
    page.evaluate('scrollTo(0, 0.8*document.body.scrollHeight)')
    page.wait_for_function("""() => { const box = document.querySelector('#quarto-margin-sidebar').getBoundingClientRect()
        const place = document.querySelector('#TOC a.active').getBoundingClientRect()
        return document.querySelector('#quarto-margin-sidebar').scrollTop > 0 && place.bottom <= box.bottom && place.top >= box.top }""")


def test_a_link_finds_a_definition_even_in_a_fold(site, look, folder):
    "From another page and from the same, and below the bar at the top."
    page = look(f'{site}/behind/pages.html#book_style')
    page.wait_for_function('scrollY > 1000')
    page.evaluate('scrollTo({ top: 0, behavior: "instant" })')
    page.wait_for_function('scrollY < 100')
    page.evaluate('location.hash = "set_up"')
    page.wait_for_function('scrollY > 1000')
    folded = r'<details class="code-fold(?:(?!</details>).)*?<span id="([a-z_]+)"'
    found = {name: re.search(folded, (folder/name).read_text(encoding='utf-8'), re.S) for name in PAGES.values()}
    name, definition = next((name, found[1]) for name, found in found.items() if found)
    page.goto(f'{site}/{name}#{definition}')
    page.locator(f'#{definition}').wait_for(state='visible')


# What a chapter offers

def test_every_chapter_opens_in_colab_and_can_be_downloaded(site, look):
    page = look(site)
    for name in CHAPTERS:
        page.goto(f'{site}/{PAGES[name]}')
        links = page.eval_on_selector_all('.chapter-links a', 'links => links.map(link => link.href)')
        path = f'{CONFIG.branch}/nbs/{name}'
        assert links == [f'https://colab.research.google.com/github/{CONFIG.user}/{CONFIG.repo}/blob/{path}',
                         f'https://raw.githubusercontent.com/{CONFIG.user}/{CONFIG.repo}/{path}']


def test_download_saves_the_notebook(site, look):
    page = look(f'{site}/pixels.html')
    page.route('https://raw.githubusercontent.com/**', lambda route: route.fulfill(path=ROOT/'nbs'/route.request.url.split('/nbs/')[1]))
    with page.expect_download() as download: page.click('text=Download the notebook')
    assert download.value.suggested_filename == '01_pixels.ipynb'
    assert Path(download.value.path()).read_bytes() == (ROOT/'nbs/01_pixels.ipynb').read_bytes()


def test_code_is_copied(site, look):
    page = look(f'{site}/pixels.html')
    page.context.grant_permissions(['clipboard-read', 'clipboard-write'])
    code = page.locator('.code-copy-outer-scaffold >> visible=true').first
    code.hover()
    code.locator('.code-copy-button').click()
    page.wait_for_selector('.code-copy-button-checked')
    assert page.evaluate('navigator.clipboard.readText()').strip() == code.locator('code').inner_text().strip()


@pytest.mark.parametrize('theme', THEMES)
def test_figure_enlarges_with_its_caption(site, look, theme):
    page = look(f'{site}/{PAGES[CHAPTERS[1]]}', theme, width=375)
    figure = page.locator('figure:has(figcaption)').first
    for close in (lambda: page.click('dialog >> text=Close'), lambda: page.keyboard.press('Escape')):
        figure.locator('.enlarge').click()
        assert page.is_visible('dialog.enlarged img')
        assert page.inner_text('dialog.enlarged p') == figure.locator('figcaption').inner_text()
        assert not violations(page)
        close()
        assert page.is_hidden('dialog.enlarged img')


@pytest.mark.parametrize('by', ['mouse', 'touch', 'keyboard'])
def test_a_word_of_the_glossary_explains_itself(site, look, by):
    page = look(f'{site}/baseline.html', width=375, touch=by == 'touch')
    word = page.locator('.glossary-word:has-text("baseline")').first
    word.wait_for()
    if by == 'touch': word.tap()
    elif by == 'mouse': word.click()
    else: (word.focus(), page.keyboard.press('Enter'))
    page.wait_for_selector('.meaning >> text=simple model')
    box = page.locator('.meaning').bounding_box()
    assert 0 <= box['x'] and box['x'] + box['width'] <= 375
    assert not violations(page)
    page.keyboard.press('Tab' if by == 'keyboard' else 'Escape')
    if by != 'keyboard': assert page.is_hidden('.meaning')
    else: assert page.evaluate('document.activeElement.href').startswith(f'{site}/glossary.html#')


@pytest.mark.parametrize('name', [PAGES[name] for name in CHAPTERS])
def test_an_exercise_says_where_to_run_it(site, look, folder, name):
    "No verdict on an answer that a reader of the page can't have given."
    source = next(source for source, page in PAGES.items() if page == name)
    verdicts = [cell for cell in nbformat.read(ROOT/'nbs'/source, as_version=4).cells if cell.cell_type == 'code'
                for output in cell.outputs if '<b>Not yet.</b>' in output.get('data', {}).get('text/html', '')]
    page = (folder/name).read_text(encoding='utf-8')
    invitations = re.findall(r'<p class="to-run">.*?<code>(check_\w+)</code>', page)
    assert len(invitations) == len(verdicts) and '<b>Not yet.</b>' not in page
    assert all(check in cell.source for check, cell in zip(invitations, verdicts))


@pytest.mark.parametrize('width', [1400, 375])
def test_pixels_are_square(site, look, width):
    page = look(f'{site}/pixels.html', width=width)
    box = page.locator('.pixel-table td').nth(1).bounding_box()
    assert abs(box['width'] - box['height']) < 1


def test_folds_are_behind_pictures_and_below_code(site, look):
    page = look(f'{site}/baseline.html')
    for cell in page.locator('.cell:has(> details.code-fold):has(> .cell-output-display img)').all():
        assert cell.locator('summary').bounding_box()['y'] > cell.locator('img').last.bounding_box()['y']
    check = page.locator('.cell:has(> .checked)').first.bounding_box()
    assert check['height'] < 40
    solution, checked = (page.locator(f'.code-fold.{kind} > summary').first.evaluate('s => getComputedStyle(s).borderTopWidth')
                         for kind in ('solution', 'checked'))
    assert solution != checked == '0px'


def test_formulas_need_no_mathematical_font(site, look):
    page = look(f'{site}/sgd.html')
    body, formula = (page.eval_on_selector(tag, 'e => getComputedStyle(e).fontFamily') for tag in ('body', 'main math'))
    assert body == formula


# The tools

@pytest.fixture(scope='session')
def like_quarto(tmp_path_factory) -> Path:
    "A small site as Quarto leaves it, finished."
    site = tmp_path_factory.mktemp('quarto')
    page = (ROOT/'tests/quarto_page.html').read_text(encoding='utf-8')
    page = page.replace('ADDRESS/', CONFIG.doc_host + base()).replace('REPOSITORY', CONFIG.git_url)
    for folder in ('site', 'site_libs/bootstrap', 'pixels_files/figure-html'): (site/folder).mkdir(parents=True)
    for name in ('index', 'pixels', 'glossary'): (site/f'{name}.html').write_text(page, encoding='utf-8')
    (site/'site/reference.html').write_text('<h1 class="title">Reference</h1>', encoding='utf-8')
    below = page.replace('"./', '"../').replace('"site/', '"../site/').replace('"pixels_', '"../pixels_').replace('"site_libs', '"../site_libs')
    (site/'site/404.html').write_text(below.replace('pixels.html.md', '404.html.md'), encoding='utf-8')
    (site/'site/404.html.md').write_text('gone', encoding='utf-8')
    (site/'pixels.html.md').write_text('[a](02_baseline.ipynb#x), [b](index.ipynb), [c](https://example.org/x.ipynb)', encoding='utf-8')
    (site/'baseline.html.md').write_text('[a](site/reference.qmd)', encoding='utf-8')
    (site/'search.json').write_text(json.dumps([dict(href=href) for href in ('pixels.html#x', 'exercises/pixels.html', 'site/404.html')]))
    (site/'sitemap.xml').write_text('<urlset><url><loc>https://x/index.html</loc></url>\n<url><loc>https://x/site/404.html</loc></url></urlset>')
    Image.new('RGB', (1300, 600), 'white').save(site/'pixels_files/figure-html/cell-2-output-1.png', dpi=(200, 200))
    for theme, name in {'cosmo': 'bootstrap.min.css', 'darkly': 'dark.css'}.items():
        css = (Path(smalldocs.__file__).parent/f'assets/vendor/bootswatch/{theme}.min.css').read_text(encoding='utf-8')
        (site/'site_libs/bootstrap'/name).write_text(re.sub(r'@import url\([^)]*\);', '', css), encoding='utf-8')
    for name in ('styles.css', 'book.js'): shutil.copy(ROOT/'nbs/site'/name, site/'site')
    finish(site)
    return site


def test_finishing_what_quarto_made(like_quarto):
    page = (like_quarto/'pixels.html').read_text(encoding='utf-8')
    assert 'cdnjs' not in page and 'jquery' not in page
    assert 'width="650" height="300"' in page and 'href="./pixels.html#show_images"' in page
    assert all(f'<span id="{name}">' in page for name in ('show_images', 'sheet', 'sheet.draw'))
    assert '<p class="to-run">' in page and '<code>check_shapes</code>' in page and '<b>Not yet.</b>' not in page
    assert not faults(like_quarto)
    assert (like_quarto/'pixels.html.md').read_text() == '[a](baseline.html.md#x), [b](index.html), [c](https://example.org/x.ipynb)'
    assert (like_quarto/'baseline.html.md').read_text() == '[a](site/reference.html)'
    assert '404' not in (like_quarto/'sitemap.xml').read_text() and '/site/reference.html' in (like_quarto/'llms.txt').read_text()
    assert [entry['href'] for entry in json.loads((like_quarto/'search.json').read_text())] == ['pixels.html#x']
    lost = (like_quarto/'404.html').read_text(encoding='utf-8')
    assert f'"{base()}site/styles.css"' in lost and 'Other Formats' not in lost and not (like_quarto/'site/404.html').exists()
    finish(like_quarto)
    assert (like_quarto/'pixels.html').read_text(encoding='utf-8') == page, 'the second time it changes something'


@pytest.mark.parametrize('theme', THEMES)
@pytest.mark.parametrize('width', [1280, 375])
def test_a_page_like_quartos_looks_the_same(serve, like_quarto, look, width, theme):
    page = look('about:blank', width=width)
    if theme == 'dark':
        page.route('**/bootstrap.min.css', lambda route: route.fulfill(path=like_quarto/'site_libs/bootstrap/dark.css'))
        page.add_init_script('addEventListener("DOMContentLoaded", () => document.body.classList.add("quarto-dark"))')
    page.goto(f'{serve(like_quarto)}/pixels.html')
    assert page.evaluate('document.documentElement.scrollWidth') <= width
    assert not violations(page)
    bar, ground = (page.eval_on_selector(part, 'e => getComputedStyle(e).backgroundColor') for part in ('#quarto-header', 'body'))
    assert bar == ground
    sizes = page.eval_on_selector_all('main pre, main pre code', 'all => all.map(e => getComputedStyle(e).fontSize)')
    assert len(set(sizes)) == 1
    assert page.eval_on_selector('#a4 pre', 'pre => pre.scrollWidth <= pre.clientWidth') or width == 375
    assert page.locator('#a2 summary').bounding_box()['y'] > page.locator('#a2 img').bounding_box()['y']
    text = page.locator('main').bounding_box()
    assert page.locator('#a2 img').bounding_box()['width'] == (650 if width == 1280 else page.locator('#a2').bounding_box()['width'])
    pixel = page.locator('.pixel-table td').first.bounding_box()
    assert abs(pixel['width'] - pixel['height']) < 1
    assert not page.query_selector('.phone-contents .collapse')
    assert page.eval_on_selector('.dataframe td:last-child', 'td => getComputedStyle(td).textAlign') == 'right'
    if width == 1280: assert text['x'] > page.locator('#quarto-sidebar').bounding_box()['x'] + 150
    else: assert page.is_visible('.quarto-btn-toggle >> text=Chapters') and page.is_hidden('.quarto-page-breadcrumbs')


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
def test_finding_faults(tmp_path, body, fault):
    (tmp_path/'index.html').write_text('<p id="here"></p><a href="#here">x</a><a href="https://example.org/x">x</a>')
    assert not faults(tmp_path)
    (tmp_path/'index.html').write_text(body)
    found = faults(tmp_path)
    assert len(found) == 1 and fault in found[0]


def test_finishing_something_else(tmp_path):
    run = subprocess.run([sys.executable, ROOT/'tools/finish_site.py', tmp_path], capture_output=True, text=True)
    assert run.returncode == 1 and 'no index.html' in run.stderr and 'Traceback' not in run.stderr


def test_the_publishing_workflow_is_pinned():
    workflow = (ROOT/'.github/workflows/site.yml').read_text(encoding='utf-8')
    uses = re.findall(r'uses: (\S+)( +# v\S+)?', workflow)
    assert uses and all(re.search('@[0-9a-f]{40}$', action) and version for action, version in uses), uses
