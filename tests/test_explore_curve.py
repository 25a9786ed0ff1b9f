"""Down the curve, in chapter 3: dragged, tapped, and moved by keys."""
import pytest

from browsing import drag, listen, middle, touch

EVERYWHERE = pytest.mark.parametrize('page_name', ['sgd.html', 'explore/index.html'])


@EVERYWHERE
def test_the_rate_decides_what_happens(site, look, page_name):
    page = look('about:blank')
    wrong = listen(page)
    page.goto(f'{site}/{page_name}')
    curve = touch(page, 'curve')
    said = curve.locator('.ex-sentence')
    rate = curve.get_by_label('learning rate')
    for value, what in {0: 'stays where it is', 0.01: 'crawls', 0.05: 'crawls', 0.2: 'slides', 0.5: 'arrives with the first step', 0.95: 'bounces', 1: 'for ever', 1.05: 'diverges'}.items():
        rate.fill(str(value))
        assert what in said.inner_text(), value
    rate.focus()
    page.keyboard.press('Home')
    page.keyboard.press('ArrowRight')
    assert 'At a rate of 0.01' in said.inner_text()
    assert not wrong


@EVERYWHERE
@pytest.mark.parametrize('by', ['mouse', 'touch', 'keyboard'])
def test_the_start_is_dragged(site, look, page_name, by):
    page = look(f'{site}/{page_name}', width=375, touch=by == 'touch')
    curve = touch(page, 'curve')
    start = curve.get_by_role('slider', name='start').first
    x, y = middle(start)
    if by == 'keyboard':
        start.focus()
        for _ in range(10): page.keyboard.press('ArrowRight')
    else: drag(page, [(x, y), (x + 50, y)], by)
    assert float(start.get_attribute('aria-valuenow')) > -1.2
    page.wait_for_function("document.querySelector('[data-thing=curve] [role=status]').textContent.includes('steps')")


def test_the_axes_stand_still_while_dragging(site, look):
    "Where it diverges, they depend on the start; the dot must not run away from the mouse."
    page = look(f'{site}/explore/index.html')
    curve = touch(page, 'curve')
    curve.get_by_label('learning rate').fill('1.05')
    start = curve.get_by_role('slider', name='start').first
    box = start.bounding_box()
    x, y = box['x'] + box['width']/2, box['y'] + box['height']/2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 15, y, steps=10)
    assert abs(start.bounding_box()['x'] - box['x'] + 15) < 4
    page.mouse.up()
    assert -3 < float(start.get_attribute('aria-valuenow')) < -1.5
