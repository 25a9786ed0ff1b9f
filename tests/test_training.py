"""Small trainings whose right result is known: what callbacks do in chapter 9's `Learner`, what it refuses in one sentence, what of
a saved run fits another, and the networks of chapters 8 and 10 on a few images."""
import io, re, shutil, sys
from types import SimpleNamespace

import pytest, torch
from fastai.optimizer import SGD
from torch import nn, tensor
from torch.nn.functional import mse_loss

from mnist_nb import ladder
from mnist_nb import learner as chapter9
from mnist_nb.cnn import cnn_score, digit_images, digit_learner, digit_loaders, n_parameters
from mnist_nb.convolution import Adam
from mnist_nb.data import load_mnist, read_images
from mnist_nb.ladder import measure
from mnist_nb.learner import Bar, Checkpoint, Learner, OnDevice, Patience, Recorder, Schedule, Table, get_rate, set_rate
from mnist_nb.optimizer import BasicOptim
from mnist_nb.pixels import pixel_table
from mnist_nb.ten_digits import Jiggle, confusions, jiggle, ten_rung, train_ten_net


def line(weight=0.):
    "A model with a single weight."
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, weight)
    return model


BATCHES = [(tensor([[1.], [2.]]), tensor([[2.], [4.]])), (tensor([[1.]]), tensor([[2.]]))]  # y = 2x
def make(model=None, train=BATCHES, valid=BATCHES, loss=mse_loss, opt=BasicOptim, metrics=(), cbs=()):
    return Learner(SimpleNamespace(train=train, valid=valid), model or line(), loss, opt, metrics, cbs)


def test_two_steps_by_hand():
    "Gradients and weights as one computes them on paper; means are over all examples, also of batches of different sizes."
    recorder = Recorder()
    learner = make(metrics=[lambda preds, yb: (preds - yb).abs().mean()], cbs=[recorder])
    learner.fit(1, 0.1)
    # the first batch: loss (4 + 16)/2 = 10, gradient (-4 - 16)/2 = -10, weight 1; the second: loss 1, gradient -2, weight 1.2
    assert recorder.losses == pytest.approx([10, 1]) and recorder.rates == [0.1, 0.1]
    assert learner.model.weight.item() == pytest.approx(1.2)
    train_loss, valid_loss, error = learner.history[0]
    assert train_loss == pytest.approx((10*2 + 1)/3) and valid_loss == pytest.approx(0.64*(1 + 4 + 1)/3) and error == pytest.approx(0.8*(1 + 2 + 1)/3)
    assert not learner.model.training and learner.steps == 2


def test_the_table(capsys):
    def far(preds, yb): return (preds - yb).abs().max()
    make(metrics=[far], cbs=[Table()]).fit(2, 0.1)
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split() == ['epoch', 'train_loss', 'valid_loss', 'far', 'time'] and len(head) == len(first) == len(second)
    assert first.split()[:3] == ['1', '7.000000', '1.280000'] and second.split()[0] == '2' and first.split()[-1].startswith('0:')


@pytest.mark.parametrize('losses, epochs', [([5, 4, 4.5, 6, 4.2, 9, 9], 5), ([1, 2, 3, 4, 5], 4), ([5, 4, 3, 2, 1], 5), ([3, 3, 3, 3, 3], 4)])
def test_patience(losses, epochs):
    "Three epochs without a better loss than the best are enough."
    class Scripted:
        def after_epoch(self, learner): learner.history[-1][1] = losses[len(learner.history) - 1]
    learner = make(cbs=[Scripted(), Patience(3)])
    learner.fit(len(losses), 0.01)
    assert len(learner.history) == epochs


