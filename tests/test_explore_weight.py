"""Turn one weight, in chapter 4: a pixel chosen and its weight turned, by mouse, finger and keys, and the numbers as in Python."""
import pytest, torch

from browsing import drag, listen, middle, touch
from make_models import sample
from mnist_nb.linear import init_params, linear1, mnist_loss

EVERYWHERE = pytest.mark.parametrize('page_name', ['linear.html', 'explore/index.html'])
PIXELS = [(13, 13), (9, 12), (22, 8), (4, 20), (0, 0)]
CHANGES = [-2, -0.71, 0, 0.6, 2]


@pytest.fixture(scope='module')
def chapter():
    "What the chapter says on the carried sample: for a seed, a pixel and a change, how many are right, the loss, and its slope."
    images, labels = sample()['train']
    x, y = images.flatten(1), (labels == 3).long().unsqueeze(1)
    def say(seed: int, row: int, column: int, change: float) -> tuple[int, float, float]:
        torch.manual_seed(seed)
        weights, bias = init_params((28*28, 1)), init_params(1)
        with torch.no_grad(): weights[28*row + column] += change
        preds = linear1(x, weights, bias)
        loss = mnist_loss(preds, y)
        loss.backward()
        return ((preds > 0) == y).sum().item(), loss.item(), weights.grad[28*row + column].item()
    return say


@pytest.mark.parametrize('seed', [42, 0])
def test_as_in_python(site, look, chapter, seed):
    page = look(f'{site}/explore/index.html')
    found = page.evaluate('''async ([seed, pixels, changes]) => {
        const { scores, right, loss, slope, treads } = await import('./weight.js')
        const before = scores(seed)
        return pixels.map(([row, column]) => changes.map(change => {
            const p = 28*row + column, tread = treads(before, p).findLast(({ from }) => from <= change)
            return [right(before, p, change), tread.right, loss(before, p, change), slope(before, p, change)]
        }))
    }''', [seed, PIXELS, CHANGES])
    for pixel, row in zip(PIXELS, found):
        for change, (right, tread, loss, slope) in zip(CHANGES, row):
            expected = chapter(seed, *pixel, change)
            assert right == tread == expected[0], (pixel, change)
            assert (loss, slope) == pytest.approx(expected[1:], abs=1e-6), (pixel, change)


def test_mean_digit_and_blank_border(site, look):
    page = look(f'{site}/explore/index.html')
    mean3, steps = page.evaluate('''async () => {
        const { mean3, scores, treads } = await import('./weight.js'), before = scores(42)
        return [[...mean3], [...mean3.keys()].map(p => treads(before, p).length - 1)]
    }''')
    images, labels = sample()['train']
    assert torch.allclose(torch.tensor(mean3), images[labels == 3].mean(0).flatten(), atol=1e-6)
    blank = (images == 0).all(0).flatten()
    assert blank.sum() > 144 and not torch.tensor(steps)[blank].any() and 40 < steps[13*28 + 13] < 60


def dots(thing) -> list[list[float]]:
    "Where the dots are on the two curves, from the left and the top of each: inside."
    found = thing.locator('.ex-dot').evaluate_all("""dots => dots.map(dot => {
        const plot = dot.ownerSVGElement.getBoundingClientRect(), { x, y } = dot.getBoundingClientRect()
        return [x - plot.x, y - plot.y, plot.height]
    })""")
    assert all(0 < y < height for _, y, height in found)
    return [place[:2] for place in found]


@EVERYWHERE
def test_a_weight_is_turned(site, look, chapter, page_name):
    page = look('about:blank')
    wrong = listen(page)
    page.goto(f'{site}/{page_name}')
    weight = touch(page, 'weight')
    said, change = weight.locator('.ex-sentence'), weight.get_by_label('change', exact=True)
    for value in (-1, 0, 1.5):
        change.fill(str(value))
        right, loss, slope = chapter(42, 13, 13, value)
        assert f'{right} of 1,000 right' in said.inner_text()
        assert f'The slope of accuracy is 0, that of the loss −{-slope:.5f}: more of this weight.' in said.inner_text()
        assert len(dots(weight)) == 2
    (x0, y0), (_, loss0) = dots(weight)
    change.focus()
    for _ in range(5): page.keyboard.press('ArrowRight')  # on the same tread
    assert change.input_value() == '1.55'
    (x1, y1), (_, loss1) = dots(weight)
    assert x1 > x0 and y1 == y0 and loss1 > loss0  # downwards
    assert not wrong


@EVERYWHERE
@pytest.mark.parametrize('by', ['mouse', 'touch', 'keyboard'])
def test_a_pixel_is_chosen(site, look, page_name, by):
    page = look(f'{site}/{page_name}', width=375, touch=by == 'touch')
    weight = touch(page, 'weight')
    field, said = weight.get_by_role('application'), weight.locator('.ex-sentence')
    middle(field)
    box = field.bounding_box()
    ways = [(box['x'] + box['width']*(column + 0.5)/28, box['y'] + box['height']*(row + 0.5)/28) for row, column in ((13, 13), (13, 18))]
    if by == 'keyboard':
        field.focus()
        for _ in range(5): page.keyboard.press('ArrowRight')
    else: drag(page, ways, by)
    assert said.inner_text().startswith('Row 13, column 18')
    assert field.get_attribute('aria-label').endswith('row 13, column 18')
    field.focus()
    for key in ('PageUp', 'Home', 'ArrowUp', 'ArrowLeft'): page.keyboard.press(key)  # the corner, and no further
    before = dots(weight)
    weight.get_by_label('change', exact=True).fill('-2')
    assert said.inner_text().startswith('Row 0, column 0 is blank in all 1,000 images: whatever its weight, 547 are right')
    assert [y for _, y in dots(weight)] == pytest.approx([y for _, y in before])  # both are flat
    page.wait_for_function("document.querySelector('[data-thing=weight] [role=status]').textContent.includes('blank')")


def test_dragging_on_a_curve_turns_the_weight(site, look):
    page = look(f'{site}/explore/index.html')
    weight = touch(page, 'weight')
    weight.locator('.ex-plot').last.scroll_into_view_if_needed()
    box = weight.locator('.ex-dot').last.bounding_box()
    x, y = box['x'], box['y']
    drag(page, [(x + 5, y + 5), (x - 80, y)], 'mouse')
    assert -1 < float(weight.get_by_label('change', exact=True).input_value()) < 0.2
