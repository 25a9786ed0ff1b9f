"""What is refused by chapter 10's functions, in one sentence each. That they train, measure and count, the chapter itself shows."""
import numpy as np
import pytest
import torch
from torch import nn

from mnist_nb.data import load_mnist
from mnist_nb.ladder import measure
from mnist_nb.ten_digits import confusions, fit_ten, jiggle, smooth_loss, ten_images, ten_net


@pytest.fixture
def few(monkeypatch):
    "Training and validation with 300 images, so that `fit_ten` takes a moment."
    import mnist_nb.ten_digits
    monkeypatch.setattr(mnist_nb.ten_digits, 'ten_images', lambda split='train': tuple(part[:300] for part in ten_images(split)))


def test_another_split_is_refused():
    with pytest.raises(ValueError, match="'train' or 'valid'"): ten_images('test')


@pytest.mark.parametrize('images', [load_mnist('valid')[0][:2], load_mnist('valid')[0][:2, None], np.zeros((2, 1, 28, 28)), [1.]])
def test_jiggle_refuses_what_is_no_batch_of_images(images):
    with pytest.raises(ValueError, match=r'expected images \(n, 1, height, width\) as floats') as refused: jiggle(images)
    assert '\n' not in str(refused.value)


@pytest.mark.parametrize('channels', [(16, 32), 16, (16, 32, 64, 64, 0), (16, 32, 64, 64, 12.5)])
def test_a_network_needs_five_widths(channels):
    with pytest.raises(ValueError, match='five whole numbers'): ten_net(channels)


def test_what_cannot_be_trained_is_refused_in_one_sentence(few):
    for model, epochs, reason in [(nn.Linear(28*28, 10), 1, 'cannot take inputs'), (ten_net, 1, 'nn.Module'), (ten_net(), 1.5, 'whole number'),
                                  (ten_net(), -1, 'whole number')]:
        with pytest.raises(ValueError, match=reason): fit_ten(model, epochs)
    with pytest.raises(ValueError, match='bs is 0: expected a whole number, 1 or more'): fit_ten(ten_net(), bs=0)


def test_it_trains_and_is_left_ready_for_use(few):
    torch.manual_seed(0)
    model = fit_ten(nn.Sequential(nn.Flatten(), nn.Linear(28*28, 10)), epochs=3)
    assert not model.training and next(model.parameters()).device.type == 'cpu'
    x, y = (part[:300] for part in ten_images('train'))
    assert (model(x).argmax(1) == y).float().mean() > 0.5 and smooth_loss(model(x), y) < 2.3


def test_confusions_also_count_a_model_of_two_digits():
    always_3 = measure('always 3', lambda x: x.new_ones(len(x)))
    table = confusions(always_3)
    assert table.shape == (10, 10) and table[3, 3] == 1010 and table[7, 3] == 1028 and table.sum() == 2038
