"""Watch it learn, in chapters 4 and 6: what the page trains agrees with Python, and mouse, finger and keys can train it."""
import json, subprocess, sys

import pytest, torch
from torch import nn

from browsing import ROOT, THEMES, listen, touch, violations
from mnist_nb.linear import init_params, linear1, mnist_loss
from mnist_nb.optimizer import BasicOptim, TensorLoader, train_epoch
from mnist_nb.relu_net import binary_cross_entropy, simple_net

sys.path.insert(0, str(ROOT/'tools'))
from make_models import sample

LOSSES = {'mnist_loss': mnist_loss, 'cross-entropy': binary_cross_entropy}
SEEDS = range(1, 6)
EVERYWHERE = pytest.mark.parametrize('page_name', ['relu_net.html', 'explore/index.html'])

# Trains in Node as the page does; for each `how`, the start, the parameters after so many epochs, and the mistakes
SCRIPT = '''
import { train, valid } from './nbs/explore/digits.js'
import { measure, prepare, training } from './nbs/explore/train.js'
const images = prepare(train), exam = prepare(valid)
const plain = numbers => Object.fromEntries(Object.entries(numbers).map(([name, values]) => [name, [...values]]))
console.log(JSON.stringify(JSON.parse(process.argv[1]).map(how => {
  const run = training(images, how), start = plain(run.numbers)
  for (let epoch = 0; epoch < how.epochs; epoch++) while (!run.next(how));
  const [homework, tested] = [images, exam].map(digits => measure(run.numbers, digits, how.loss))
  return { training: homework.wrong.length, validation: tested.wrong.length, loss: homework.loss,
    ...how.epochs > 1 ? {} : { start, end: plain(run.numbers) } }
})))'''