def test_the_bar(monkeypatch):
    "It grows where somebody looks on, says how far it is, and is gone at the end of an epoch."
    screen, clock = io.StringIO(), iter(range(100))
    screen.isatty = lambda: True
    monkeypatch.setattr(sys, 'stdout', screen)
    monkeypatch.setattr(chapter9.time, 'perf_counter', lambda: next(clock))
    make(train=BATCHES*2, cbs=[Bar()]).fit(2, 0.01)
    shown = screen.getvalue().split('\r')
    assert [text[:8] for text in shown if text.startswith('epoch')] == ['epoch 1:']*4 + ['epoch 2:']*4 and '3 of 4' in shown[3]
    assert shown[-1] == '' and not shown[-2].strip() and len(shown[-2]) == len(shown[-3])
    screen.isatty = lambda: False
    monkeypatch.delitem(sys.modules, 'ipykernel', raising=False)
    before = screen.getvalue()
    make(cbs=[Bar()]).fit(1, 0.01)
    assert screen.getvalue() == before


@pytest.mark.parametrize('opt', [BasicOptim, torch.optim.SGD, SGD, Adam], ids=['book', 'PyTorch', 'fastai', 'Adam'])
def test_rates(opt):
    "Read and set in the optimizers of the book, of PyTorch and of fastai; a schedule goes through the rates that it names."
    model = line()
    one = opt([model.weight], lr=0.1)
    set_rate(one, 0.03)
    assert get_rate(one) == pytest.approx(0.03)
    recorder = Recorder()
    make(opt=opt, cbs=[Schedule(lambda progress, lr: lr*(1 + progress)), recorder]).fit(2, 0.01)
    assert recorder.rates == pytest.approx([0.01, 0.0125, 0.015, 0.0175])


def test_on_device():
    learner = make(cbs=[OnDevice('cpu')])
    learner.fit(1, 0.1)
    assert learner.model.weight.item() == pytest.approx(1.2) and OnDevice().device in ('cpu', torch.accelerator.current_accelerator())


def gives(value): return lambda preds, yb: value(preds)


@pytest.mark.parametrize('parts, said', [
    (dict(train=[]), 'dls.train gave no batch'), (dict(valid=iter(())), 'dls.valid gave no batch'), (dict(train=[tensor([1.])]), 'should be a pair, inputs and targets, and not a Tensor'),
    (dict(train=[(1, 2, 3)]), 'not a tuple of 3'), (dict(train=[(tensor([[1., 2.]]), tensor([[1.]]))]), r'cannot take inputs of shape \(1, 2\) and type float32'),
    (dict(train=[(tensor([[1.], [2.]]), tensor([1., 2.]))]), r'shape \(2, 1\) and targets \(2,\)'), (dict(train=[(tensor([[1.], [2.]]), tensor([[1.]]))]), '2 predictions for 1 targets'),
    (dict(loss=gives(lambda preds: preds)), r'should be one number .* has shape \(2, 1\)'), (dict(loss=gives(lambda preds: 1.)), 'has type float'),
    (dict(loss=gives(lambda preds: preds.detach().mean())), 'has no gradient'), (dict(loss=gives(lambda preds: preds.mean()/0)), 'the loss is nan on the training data, in epoch 1, step 1'),
    (dict(model=line(1e20), loss=gives(lambda preds: preds.square().mean())), 'the loss is inf'), (dict(loss=nn.functional.cross_entropy, train=[(tensor([[1.]]), tensor([[1]]))]), 'the loss cannot take'),
    (dict(train=iter(BATCHES), cbs=[Schedule()]), 'dls.train has no length'), (dict(train=BATCHES, opt=None), 'pass opt_func'), (dict(loss=None), 'pass loss_func'),
    (dict(loss=3), 'loss_func should be a function, and not a int'), (dict(model=nn.Linear), 'the model should be an nn.Module'),
])
def test_refused(parts, said):
    with pytest.raises(ValueError, match=said) as refused: make(**parts).fit(1, 0.1)
    assert '\n' not in str(refused.value)


@pytest.mark.parametrize('epochs, lr, said', [(-1, 0.1, 'epochs should be'), (0.1, 3, 'the learning rate comes second'), (1, -0.1, '0 or more, and not -0.1'), (1, float('nan'), 'not nan'), (1, 'fast', "not 'fast'")])
def test_refused_numbers(epochs, lr, said):
    with pytest.raises(ValueError, match=said): make().fit(epochs, lr)


