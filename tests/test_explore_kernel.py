"""A kernel, in chapter 7: slid by mouse, finger and keys over a digit, its nine numbers set, and held against `convolve`."""
import json

import pytest, torch

from browsing import drag, listen, middle, touch
from mnist_nb.convolution import convolve
from mnist_nb.explore import KERNELS, Kernel

EVERYWHERE = pytest.mark.parametrize('page_name', ['convolution.html', 'explore/index.html'])


def numbers(thing, caption: str) -> list[float]:
    "The nine numbers in one of the squares."
    shown = thing.locator(f'figure:has(figcaption:text-is("{caption}")) .ex-nine > *')
    return [float(text.replace('−', '-')) for text in shown.evaluate_all('all => all.map(cell => cell.value ?? cell.textContent)')]


def total(thing) -> float: return float(thing.locator('.ex-total').inner_text().replace('−', '-'))


def test_as_python(site, look):
    "The whole result is that of the chapter, for its own kernels, the presets, the learned ones and any other."
    page = look(f'{site}/explore/index.html')
    others = torch.randn(5, 9, generator=torch.Generator().manual_seed(0))
    images, kernels, results = page.evaluate('''async others => {
        const [{ gallery }, { convolve, learned }] = await Promise.all([import('./digits.js'), import('./kernel.js')])
        const images = [gallery[0], gallery[4]].map(({ pixels }) => [...pixels]), kernels = [...learned, ...others]
        return [images, kernels, images.map(image => kernels.map(kernel => convolve(image, kernel)))]
    }''', [*map(list, KERNELS.values()), *others.tolist()])
    assert len(kernels) == 12 + len(KERNELS) + 5
    for image, found in zip(torch.tensor(images).view(-1, 28, 28), torch.tensor(results)):
        for kernel, result in zip(torch.tensor(kernels).view(-1, 3, 3), found):
            assert (convolve(image, kernel) - result.view(26, 26)).abs().max() < 1e-5


@EVERYWHERE
def test_nine_numbers(site, look, page_name):
    page = look('about:blank')
    wrong = listen(page)
    page.goto(f'{site}/{page_name}')
    kernel = touch(page, 'kernel')
    assert numbers(kernel, 'the kernel') == list(KERNELS['upper edges']) and total(kernel) > 2
    for name, nine in KERNELS.items():
        kernel.get_by_role('radio', name=name).check()
        shown = numbers(kernel, 'the kernel')
        assert shown == [round(number, 2) for number in nine]
        pixels, products = numbers(kernel, 'nine pixels'), numbers(kernel, 'nine products')
        assert all(abs(p*n - product) < 0.006*(1 + abs(n)) for p, n, product in zip(pixels, nine, products))
        assert abs(sum(products) - total(kernel)) < 0.06
        assert f'add up to {kernel.locator(".ex-total").inner_text()}' in kernel.locator('.ex-sentence').inner_text()
    field = kernel.get_by_label('kernel, row 1, column 1')
    field.fill('3')  # the copy, three times as dark
    assert abs(total(kernel) - 3*numbers(kernel, 'nine pixels')[4]) < 0.02
    assert not kernel.get_by_role('radio', name='copy').is_checked()
    field.press('ArrowDown')
    assert numbers(kernel, 'the kernel')[4] == 2.9
    field.fill('')
    assert abs(total(kernel) - 2.9*numbers(kernel, 'nine pixels')[4]) < 0.02
    kernel.get_by_role('radio', name='learned kernel 5').check()
    assert max(map(abs, numbers(kernel, 'the kernel'))) < 1.5
    kernel.get_by_role('radio', name='a 7').first.check()
    kernel.get_by_text('Slide over all places').click()
    page.wait_for_function("document.querySelector('[data-thing=kernel] [role=status]').textContent.includes('add up to')")
    assert not wrong


@EVERYWHERE
@pytest.mark.parametrize('by', ['mouse', 'touch', 'keyboard'])
def test_slides(site, look, page_name, by):
    page = look(f'{site}/{page_name}', width=375, touch=by == 'touch')
    kernel = touch(page, 'kernel')
    place = kernel.get_by_role('slider', name='place of the kernel')
    middle(place)
    box = place.bounding_box()
    at = lambda row, column: (box['x'] + (column + 1.5)*box['width']/28, box['y'] + (row + 1.5)*box['height']/28)
    if by == 'keyboard':
        place.focus()
        for key in ['ArrowDown']*3 + ['Home'] + ['ArrowRight']*9: page.keyboard.press(key)
    else: drag(page, [at(4, 12), at(7, 9)], by)
    if by == 'mouse': page.mouse.move(*at(20, 20))  # not pressed, so it stays
    assert place.get_attribute('aria-valuetext') == 'row 7, column 9'
    page.wait_for_function("document.querySelector('[data-thing=kernel] [role=status]').textContent.startsWith('Row 7, column 9')")
    result = kernel.locator('.ex-marked').nth(1).bounding_box()  # a tap on the result goes to the place it comes from
    page.mouse.click(result['x'] + 25.5*result['width']/26, result['y'] + 0.5*result['height']/26)
    assert place.get_attribute('aria-valuetext') == 'row 0, column 25'


def test_the_same_values_in_python():
    "What Python sets is what a page begins with."
    kernel = Kernel('right edges', row=3)
    kernel.kernel = torch.ones(3, 3)
    assert json.loads(json.dumps(kernel.values())) == dict(
        nine=[1]*9, row=3, column=12, digit=0, presets={name: list(nine) for name, nine in KERNELS.items()})