def in_javascript(hows: list[dict]) -> list[dict]:
    "What the page's code reaches."
    run = subprocess.run(['node', '--input-type=module', '-e', SCRIPT, json.dumps(hows)], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.fixture(scope='module')
def digits():
    "Images (n, 784) and targets (n, 1) of the carried sample."
    torch.set_num_threads(1)  # matrices as small as these are multiplied sooner by one
    return {split: (x.flatten(1), (y == 3).long()[:,None]) for split, (x, y) in sample().items()}


def parameters(net: str, numbers: dict | None = None, start: str = 'zeros') -> list[torch.Tensor]:
    "The parameters of a model, from JavaScript, or begun as the chapters do."
    sizes = [(784, 30), (30,), (30, 1), (1,)] if net == 'ReLU net' else [(784, 1), (1,)]
    if numbers: return [torch.tensor(values, dtype=torch.float).view(size).requires_grad_() for values, size in zip(numbers.values(), sizes)]
    if start == 'large': return [init_params(size) for size in sizes]
    if start == 'zeros': return [torch.zeros(size, requires_grad=True) for size in sizes]
    layers = [nn.Linear(784, 30), nn.Linear(30, 1)] if net == 'ReLU net' else [nn.Linear(784, 1)]
    return [p.detach().t().clone().requires_grad_() for layer in layers for p in layer.parameters()]


def model(params: list[torch.Tensor]):
    "The chapters' functions."
    return lambda xb: simple_net(xb, *params) if len(params) == 4 else linear1(xb, *params)


def mistakes(params, x, y) -> int:
    with torch.no_grad(): return int(((model(params)(x) > 0) != (y == 1)).sum())


def same_numbers(found: torch.Tensor, expected: torch.Tensor):
    "Do they agree to 1e-4, relative to the largest?"
    assert (found - expected).abs().max() <= 1e-4*expected.abs().max()


@pytest.mark.parametrize('net, start', [('linear model', 'zeros'), ('linear model', 'large'), ('ReLU net', 'small'), ('ReLU net', 'large')])
def test_one_epoch_equals_python(digits, net, start):
    hows = [dict(net=net, start=start, loss=loss, rate=0.5, batch=64, shuffled=False, seed=3, epochs=1) for loss in LOSSES]
    x, y = digits['train']
    order = y[:,0].argsort(descending=True, stable=True)  # all 3s, then all 7s
    for how, found in zip(hows, in_javascript(hows)):
        params = parameters(net, found['start'])
        train_epoch(model(params), TensorLoader(x[order], y[order], 64), BasicOptim(params, 0.5), LOSSES[how['loss']])
        for ours, theirs in zip(params, parameters(net, found['end'])): same_numbers(theirs.detach(), ours.detach())
        assert mistakes(params, x, y) == found['training'] and mistakes(params, *digits['valid']) == found['validation']
        with torch.no_grad(): assert abs(LOSSES[how['loss']](model(params)(x), y) - found['loss']) < 1e-4*max(1, found['loss'])


def test_starts_are_those_of_the_chapters():
    for start, net in (('zeros', 'ReLU net'), ('small', 'linear model'), ('small', 'ReLU net'), ('large', 'linear model'), ('large', 'ReLU net')):
        found, = in_javascript([dict(net=net, start=start, loss='mnist_loss', rate=0.5, batch=1000, shuffled=True, seed=1, epochs=0)])
        w = torch.tensor(next(iter(found['start'].values())), dtype=torch.float)
        assert abs(w.mean()) < 0.1
        assert abs(w.std() - {'zeros': 0, 'small': 1/28/3**0.5, 'large': 1}[start]) < {'large': 0.1}.get(start, 0.002)
        if start == 'small': assert w.abs().max() <= 1/28


@pytest.mark.parametrize('net, start, rate, loss', [
    ('linear model', 'zeros', 1., 'mnist_loss'), ('linear model', 'large', 1., 'cross-entropy'),
    ('ReLU net', 'small', 0.5, 'mnist_loss'), ('ReLU net', 'large', 0.5, 'cross-entropy')])
def test_it_reaches_what_python_reaches(digits, net, start, rate, loss):
    "After 6 epochs, on five seeds each: neither's mean mistakes lie beyond the spread of both together."
    how = dict(net=net, start=start, loss=loss, rate=rate, batch=50, shuffled=True, epochs=6)
    theirs = in_javascript([dict(how, seed=seed) for seed in SEEDS])
    ours = {'training': [], 'validation': []}
    for seed in SEEDS:
        torch.manual_seed(seed)
        params, opt_data = parameters(net, start=start), TensorLoader(*digits['train'], 50, shuffle=True)
        opt = BasicOptim(params, rate)
        for _ in range(6): train_epoch(model(params), opt_data, opt, LOSSES[loss])
        ours['training'].append(mistakes(params, *digits['train']))
        ours['validation'].append(mistakes(params, *digits['valid']))
    for split, found in ours.items():
        found, reached = torch.tensor(found).float(), torch.tensor([run[split] for run in theirs]).float()
        spread = max(found.max() - found.min(), reached.max() - reached.min())
        assert abs(found.mean() - reached.mean()) <= max(spread, 2), (split, found, reached)


def test_the_culprit_can_be_caught():
    "From a large start: what chapter 6 and the captions say of the two losses."
    how = dict(net='ReLU net', start='large', rate=0.5, batch=50, shuffled=True, epochs=25)
    runs = in_javascript([dict(how, loss=loss, seed=seed) for loss in LOSSES for seed in (1, 3)])
    ours, rival = runs[:2], runs[2:]
    assert all(run['training'] >= 15 for run in ours) and all(run['training'] <= 2 for run in rival)
    small = in_javascript([dict(how, start='small', loss=loss, seed=1) for loss in LOSSES])
    assert all(run['training'] <= 1 for run in small)  # a thousand images are too few for the difference
    zeros, sorted_ = in_javascript([dict(how, loss='cross-entropy', start='zeros', seed=1),
                                    dict(how, net='linear model', rate=1, start='zeros', loss='mnist_loss', shuffled=False, seed=1, epochs=5)])
    assert zeros['validation'] > 150  # a network can't begin with zeros
    assert sorted_['validation'] > 30  # nor should any model see all 3s first, then all 7s


def choose(thing, label): thing.get_by_label(label, exact=True).check()


def train(thing):
    "Press Train, and wait until it has arrived."
    thing.get_by_role('button', name='Train').click()
    thing.get_by_role('button', name='Pause').wait_for(timeout=5000)
    thing.get_by_role('button', name='Train').wait_for(timeout=60_000)


def net_of(page):
    "The ReLU net on a page; the table of all things has the linear model first."
    touch(page, 'learn')
    things = page.locator('.explore-thing[data-thing=learn]')
    if 'explore/' in page.url:
        page.locator('.cell:has(.explore[data-thing=learn])').last.scroll_into_view_if_needed()
        page.wait_for_function("document.querySelectorAll('.explore-thing[data-thing=learn]').length > 1")
    return things.last


def test_the_loss_decides(site, look):
    page = look(f'{site}/relu_net.html')
    net = net_of(page)
    said = net.locator('.ex-sentence')
    assert 'Before training (mnist_loss)' in said.inner_text()
    train(net)
    expected, = in_javascript([dict(net='ReLU net', start='large', loss='mnist_loss', rate=0.5, batch=50, shuffled=True, seed=1, epochs=40)])
    assert f"After 40 epochs (mnist_loss): {expected['training']} of 1,000 wrong in training, {expected['validation']} of 400" in said.inner_text()
    assert 'where the loss is flat' in said.inner_text()
    choose(net, 'cross-entropy')
    net.get_by_role('button', name='Start again').click()
    assert 'Pale: the run before (mnist_loss' in net.inner_text()
    train(net)
    assert 'After 40 epochs (cross-entropy): 0 of 1,000' in said.inner_text()
    page.wait_for_function("[...document.querySelectorAll('[data-thing=learn] [role=status]')].some(e => e.textContent.includes('After 40'))")


@EVERYWHERE
@pytest.mark.parametrize('by', ['mouse', 'touch', 'keyboard'])
def test_it_is_trained_and_stopped(site, look, page_name, by):
    page = look('about:blank', width=375, touch=by == 'touch', motion='no-preference')
    wrong = listen(page)
    page.goto(f'{site}/{page_name}')
    net = net_of(page)
    said, rate = net.locator('.ex-sentence'), net.get_by_label('learning rate')
    def press(name):
        button = net.get_by_role('button', name=name)
        if by == 'keyboard':
            button.focus()
            page.keyboard.press('Enter')
        elif by == 'touch': button.tap()
        else: button.click()
    press('One epoch')
    assert 'After 1 epoch (' in said.inner_text()
    press('Train')
    page.wait_for_function("[...document.querySelectorAll('[data-thing=learn] .ex-sentence')].some(e => /After ([3-9]|\\d\\d) epochs/.test(e.textContent))")
    press('Pause')
    stopped = said.inner_text()
    page.wait_for_timeout(300)
    assert said.inner_text() == stopped and net.get_by_role('button', name='Train').is_visible()
    rate.focus()
    page.keyboard.press('ArrowRight')
    assert rate.get_attribute('aria-valuetext') == '0.56'
    press('Start again')
    assert 'Before training' in said.inner_text() and 'Pale' in net.inner_text()
    net.get_by_label('shuffled').uncheck()
    assert 'first all 3s, then all 7s' in said.inner_text()
    choose(net, 'zeros')
    press('One epoch')
    assert 'stay 0' in said.inner_text()
    assert not wrong


@pytest.mark.parametrize('theme', THEMES)
def test_accessible(site, look, theme):
    page = look(f'{site}/explore/index.html', theme, width=375)
    net_of(page).get_by_role('button', name='One epoch').click()
    assert not violations(page)
    assert page.evaluate('document.documentElement.scrollWidth') <= 375