class Stop:
    "Interrupted in the second epoch."
    def after_batch(self, learner):
        if learner.steps == 3: raise KeyboardInterrupt


@pytest.mark.parametrize('again, said', [
    (dict(epochs=4), 'holds a run of 3 epochs at rate 0.1, not yet ended'), (dict(lr=0.2), 'go on with these'), (dict(model=nn.Linear(1, 1)), 'a run of another model'),
    (dict(opt=Adam), 'holds a run with BasicOptim'), (dict(opt=SGD), 'holds a run with BasicOptim'), ({}, '')])
def test_a_run_that_fits(tmp_path, capsys, again, said):
    "Only the same run goes on, and gives what it would have given; another one is refused, and changes nothing."
    file = tmp_path/'run.pt'
    make(cbs=[Checkpoint(file), Stop()]).fit(3, 0.1)
    assert 'Interrupted in epoch 2 of 3, after 3 steps.' in capsys.readouterr().out
    before, epochs, lr = file.read_bytes(), again.pop('epochs', 3), again.pop('lr', 0.1)
    learner, whole = make(cbs=[Checkpoint(file)], **again), make()
    weight = learner.model.weight.item()
    if said:
        with pytest.raises(ValueError, match=said): learner.fit(epochs, lr)
        assert file.read_bytes() == before and learner.model.weight.item() == weight
        return
    learner.fit(epochs, lr)
    whole.fit(epochs, lr)
    assert capsys.readouterr().out == 'Going on after epoch 1 of 3.\n' and learner.history == whole.history and torch.equal(learner.model.weight, whole.model.weight)
    make(cbs=[Checkpoint(file)]).fit(1, 0.5)  # that one has ended, and another begins
    assert capsys.readouterr().out == ''


def test_no_run(tmp_path):
    "Other files, no folder, and fastai's optimizers, which keep their memory elsewhere."
    file = tmp_path/'run.pt'
    for content in (b'', b'text', b'PK\x03\x04'):
        file.write_bytes(content)
        with pytest.raises(ValueError, match='is not a saved run, or a broken one: delete it'): make(cbs=[Checkpoint(file)]).fit(1, 0.1)
    torch.save({'model': {}}, file)
    with pytest.raises(ValueError, match='is not a saved run: delete it'): make(cbs=[Checkpoint(file)]).fit(1, 0.1)
    with pytest.raises(FileNotFoundError, match='there is no folder .*nowhere to save a run in'): make(cbs=[Checkpoint(tmp_path/'nowhere/run.pt')]).fit(1, 0.1)
    with pytest.raises(ValueError, match="fastai's optimizers can't be saved"): make(opt=SGD, cbs=[Checkpoint(tmp_path/'new.pt')]).fit(1, 0.1)
    assert not (tmp_path/'new.pt').exists() and not list(tmp_path.glob('*.part'))


# Chapter 7, and the ladder

def test_convolutions_on_a_few(monkeypatch):
    "With every fifth image to learn from, it tells nine in ten of those it has never seen."
    from mnist_nb import convolution
    x, y = convolution.flat_sample()
    monkeypatch.setattr(convolution, 'flat_sample', lambda: (x[::5], y[::5]))
    rung = convolution.convolution_rung(3)
    assert rung.accuracy > 0.9 and rung.parameters == sum(p.numel() for p in convolution.conv_net().parameters())


def test_lower_rungs(monkeypatch):
    "The chapters before one, in their order."
    for module, rung in (('linear', 'linear_rung'), ('optimizer', 'learner_rung'), ('relu_net', 'relu_rung'), ('convolution', 'convolution_rung'), ('cnn', 'cnn_rung')):
        monkeypatch.setattr(f'mnist_nb.{module}.{rung}', lambda name=rung: name)
    monkeypatch.setattr(ladder, 'baseline_rung', lambda name='mean digits, L1', distance=None: name)
    first = ['mean digits, L1', 'mean digits, L2']
    assert ladder.lower_rungs('linear') == first and ladder.lower_rungs('relu_net') == [*first, 'linear_rung', 'learner_rung']
    assert ladder.lower_rungs() == [*first, 'linear_rung', 'learner_rung', 'relu_rung', 'convolution_rung', 'cnn_rung']
    with pytest.raises(ValueError, match='sgd'): ladder.lower_rungs('sgd')


