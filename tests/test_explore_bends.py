"""Bends, in chapter 6: a few ReLUs, moved by mouse, finger and keys, or by gradient descent, and their distance to a curve."""
from itertools import combinations

import numpy as np, pytest, torch
from scipy.optimize import minimize

from browsing import drag, listen, middle, touch
from mnist_nb.explore import Bends
from mnist_nb.relu_net import simple_net

EVERYWHERE = pytest.mark.parametrize('page_name', ['relu_net.html', 'explore/index.html'])
XS = torch.linspace(-2, 2, 81, dtype=torch.double)
CURVE = torch.sin(3*XS) + XS/2
BEST = {3: 0.1469, 4: 0.0542, 5: 0.0061}  # as in bends.js


def loss(bends, slopes) -> torch.Tensor:
    "The mean squared error of a sum of ReLUs."
    return ((CURVE[0] + (XS[:, None] - bends).relu()@slopes - CURVE)**2).mean()


def said(thing) -> float: return float(thing.locator('.ex-sentence').inner_text().split('loss is ')[1].split('. ')[0])


def test_as_python(site, look):
    "Sum, loss and gradient descent are PyTorch's."
    page = look(f'{site}/explore/index.html')
    for n in (3, 4, 5):
        start, sums, lost, after, best = page.evaluate('''async ([n, xs]) => {
            const { BEST, connect, loss, step, total } = await import('./bends.js')
            let at = connect(n)
            const { bends, slopes } = at
            for (let i = 0; i < 50; i++) at = step(at.bends, at.slopes)
            return [connect(n), xs.map(x => total(x, bends, slopes)), loss(bends, slopes), at, BEST[n]]
        }''', [n, XS.tolist()])
        ours = Bends(n)
        assert np.allclose(start['bends'], ours.bends) and np.allclose(start['slopes'], ours.slopes)
        assert torch.allclose(simple_net(XS.float()[:, None], *ours.parameters)[:, 0], torch.tensor(sums), atol=1e-5)
        bends, slopes = (torch.tensor(start[name], dtype=torch.double, requires_grad=True) for name in ('bends', 'slopes'))
        assert abs(loss(bends, slopes).item() - lost) < 1e-9 and best == BEST[n]
        for _ in range(50):
            loss(bends, slopes).backward()
            with torch.no_grad():
                for p, most in ((bends, 2), (slopes, 6)):
                    p -= 0.02*p.grad
                    p.clamp_(-most, most)
                    p.grad = None
        assert np.allclose(after['bends'], bends.detach(), atol=1e-6) and np.allclose(after['slopes'], slopes.detach(), atol=1e-6)


@pytest.mark.parametrize('n', BEST)
def test_none_is_better(n):
    "The best that is claimed: of all bends on a grid, each with the slopes that fit best, the most promising are refined."
    xs, goal, grid = XS.numpy(), (CURVE - CURVE[0]).numpy(), np.linspace(-2, 1.8, 20)
    bent = np.maximum(0, xs[:, None] - grid)
    chosen = np.array(list(combinations(range(len(grid)), n)))
    squares, products = (bent.T@bent)[chosen[:, :, None], chosen[:, None]], (bent.T@goal)[chosen]
    slopes = np.linalg.solve(squares + 1e-9*np.eye(n), products[..., None])[..., 0]
    losses = goal@goal - (slopes*products).sum(1)
    def least(bends):
        units = np.maximum(0, xs[:, None] - np.clip(bends, -2, 2))
        return ((units@np.linalg.lstsq(units, goal, rcond=None)[0] - goal)**2).mean()
    found = min(minimize(least, grid[chosen[i]], method='Nelder-Mead', options=dict(xatol=1e-5, fatol=1e-9)).fun for i in losses.argsort()[:60:10])
    assert abs(found - BEST[n]) < 6e-5


@EVERYWHERE
@pytest.mark.parametrize('by', ['mouse', 'touch', 'keyboard'])
def test_moved_by_hand(site, look, page_name, by):
    page = look('about:blank', width=375, touch=by == 'touch')
    wrong = listen(page)
    page.goto(f'{site}/{page_name}')
    thing = touch(page, 'bends')
    before = said(thing)
    for name, (right, down), key, low, high in (('bend of ReLU 2', (-35, 0), 'ArrowLeft', -1.7, -1.3), ('slope of ReLU 1', (0, -20), 'ArrowUp', 1, 4)):
        spot = thing.get_by_role('slider', name=name)
        x, y = middle(spot)
        if by == 'keyboard':
            spot.focus()
            for _ in range(10): page.keyboard.press(key)
        else: drag(page, [(x, y), (x + right, y + down)], by)
        assert low <= float(spot.get_attribute('aria-valuenow')) <= high
    assert said(thing) != before and 'The best for 4 ReLUs is 0.054' in thing.locator('.ex-sentence').inner_text()
    page.wait_for_function(f"document.querySelector('[data-thing=bends] [role=status]').textContent.includes('{said(thing)}')")
    thing.get_by_text('Start again').click()
    assert said(thing) == before
    assert not wrong


@EVERYWHERE
def test_gradient_descent(site, look, page_name):
    page = look(f'{site}/{page_name}')
    thing = touch(page, 'bends')
    reached = {}
    for n in (3, 4, 5):
        thing.get_by_role('radio', name=str(n)).check()
        assert thing.get_by_role('slider').count() == 2*n
        thing.get_by_text('Let gradient descent do it').click()  # motion is reduced, so at once
        assert 'After 20,000 steps' in thing.locator('.ex-sentence').inner_text()
        reached[n] = said(thing)
    assert reached[3] > 0.16 and reached[4] > 3*BEST[4] and BEST[5] < reached[5] < 0.008  # with 4 it is stuck


def test_gradient_descent_can_be_stopped(site, look):
    page = look(f'{site}/explore/index.html', motion='no-preference')
    thing = touch(page, 'bends')
    thing.get_by_text('Let gradient descent do it').click()
    page.wait_for_function("/After \\d/.test(document.querySelector('[data-thing=bends] .ex-sentence').textContent)")
    thing.get_by_text('Stop').click()
    sentence = thing.locator('.ex-sentence').inner_text()
    page.wait_for_timeout(200)
    assert thing.locator('.ex-sentence').inner_text() == sentence and thing.get_by_text('Let gradient descent do it').is_visible()
