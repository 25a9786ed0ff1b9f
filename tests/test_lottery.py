"""The seed lottery: a run that is stopped and goes on ends with the same table as one that isn't, what is half-written is never
taken, bad input is refused in one sentence, and the table that comes with the book is whole."""
import hashlib, os, signal, subprocess, sys
from pathlib import Path
from types import SimpleNamespace

os.environ.setdefault('MPLBACKEND', 'Agg')
import matplotlib.pyplot as plt
import pandas as pd
import pytest, torch

from mnist_nb import lottery
from mnist_nb.lottery import HEADLINES, Damaged, Headline, draw_lots, load_lottery, lottery_table, plot_lottery

ASIDE = '.*unfinished'


class Quick:
    "Two models in place of two of the book's; they train in no time, and always make the same mistakes from the same seed."
    def __init__(self): self.trained, self.stop_at = [], None

    def wrong(self, name: str, seed: int) -> torch.Tensor:
        if len(self.trained) == self.stop_at:
            self.stop_at = None
            raise KeyboardInterrupt
        self.trained.append((name, seed))
        return torch.tensor(sorted(set(hashlib.sha256(f'{name} {seed}'.encode()).digest()[:12])))


@pytest.fixture
def quick(monkeypatch):
    quick = Quick()
    for name in ('relu', 'conv'):
        monkeypatch.setitem(HEADLINES, name, Headline(name, 1, lambda seed, name=name: quick.wrong(name, seed)))
    return quick


@pytest.fixture
def whole(tmp_path, quick):
    "The table of an uninterrupted run, three seeds of each model."
    path = tmp_path/'whole.csv'
    run(path)
    assert len(quick.trained) == 6
    quick.trained.clear()
    return path


def run(path: Path): return lottery.main(['--seeds', '3', '--table', str(path), 'relu', 'conv'])


def refused(capsys, *words) -> str:
    "What the command says when it refuses something, which is one sentence."
    with pytest.raises(SystemExit) as end: lottery.main([str(word) for word in words])
    said = capsys.readouterr().err.strip()
    assert end.value.code == 1 and '\n' not in said and said.endswith('.'), said
    return said


@pytest.mark.parametrize('stop', range(6))
def test_stopped_in_a_training(tmp_path, quick, whole, capsys, stop):
    "Only the training in progress is lost, and none is done twice."
    path = tmp_path/'lottery.csv'
    quick.stop_at = stop
    with pytest.raises(SystemExit): run(path)
    assert capsys.readouterr().err.strip() == 'Stopped before the end: run the same command again.'
    assert (len(load_lottery(path)) if path.exists() else 0) == stop == len(quick.trained)
    run(path)
    assert path.read_bytes() == whole.read_bytes() and len(quick.trained) == len(set(quick.trained)) == 6
    said = capsys.readouterr().out
    assert said.count('3 trainings') == 2
    run(path)
    assert path.read_bytes() == whole.read_bytes() and len(quick.trained) == 6


def test_stopped_while_it_writes(tmp_path, quick, whole, monkeypatch):
    "Between writing aside and renaming, the old table stands, and nothing lies beside it."
    path = tmp_path/'lottery.csv'
    draw_lots(path, ['relu'], 2)
    before = path.read_bytes()
    def replace(self, target): raise KeyboardInterrupt
    with monkeypatch.context() as patch:
        patch.setattr(Path, 'replace', replace)
        with pytest.raises(KeyboardInterrupt): draw_lots(path, ['relu'], 3)
    assert path.read_bytes() == before and not [*tmp_path.glob(ASIDE)]
    draw_lots(path, ['conv'], 3)  # another order of the runs, the same table
    draw_lots(path, ['relu'], 3)
    assert path.read_bytes() == whole.read_bytes()


def test_two_at_a_time(tmp_path, quick, whole):
    "Another process has added rows in the meantime: they stay, and a row that is there is not added again."
    path = tmp_path/'lottery.csv'
    for row in load_lottery(whole).to_dict('records')[::-1] * 2: lottery._add_row(path, row)
    assert path.read_bytes() == whole.read_bytes()