BYTES, LABELS = torch.zeros(2, 28, 28, dtype=torch.uint8), tensor([3, 7])

@pytest.mark.parametrize('digits, said', [
    (BYTES, 'two tensors, images and labels'), ((BYTES.float(), LABELS), 'type torch.float32: expected .n, 28, 28., bytes'), ((BYTES[:, :20], LABELS), r'shape \(2, 20, 28\)'),
    ((BYTES, LABELS[:1]), r'labels have shape \(1,\): expected \(2,\)'), ((BYTES[:0], LABELS[:0]), 'there are no images'), ((BYTES, LABELS + 3), 'labels are 6, 10: expected whole numbers from 0 to 9'),
    ((BYTES, LABELS - 3), 'labels are 0, 4: expected only 3 and 7')])
def test_digits_that_cannot_be_measured(digits, said):
    with pytest.raises(ValueError, match=said): measure('all 3s', lambda x: x.new_ones(len(x)), digits=digits)


@pytest.mark.parametrize('model, said', [(lambda x: 3, 'gave a int'), (lambda x: x.mean((1, 2)).to(torch.complex64), 'complex'), (lambda x: x.new_ones(len(x) - 1), 'one score each'), (lambda x: x.mean((1, 2))/0, 'nan')])
def test_models_that_cannot_be_measured(model, said):
    with pytest.raises(ValueError, match=said): measure('odd', model, digits=(BYTES, LABELS))


def test_a_table_of_pixels():
    "The numbers of the image, on a ground as dark as they say, and with its looks in its own cells."
    page = pixel_table(tensor([[0, 100], [255, 7]], dtype=torch.uint8))._repr_html_()
    cells = re.findall(r'<td style="([^"]*)">(\d+)', page)
    assert [number for _, number in cells] == ['0', '100', '255', '7'] and '<style' not in page and ' id=' not in page
    grounds = [re.search('background:(#\\w+)', style)[1] for style, _ in cells]
    assert grounds[0] == '#ffffff' and grounds[2] == '#000000' and len(set(grounds)) == 4


# Chapter 8

@pytest.fixture(scope='module')
def few(whole_home, tmp_path_factory):
    "A folder like MNIST_SAMPLE with 35 images of each digit to learn from, which is a batch and a few more, and two to check."
    folder = tmp_path_factory.mktemp('few')
    for split, n in (('train', 35), ('valid', 2)):
        for digit in '37':
            (folder/split/digit).mkdir(parents=True)
            for file in sorted((whole_home/'data/mnist_sample'/split/digit).glob('*.png'))[:n]: shutil.copy(file, folder/split/digit)
    return folder


def test_loaders(few):
    "The images in the order of their names, with a label each, in three equal channels."
    assert [file.parent.name for file in digit_images(few)] == ['3']*35 + ['7']*35 + ['3']*2 + ['7']*2
    dls = digit_loaders(few, bs=4)
    assert list(dls.vocab) == ['3', '7'] and (len(dls.train_ds), len(dls.valid_ds)) == (70, 4)
    x, y = next(iter(dls.valid))
    assert x.shape == (4, 3, 28, 28) and y.tolist() == [0, 0, 1, 1] and torch.equal(x[:, 0], x[:, 2])


def test_fewer_images_than_a_batch(few):
    "fastai leaves out the batch that isn't full, so a training on fewer would be one on nothing."
    with pytest.raises(ValueError, match='has 70 images in train, and a batch has 71: expected one batch at least'): digit_loaders(few, bs=71)


