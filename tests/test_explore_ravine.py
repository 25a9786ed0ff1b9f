"""The roller coaster and its ravine, in chapter 3: by hand, on the map, and with the input scaled."""
import pytest, torch

from browsing import THEMES, drag, listen, middle, touch, violations
from mnist_nb.sgd import apply_step, f, mse, roller_coaster

EVERYWHERE = pytest.mark.parametrize('page_name', ['sgd.html', 'explore/index.html'])
TIME, SPEED = roller_coaster()
SCALED = (TIME - TIME.mean())/TIME.std()


def show_map(page):
    "The thing, with its map."
    ravine = touch(page, 'ravine')
    ravine.get_by_label('on a map').check()
    return ravine


def move(slider, value):
    "Set a slider, in its own units."
    slider.evaluate('(it, value) => { it.value = value; it.dispatchEvent(new Event("input")) }', value)


def test_the_numbers_are_pythons(site, look):
    "Loss, descent and change of units, as chapter 3 calculates them."
    page = look(f'{site}/explore/index.html')
    descend = '''([start, steps, rate, scaled, address]) => import(address).then(r => {
        const end = r.after(start, steps, rate, scaled)
        return [end, r.loss(start, scaled), r.loss(end, scaled), r.land(scaled).best]
    })'''
    for scaled, time, rate, starts in ((False, TIME, 1e-5, ([0.39, -0.22, -0.32], [0.5, -10., 60.])), (True, SCALED, 0.1, ([17.5, -3., 10.], [60., 60., -35.]))):
        for start in starts:
            for steps in (1, 4, 100):
                params = torch.tensor(start).double().requires_grad_()
                before = mse(f(time.double(), params), SPEED.double()).item()
                for _ in range(steps): apply_step(params, False, time.double(), SPEED.double(), lr=rate)
                end, first, last, best = page.evaluate(descend, [start, steps, rate, scaled, f'{site}/explore/ravine.js'])
                assert end == pytest.approx(params.tolist(), rel=1e-5, abs=1e-5)
                assert first == pytest.approx(before, rel=1e-6)
                assert last == pytest.approx(mse(f(time.double(), params), SPEED.double()).item(), rel=1e-6)
                assert best == pytest.approx(6.2468, abs=1e-4)
    there_and_back = page.evaluate(f"import('{site}/explore/ravine.js').then(r => [r.toScaled([0.5, -10, 60]), r.toSeconds(r.toScaled([0.5, -10, 60]))])")
    assert there_and_back[1] == pytest.approx([0.5, -10, 60])
    assert torch.allclose(f(SCALED, there_and_back[0]), f(TIME, [0.5, -10, 60]), atol=1e-4)


@EVERYWHERE
def test_by_hand(site, look, page_name):
    page = look('about:blank')
    wrong = listen(page)
    page.goto(f'{site}/{page_name}')
    ravine = touch(page, 'ravine')
    said = ravine.locator('.ex-sentence').first
    assert said.inner_text() == 'Yours 67.4, best 6.25.'
    for name, value in dict(a=0.74, b=-13.75, c=66).items(): ravine.get_by_label(name, exact=True).locator('visible=true').fill(str(value))
    yours = mse(f(TIME, [0.74, -13.75, 66]), SPEED).item()
    assert yours < 10 and said.inner_text() == f'Yours {yours:.2f}, best 6.25.'
    ravine.get_by_label('c', exact=True).locator('visible=true').focus()
    page.keyboard.press('ArrowRight')
    assert said.inner_text() == f'Yours {mse(f(TIME, [0.74, -13.75, 67]), SPEED).item():.1f}, best 6.25.'
    page.wait_for_function("document.querySelector('[data-thing=ravine] [role=status]').textContent.includes('best 6.25')")
    assert not wrong


@EVERYWHERE
def test_the_ravine_becomes_a_bowl(site, look, page_name):
    page = look('about:blank')
    wrong = listen(page)
    page.goto(f'{site}/{page_name}')
    ravine = show_map(page)
    yours, way = ravine.locator('.ex-sentence').first, ravine.locator('.ex-sentence').last
    for name, value in dict(a=0.39, b=-0.25, c=0).items(): ravine.get_by_label(name, exact=True).locator('visible=true').fill(str(value))
    rate, steps = ravine.get_by_label('rate'), ravine.get_by_label('steps')
    before = yours.inner_text()
    params = torch.tensor([0.39, -0.25, 0]).requires_grad_()
    for _ in range(100): apply_step(params, False)
    assert f'is stuck. After 100 steps, its loss is {mse(f(TIME, params), SPEED).item():.1f}.' in way.inner_text()
    for place, what in {-4.5: 'bounces from wall to wall, and is stuck', -4.4: 'diverges'}.items():
        move(rate, place)
        assert what in way.inner_text()
    move(rate, -5)
    move(steps, 6.3)
    assert 'arrives. After 2,000,000 steps, its loss is 6.27' in way.inner_text()
    move(steps, 2)
    ravine.get_by_label('scale the input').check()
    assert yours.inner_text() == before  # the curve stays
    assert 'crawls' in way.inner_text()
    for place, what in {-1: 'gradient descent arrives. After 100 steps, its loss is 6.25', -0.4: 'and arrives', -0.3: 'diverges'}.items():
        move(rate, place)
        assert what in way.inner_text()
    ravine.get_by_label('scale the input').uncheck()
    assert yours.inner_text() == before
    assert not wrong


@EVERYWHERE
@pytest.mark.parametrize('by', ['mouse', 'touch'])
def test_the_dot_is_dragged(site, look, page_name, by):
    page = look(f'{site}/{page_name}', width=375, touch=by == 'touch')
    ravine = show_map(page)
    dot = ravine.locator('.ex-handle')
    x, y = middle(dot)
    box = dot.bounding_box()
    before = ravine.locator('.ex-sentence').first.inner_text()
    drag(page, [(x, y), (x + 40, y - 10)], by)
    after = dot.bounding_box()
    assert after['x'] - box['x'] == pytest.approx(40, abs=3) and after['y'] - box['y'] == pytest.approx(-10, abs=3)
    assert ravine.locator('.ex-sentence').first.inner_text() != before


@pytest.mark.parametrize('theme', THEMES)
def test_accessible(site, look, theme):
    page = look(f'{site}/explore/index.html', theme, width=375)
    touch(page, 'ravine')
    assert not violations(page)
    show_map(page)
    assert not violations(page)
    assert page.evaluate('document.documentElement.scrollWidth') <= 375