@pytest.mark.skipif(os.name == 'nt', reason='Windows has no such signals')
def test_a_real_ctrl_c(tmp_path):
    "A process of its own, stopped by the signal that Ctrl-C sends."
    program = '''
import time, torch
from mnist_nb import lottery
def wrong(seed):
    if seed: print('now', flush=True), time.sleep(60)
    return torch.arange(seed)
lottery.HEADLINES['relu'] = lottery.Headline('ReLU net', 6, wrong)
lottery.main(['relu', '--table', 'here.csv'])'''
    process = subprocess.Popen([sys.executable, '-c', program], cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while 'now' not in process.stdout.readline(): assert process.poll() is None, process.stderr.read()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1 and err.strip().endswith('Stopped before the end: run the same command again.') and 'Traceback' not in err
    assert load_lottery(tmp_path/'here.csv')[['model', 'seed', 'wrong']].values.tolist() == [['relu', 0, 0]]
    assert [path.name for path in tmp_path.iterdir()] == ['here.csv']


def test_cut_off_anywhere(tmp_path, whole):
    "Whatever a table is cut down to, it is refused, unless all of its lines are whole."
    text, path = whole.read_text(encoding='utf-8'), tmp_path/'cut.csv'
    for end in range(len(text)):
        path.write_text(text[:end], encoding='utf-8')
        if text[:end].endswith('\n'): assert len(load_lottery(path)) == text[:end].count('\n') - 1
        else:
            with pytest.raises(Damaged, match='no whole table'): load_lottery(path)


@pytest.mark.parametrize('old, new, reason', [
    ('conv,1,', 'conv,2,', 'the same seed twice'), ('conv,1,', 'conv,02,', 'the same seed twice'), ('relu,0,', 'relu,-1,', 'line 2 is'),
    ('relu,1,12,', 'relu,1,2039,', 'line 3 is'), (',2038,', ',2040,', 'line 2 is'), ('conv,2,', 'lenet,2,', 'line 7 is'),
    ('relu,0,', 'relu,,', 'line 2 is'), ('relu,0,', 'relu,zero,', 'line 2 is'), ('relu,0,', 'relu,0.5,', 'line 2 is'),
    ('even', 'odd', 'its columns'), ('relu,0,', '', 'line 2 is'), ('relu,0,', 'relu,0,0,', 'line 2 is'), ('relu,0,', '"relu,0,', ''),
    ('relu,0', '\0relu,0', 'line 2 is'), ('relu,0', '\nrelu,0', 'line 2 is')])
def test_damaged_table(tmp_path, quick, whole, capsys, old, new, reason):
    "It is refused before anything is trained, and left as it is."
    text = whole.read_text(encoding='utf-8')
    assert old in text
    whole.write_text(text.replace(old, new, 1), encoding='utf-8')
    said = refused(capsys, '--table', whole)
    assert str(whole) in said and 'no whole table' in said and reason in said and 'delete it or name another' in said
    assert whole.read_text(encoding='utf-8') == text.replace(old, new, 1) and not quick.trained


def test_other_files(tmp_path, quick, capsys):
    for content in (b'', b'\n', b'\xff\xfe\0\0', b'PK\x03\x04\n', b'model,seed\n'):
        (tmp_path/'other.csv').write_bytes(content)
        assert 'no whole table' in refused(capsys, '--table', tmp_path/'other.csv')
    assert 'is a directory' in refused(capsys, '--table', tmp_path)
    assert 'There is no folder' in refused(capsys, '--table', tmp_path/'nowhere'/'lottery.csv')
    assert not quick.trained


def test_bad_words(tmp_path, quick, capsys):
    table = '--table', tmp_path/'lottery.csv'
    assert "There is no model 'lenet', only linear, learner" in refused(capsys, *table, 'relu', 'lenet')
    for seeds in ('0', '-3', 'many', '2.5', ''): assert '--seeds' in refused(capsys, *table, '--seeds', seeds)
    assert 'No such option' in refused(capsys, *table, '--epochs', '3')
    assert not quick.trained and not (tmp_path/'lottery.csv').exists()


def test_ten_digits(monkeypatch):
    "The network of chapter 10 is trained with gradients, is asked all images, and its mistakes are found where they are."
    class Sure(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.bias = torch.nn.Parameter(torch.eye(10)[3])
        def forward(self, x): return self.bias.expand(len(x), 10)
    def train_ten_net(seed, epochs):
        assert torch.is_grad_enabled() and (seed, epochs) == (5, 6)
        return Sure().eval()
    def fit_ten(net, epochs, **more):
        assert torch.is_grad_enabled() and (torch.initial_seed(), epochs, more) == (7, 6, {})  # so without callbacks
        return net.eval()
    labels = torch.arange(10, dtype=torch.uint8).repeat(150)
    monkeypatch.setitem(sys.modules, 'mnist_nb.ten_digits', SimpleNamespace(train_ten_net=train_ten_net, fit_ten=fit_ten, ten_net=Sure))
    monkeypatch.setattr(lottery, 'load_mnist', lambda split: (torch.zeros(1500, 28, 28, dtype=torch.uint8), labels))
    assert HEADLINES['ten_6'].wrong(5).tolist() == HEADLINES['plain_6'].wrong(7).tolist() == [i for i in range(1500) if i % 10 != 3]


def test_the_table_of_the_book():
    "Whole, in order, each model from seed 0 on without a gap, all with the same versions on one thread of a CPU."
    table = load_lottery()
    assert list(table.model.unique()) == [key for key in HEADLINES if key in set(table.model)]
    for key, rows in table.groupby('model'): assert rows.seed.tolist() == list(range(len(rows))), key
    assert not table.duplicated(['model', 'seed']).any() and (table.wrong < 0.04*table.images).all() and (table.even <= table.wrong).all()
    assert [table[column].nunique() for column in ('torch', 'fastai', 'threads', 'device')] == [1]*4
    assert table.threads[0] == 1 and table.device[0] == 'cpu'


def test_table_and_picture():
    "A row for each model, in the table's order; a dot for each training, at its number of mistakes, and a triangle at each median."
    columns = ['model', 'wrong', 'images']
    table = pd.DataFrame([('conv', 20, 2038), ('conv', 22, 2038), ('conv', 20, 2038), ('linear', 40, 2038), ('linear', 51, 2038)], columns=columns)
    assert lottery_table(table).reset_index().values.tolist() == [['convolutional net', 7, 3, 20, 20., 22], ['line, large start', 4, 2, 40, 45.5, 51]]
    plot_lottery(table)
    ax = plt.gca()
    dots, medians = ax.lines
    assert sorted(dots.get_xdata()) == [20, 20, 22, 40, 51] and sorted(medians.get_xdata()) == [20, 45.5]
    places = list(zip(dots.get_xdata(), dots.get_ydata()))
    assert len(set(places)) == 5  # equal ones are stacked
    low, high = ax.get_ylim()
    assert all(-2 <= x <= ax.get_xlim()[1] and low <= y <= high for x, y in places)
    assert [text.get_text() for text in ax.texts] == ['line, large start\n2,038 images', 'convolutional net\n2,038 images']  # as the chapters come
    plot_lottery(table, ['conv'])
    assert len(plt.gca().texts) == 1 and 'convolutional net' in plt.gca().texts[0].get_text()
    plt.close('all')
    with pytest.raises(ValueError, match="no training of 'relu': expected some of conv, linear"): plot_lottery(table, ['conv', 'relu'])
    with pytest.raises(ValueError, match='the table is empty: python -m mnist_nb.lottery fills it'): plot_lottery(table[:0])


@pytest.mark.parametrize('key', ['linear', 'learner'])
def test_the_table_is_what_trainings_give(key):
    "The first seed makes about as many mistakes as the table says; another processor may make a few more or fewer."
    wrong = HEADLINES[key].wrong(0)
    stated = load_lottery().query('model == @key and seed == 0').wrong.item()
    assert abs(len(wrong) - stated) <= 5 and len(set(wrong.tolist())) == len(wrong) and wrong.max() < 2038


@pytest.mark.parametrize('key, loss', [('held_back', 'mnist_loss'), ('line', 'binary_cross_entropy')])
def test_what_is_trained(monkeypatch, key, loss):
    "Forty epochs, with the loss that the chapter names, and then measured on the validation images."
    asked = []
    def fit(model, epochs, lr, loss_func):
        asked.append((epochs, loss_func.__name__))
        return lambda x: torch.ones(len(x), 1), 785  # always a 3
    monkeypatch.setattr(lottery, 'fit_flat', fit)
    assert sorted(HEADLINES[key].wrong(3).tolist()) == [*range(1010, 2038)] and asked == [(40, loss)]


def test_resnet_is_chapter_8s(monkeypatch):
    import mnist_nb.cnn
    monkeypatch.setattr(mnist_nb.cnn, 'cnn_rung', lambda seed: SimpleNamespace(wrong=torch.tensor([seed])))
    assert HEADLINES['resnet18'].wrong(9).tolist() == [9]