def test_resnet_learns_a_few(few):
    "The same seed gives the same weights; trained, it knows what it was shown; and its score is the output for 3 minus that for 7."
    first, second = (digit_learner(7, few) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first.model.parameters(), second.model.parameters()))
    assert 11e6 < n_parameters(first.model) == sum(p.numel() for p in first.model.parameters()) < 12e6
    with first.no_bar(), first.no_logging(): first.fit_one_cycle(8, 0.01)
    files = [file for file in digit_images(few) if 'train' in file.parts]
    x, threes = read_images(files)/255, tensor([file.parent.name == '3' for file in files])
    scores, batch = cnn_score(x, first.model).cpu(), torch.stack([x]*3, 1).to(next(first.model.parameters()).device)
    assert not first.model.training
    with torch.no_grad():
        outputs = first.model(batch).cpu()
        assert torch.allclose(scores, outputs[:, 0] - outputs[:, 1])
        answers = first.model.train()(batch).argmax(1).cpu()  # with this batch's own mean, as eight steps are too few for the moving one
    assert ((answers == 0) == threes).float().mean() > 0.9


def test_folders_without_images(few, tmp_path):
    with pytest.raises(FileNotFoundError, match='has no images: expected image files in folders such as train/3'): digit_images(tmp_path)
    shutil.copytree(few/'train', tmp_path/'train')
    with pytest.raises(FileNotFoundError, match='has no images in valid'): digit_images(tmp_path)


# Chapter 10

def test_jiggle():
    "Without turning, moving and scaling nothing changes; with them each image changes in its own way, and its middle stays near."
    x = load_mnist('valid')[0][:20, None]/255
    assert torch.allclose(jiggle(x, 0, 0, 0), x, atol=1e-5)
    torch.manual_seed(0)
    moved = jiggle(x)
    assert moved.shape == x.shape and (moved - x).abs().flatten(1).max(1).values.min() > 0.1
    def middle(images): return (images.flatten(1)*torch.arange(784)).sum(1)/images.flatten(1).sum(1)
    assert ((middle(moved) - middle(x)).abs()/28 < 4).all()  # in rows
    torch.manual_seed(0)
    assert torch.equal(jiggle(x), moved)
    images = x[:2].clone()
    callback, learner = Jiggle(), SimpleNamespace(model=nn.Flatten().eval(), xb=images)
    callback.before_batch(learner)
    assert learner.xb is images
    learner.model.train()
    callback.before_batch(learner)
    assert not torch.equal(learner.xb, images)


@pytest.fixture
def some_digits(monkeypatch):
    "A few images of all ten digits, to learn from and to check."
    from mnist_nb import ten_digits
    images = {split: [part[:n] for part in ten_digits.ten_images(split)] for split, n in (('train', 512), ('valid', 200))}
    monkeypatch.setattr(ten_digits, 'ten_images', lambda split='train': images[split])


def test_ten_digits_from_a_seed(some_digits):
    "The same seed, the same network; with more epochs, images that are jiggled; and it is measured on the 10,000."
    first, second, other = train_ten_net(3), train_ten_net(3), train_ten_net(3, 2)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters())) and not first.training
    assert not all(torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters()))
    rung = ten_rung('a line', lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), year=1957, epochs=2)
    assert (rung.name, rung.parameters, rung.year) == ('a line', 7850, 1957) and rung.accuracy > 0.3
    table, labels = confusions(rung), load_mnist('valid')[1]
    assert torch.equal(table.sum(1), labels.bincount()) and table.diagonal().sum() == round(rung.accuracy*10_000) == 10_000 - len(rung.wrong)


def test_confusions():
    "Rows are labels, columns are answers."
    images, labels = torch.zeros(4, 28, 28, dtype=torch.uint8), tensor([1, 1, 2, 9], dtype=torch.uint8)
    rung = measure('scripted', lambda x: torch.eye(10)[[1, 7, 2, 2]][:len(x)], digits=(images, labels))
    assert {tuple(place): confusions(rung)[tuple(place)].item() for place in confusions(rung).nonzero().tolist()} == {(1, 1): 1, (1, 7): 1, (2, 2): 1, (9, 2): 1}
