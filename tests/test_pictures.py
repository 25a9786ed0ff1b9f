"""`predict_digit` on pictures as people have them: the right digit, or a clear refusal, or at least a word of warning."""
import warnings
from collections import Counter
from pathlib import Path

import pytest, torch
from PIL import Image
from torch import nn

from make_models import carried
from mnist_nb.cnn import predict_digit, scan_to_digit
from mnist_nb.convolution import conv_net
from mnist_nb.data import load_sample
from pictures import Picture, pictures


class TwoOutputs(nn.Module):
    "The trained network of chapter 7, with three channels and two outputs as the one of chapter 8."
    def __init__(self):
        super().__init__()
        self.net = conv_net()
        self.net.load_state_dict(carried()['convolutional net'], strict=False)

    def forward(self, x):
        score = self.net(x[:, :1])
        return torch.cat([score, torch.zeros_like(score)], 1)


@pytest.fixture(scope='module')
def model(): return TwoOutputs()


@pytest.fixture(scope='module')
def people_have() -> list[Picture]: return pictures(2)


def verdict(picture: Picture, model: nn.Module) -> str:
    "One of right, refused, warned, WRONG: without a word, that is."
    with warnings.catch_warnings(record=True) as words:
        warnings.simplefilter('always')
        try: digit, probability = predict_digit(picture.image, model)
        except ValueError as e:
            assert str(e).startswith(('no digit found: ', 'found several things', 'the picture has mode I;16')), e
            return 'refused'
    assert 0.5 <= probability <= 1
    assert all(issubclass(word.category, UserWarning) and 'the answer may be wrong' in str(word.message) for word in words)
    return 'right' if digit == picture.digit and not words else 'warned' if words else 'WRONG'


def test_no_wrong_answer_without_a_word(model, people_have):
    said = [(picture, verdict(picture, model)) for picture in people_have]
    assert not [picture.kind for picture, word in said if word == 'WRONG']
    assert len(said) > 160 and len({picture.kind for picture, _ in said}) > 90
    counts = Counter(word for _, word in said)
    print(counts)
    assert counts['right'] >= 85, counts
    # what people do most works without a word
    usual = ['a scan', 'a photograph', 'a photograph, poor JPEG', 'a photograph in poor light', 'a small digit on a large sheet', 'out of focus',
             'white on black', 'chalk on a blackboard', 'grey on grey', 'pencil, faint', 'transparent, dark ink', 'grey with transparency',
             'cropped tight', 'cropped tight, photograph', 'an image of MNIST', 'an image of MNIST, black on white', 'thick', 'tilted by -20',
             'ruled paper, faint lines', 'squared paper, faint lines', 'red ink', 'green ink', 'light blue ink', 'huge', 'palette', '1 bit', 'an animation',
             'CMYK', 'a phone held left', 'a phone held upside down', 'a phone held right', 'a corner of the table', 'the table around the sheet', 'a thumb',
             'a dark speck', 'a grey speck', 'specks', 'a blot', 'salt and pepper', 'a coffee stain']
    assert not [(picture.kind, word) for picture, word in said if picture.kind in usual and word != 'right']
    # and this is no digit, which can be seen without a network
    refused = ['white', 'black', 'an empty sheet', 'transparent', 'a speck', 'two digits', 'three digits', 'one above the other', 'a decimal', 'a word', 'a landscape']
    assert not [(picture.kind, word) for picture, word in said if picture.kind in refused and word != 'refused']


@pytest.mark.filterwarnings('ignore:the model says')
@pytest.mark.parametrize('grey', [0, 170])
def test_a_speck_changes_nothing(model, grey):
    "42 validation images, black on white, with a single pixel in a corner."
    images, labels = load_sample('valid')
    for image, label in zip(images[::49], labels[::49].tolist()):
        clean = Image.new('L', (60, 60), 255)
        clean.paste(Image.fromarray(255 - image.numpy()), (16, 16))
        with_speck = clean.copy()
        with_speck.putpixel((3, 4), grey)
        assert predict_digit(with_speck, model)[0] == predict_digit(clean, model)[0], (label, grey)
        assert (scan_to_digit(clean) - scan_to_digit(with_speck)).abs().mean() < 0.01, (label, grey)


def test_it_warns_of_mistakes_and_seldom_of_right_answers(model):
    "Of the validation images, as they are."
    images, labels = load_sample('valid')
    some = range(0, len(images), 17)
    verdicts = Counter(verdict(Picture('MNIST', int(labels[i]), Image.fromarray(images[i].numpy())), model) for i in some)
    print(verdicts)
    assert not verdicts['WRONG'] and verdicts['warned'] <= 0.1*len(some) and verdicts['refused'] <= 0.02*len(some)


def test_networks_of_another_kind(model):
    "Ten outputs, or a Learner instead of its network, or a home that is not there: said in words."
    picture = Image.fromarray(load_sample('valid')[0][0].numpy())
    ten = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 10))
    with pytest.raises(ValueError, match='expected two outputs for each'): predict_digit(picture, ten)
    class Learner: pass
    learn = Learner()
    learn.model = model
    with pytest.raises(TypeError, match='use learn.model'): predict_digit(picture, learn)


def test_paths(model, tmp_path, monkeypatch):
    "A name as it is typed, with a tilde."
    monkeypatch.setenv('HOME', str(tmp_path))
    monkeypatch.setenv('USERPROFILE', str(tmp_path))
    Image.fromarray(load_sample('valid')[0][0].numpy()).save(tmp_path/'my3.png')
    assert predict_digit('~/my3.png', model)[0] == predict_digit(Path('~/my3.png'), model)[0] == 3
    for name in '~nobody-of-this-name/my3.png', 'x'*5000, 'a\0b', '.': # no such file
        with pytest.raises(FileNotFoundError, match='is no file'): predict_digit(name, model)
