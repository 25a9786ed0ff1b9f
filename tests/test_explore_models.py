"""The models that a page carries: as many mistakes as their files say, and the same scores in JavaScript as in PyTorch."""
import base64, gzip, json, re, shutil, subprocess, sys

import pytest, torch
from torch import Tensor

from browsing import ROOT
from make_models import carried, measured, models, read, sample
from mnist_nb.data import load_sample
from mnist_nb.explore import MODELS

EXPLORE = ROOT/'nbs/explore'
NAMES = list(models(carried()))


def images() -> Tensor:
    "All validation images, and 500 random ones: noise, blots, and digits shifted by up to eight pixels, beyond the border, too."
    generator = torch.Generator().manual_seed(1)
    x = load_sample('valid')[0].float()/255
    noise = torch.rand(100, 28, 28, generator=generator)
    blots = (torch.rand(100, 28, 28, generator=generator) < torch.rand(100, 1, 1, generator=generator)).float()
    shifts = torch.randint(-8, 9, (300, 2), generator=generator).tolist()
    shifted = [torch.nn.functional.pad(x[6*i], (c, -c, r, -r)) for i, (r, c) in enumerate(shifts)]
    return torch.cat([x, noise, blots, torch.stack(shifted)])


@pytest.fixture(scope='module')
def both() -> tuple[Tensor, dict[str, Tensor]]:
    "The images, and what PyTorch says of them."
    x = images()
    assert x.shape == (2038 + 500, 28, 28)
    with torch.no_grad(): return x, {name: model(x).flatten().double() for name, model in models(carried()).items()}


def agree(found: dict[str, list[float]], expected: dict[str, Tensor]):
    "Scores differ by at most 1e-5 of the largest one, and in no sign beyond that."
    assert list(found) == NAMES == list(expected) == list(MODELS)
    for name, scores in expected.items():
        other = torch.tensor(found[name], dtype=torch.float64)
        limit = 1e-5*scores.abs().max()
        assert (scores - other).abs().max() <= limit, name
        differ = (scores > 0) != (other > 0)
        assert (scores[differ].abs() <= limit).all(), name


def test_the_browser_agrees_with_pytorch(site, look, both):
    x, expected = both
    content = base64.b64encode(x.numpy().astype('<f4').tobytes()).decode()
    found = look(f'{site}/404.html').evaluate('''async ([address, content]) => {
        const { names, scores } = await import(`${address}/explore/models.js`)
        const { floats } = await import(`${address}/explore/unpack.js`)
        const all = floats(content), images = Array.from({ length: all.length / 784 }, (_, i) => all.subarray(784 * i, 784 * (i + 1)))
        return Object.fromEntries(names.map(name => [name, images.map(image => scores(name, image))]))
    }''', [site, content])
    agree(found, expected)


@pytest.mark.skipif(not shutil.which('node'), reason='needs Node.js; the browser is tested in any case')
def test_node_agrees_with_pytorch(both, tmp_path):
    x, expected = both
    (tmp_path/'images').write_bytes(x.numpy().astype('<f4').tobytes())
    (tmp_path/'run.mjs').write_text(f'''
        import {{ readFileSync }} from 'node:fs'
        import {{ names, scores }} from {json.dumps((EXPLORE/'models.js').as_uri())}
        const bytes = readFileSync({json.dumps(str(tmp_path/'images'))}), all = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
        const images = Array.from({{ length: all.length / 784 }}, (_, i) => all.subarray(784 * i, 784 * (i + 1)))
        console.log(JSON.stringify(Object.fromEntries(names.map(name => [name, images.map(image => scores(name, image))]))))
    ''')
    run = subprocess.run(['node', tmp_path/'run.mjs'], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    agree(json.loads(run.stdout), expected)


@pytest.mark.parametrize('call, said', [("scores('resnet18', new Float32Array(784))", 'no model is called resnet18: expected one of mean digits, L1'),
                                        ("scores('ReLU net', [1, 2])", 'expected an image of 784 numbers, got 2'), ("scores('ReLU net')", 'got undefined')])
def test_bad_calls_say_what_is_wrong(site, look, call, said):
    page = look(f'{site}/404.html')
    message = page.evaluate(f"import('{site}/explore/models.js').then(({{ scores }}) => {{ try {{ return {call} }} catch (error) {{ return error.message }} }})")
    assert said in message


def test_the_carried_weights_make_the_mistakes_they_claim():
    claimed = read('weights.js')['origin']
    assert {rung.name: rung.errors for rung in measured(carried())} == claimed['mistakes']
    assert claimed['seed'] == 42 and claimed['torch'] and claimed['version']


def test_the_sample_is_what_it_says():
    origin, parts = read('sample.js')['origin'], sample()
    for split, (x, labels) in parts.items():
        assert x.shape == (origin[split], 28, 28) and set(labels.tolist()) == {3, 7} and 0 == x.min() and x.max() == 1
        assert torch.equal(x*15, (x*15).round())
        originals = load_sample(split)[0].float()/255
        distances = torch.cdist(x[:20].flatten(1), originals.flatten(1)).min(1).values
        assert (distances < 1).all()  # each is an image of that split, but for its greys


def test_the_gallery_tells_the_truth():
    x, y = load_sample('valid')
    wrong = {rung.name: set(rung.wrong.tolist()) for rung in measured(carried())}
    digits = read('gallery.js')['digits']
    assert sum(not digit['wrong'] for digit in digits) == 6 and set(NAMES) == {name for digit in digits for name in digit['wrong']}
    for digit in digits:
        assert digit['label'] == y[digit['position']] and digit['wrong'] == [name for name in NAMES if digit['position'] in wrong[name]]


def test_sizes():
    "At most 60 KB of scripts and 300 KB of numbers, compressed."
    packed = {path.name: len(gzip.compress(path.read_bytes())) for path in EXPLORE.glob('*.js')}
    numbers = {name: packed.pop(name) for name in ('weights.js', 'sample.js', 'gallery.js')}
    assert sum(numbers.values()) <= 300_000, numbers
    assert sum(packed.values()) <= 60_000, packed


def test_a_picture_stands_for_each_thing_and_is_in_step():
    check = subprocess.run([sys.executable, ROOT/'tools/make_stills.py', '--check'], capture_output=True, text=True)
    assert check.returncode == 0, check.stderr
    assert all(path.stat().st_size < 200_000 for path in (EXPLORE/'stills').iterdir())


def test_no_notebook_carries_a_widget():
    "Quarto would load a widget manager from another host for it."
    for path in (ROOT/'nbs').rglob('*.ipynb'):
        if path.parent.name == '.ipynb_checkpoints': continue
        text = path.read_text(encoding='utf-8')
        assert 'jupyter.widget' not in text and '"widgets"' not in text, path.name


def test_nothing_is_loaded_from_another_host():
    for path in [*EXPLORE.glob('*.js'), *EXPLORE.glob('*.css')]:
        text = path.read_text(encoding='utf-8')
        assert set(re.findall(r'https?://[^\s\'"`)]+', text)) <= {'http://www.w3.org/2000/svg'}, path.name
        assert all(re.fullmatch(r'\./\w+\.js', name) for name in re.findall(r"\bfrom '([^']+)'", text)), path.name
