"""`load_cnn` on a thousand files that hold no weights of the network, or no longer: one `ValueError`, and no code of theirs is run."""
import io, os, pickle, subprocess, zipfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest, torch
from torch import nn

from mnist_nb import cnn

WORDS = 'does not hold the weights of this network: expected a whole file made by torch.save(model.state_dict(), file)'


def small_net() -> nn.Module:
    "In place of resnet18, whose 47 MB can't be written and read a thousand times."
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(), nn.Linear(4, 2))


def saved(thing: object, **how) -> bytes:
    "What `torch.save` writes."
    file = io.BytesIO()
    torch.save(thing, file, **how)
    return file.getvalue()


def members(content: bytes) -> dict[str, bytes]:
    "The parts of a zip file, by name."
    with zipfile.ZipFile(io.BytesIO(content)) as file: return {name: file.read(name) for name in file.namelist()}


def zipped(parts: dict[str, bytes]) -> bytes:
    "And back, with checksums that are right."
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w') as written:
        for name, part in parts.items(): written.writestr(name, part)
    return file.getvalue()


class Call:
    "An object whose pickle calls a function."
    def __init__(self, function, *args): self.call = function, args
    def __reduce__(self): return self.call


def changed(content: bytes, random: Random) -> bytes:
    "Bytes flipped, cut, taken out, put in, repeated, or another order of the parts."
    data, at = bytearray(content), random.randrange(len(content))
    match random.randrange(6):
        case 0:
            for _ in range(random.randrange(1, 9)): data[random.randrange(len(data))] ^= 1 << random.randrange(8)
        case 1: del data[at:]
        case 2: del data[at:at + random.randrange(1, 200)]
        case 3: data[at:at] = random.randbytes(random.randrange(1, 200))
        case 4: data[at:at + 64] = data[:64]
        case 5: data = data[at:] + data[:at]
    return bytes(data)


def swapped(content: bytes, random: Random) -> bytes:
    """Parts of the zip file that are missing, empty, each other's, or changed, with checksums that are right.
    It may be a whole file of other weights, if two parts of one size have changed places."""
    parts = members(content)
    one, other = random.sample(list(parts), 2)
    match random.randrange(5):
        case 0: del parts[one]
        case 1: parts[one] = b''
        case 2: parts[one], parts[other] = parts[other], parts[one]
        case 3: parts = {name.replace('archive', 'other') if name == one else name: part for name, part in parts.items()}
        case 4: one = next(name for name in parts if name.endswith('data.pkl')); parts[one] = changed(parts[one], random)
    return zipped(parts)


def traps(content: bytes, state: dict, marker: Path) -> Iterator[bytes]:
    "Pickles that call a function which leaves a file behind: alone, in the zip file, and among the weights."
    calls = [Call(os.system, f'touch "{marker}"'), Call(exec, f'open({str(marker)!r}, "w")'), Call(eval, f'open({str(marker)!r}, "w")'),
             Call(Path.touch, marker), Call(subprocess.call, ['touch', str(marker)]), Call(open, str(marker), 'w'), Call(os.mkdir, str(marker))]
    parts = members(content)
    pickled = next(name for name in parts if name.endswith('data.pkl'))
    for call in calls:
        for protocol in range(5):
            yield pickle.dumps(call, protocol)
            yield zipped(parts | {pickled: pickle.dumps(call, protocol)})
            yield zipped(parts | {pickled: pickle.dumps(state | {'0.bias': call}, protocol) if protocol > 1 else pickle.dumps([call], protocol)})
        yield saved(call)
        yield saved(call, _use_new_zipfile_serialization=False)
        yield saved(state | {'0.bias': call})


def others(state: dict) -> Iterator[bytes]:
    "Files that hold something else: objects, other shapes, other names, texts."
    nan = dict.fromkeys(state, 'x')
    for thing in [None, 3, 'text', [], {}, list(state.values()), list(state.items()), torch.zeros(3), {'model': state}, nan, {3: torch.zeros(3)}, (state,)]:
        yield saved(thing)
        yield pickle.dumps(thing)
    yield saved(small_net())
    yield saved({name: tensor.tolist() for name, tensor in state.items()})
    for name, tensor in state.items():
        yield saved({key: value for key, value in state.items() if key != name})
        yield saved(state | {f'{name}2': tensor})
        yield saved(state | {name: torch.zeros(7, 5)})
        yield saved(state | {name: None})
        if tensor.ndim > 1: yield saved(state | {name: tensor.flatten()})
    for text in ['', 'hello world', 'a,b\n1,2\n', '<html></html>', '\n'*1000, 'e', '0', '}', 'PK\x03\x04', '\x80\x02.', 'cos\nsystem\n(S"true"\ntR.', '{"weight": [1]}']:
        yield text.encode()


def thousand(content: bytes, state: dict, marker: Path) -> list[tuple[bytes, bool]]:
    "All of them, from a seed; and whether it could be a whole file of other weights."
    random = Random(0)
    found = [(bad, False) for bad in (*traps(content, state, marker), *others(state))]
    while len(found) < 1000: found.append((swapped(content, random), True) if len(found) % 3 == 0 else (changed(content, random), False))
    return found


def test_a_thousand_files(temporary, monkeypatch):
    net = small_net()
    monkeypatch.setattr(cnn, 'create_vision_model', lambda *args, **kwargs: net)
    state, marker, file = small_net().state_dict(), temporary/'ran', temporary/'weights.pth'
    pickle.loads(pickle.dumps(Call(Path.touch, marker)))  # the trap is one
    assert marker.exists()
    marker.unlink()
    content, taken = saved(state), []
    file.write_bytes(content)
    assert not cnn.load_cnn(file).training
    for i, (bad, other_weights) in enumerate(thousand(content, state, marker)):
        file.write_bytes(bad)
        try: model = cnn.load_cnn(file)
        except ValueError as e: assert str(e) == f'{file} {WORDS}' and e.__suppress_context__, i
        else:  # what was changed is nothing that counts
            assert other_weights or all(torch.equal(a.cpu(), b) for a, b in zip(model.state_dict().values(), state.values(), strict=True)), i
            taken.append(other_weights)
        assert not marker.exists(), i
    print(f'{len(taken)} taken, {sum(taken)} of them with parts that changed places')
    assert len(taken) < 60


def test_the_real_network(temporary):
    "Its file with a flipped bit among the weights, cut short, or of another number of classes."
    real = cnn.create_vision_model(cnn.resnet18, 2, pretrained=False)
    file = temporary/'resnet18.pth'
    torch.save(real.state_dict(), file)
    assert torch.equal(cnn.load_cnn(file).cpu().state_dict()['0.0.weight'], real.state_dict()['0.0.weight'])
    content = bytearray(file.read_bytes())
    content[len(content)//2] ^= 64
    file.write_bytes(content)
    with pytest.raises(ValueError, match='does not hold the weights of this network'): cnn.load_cnn(file)
    file.write_bytes(content[:-100])
    with pytest.raises(ValueError, match='does not hold the weights of this network'): cnn.load_cnn(file)
    torch.save(real.state_dict() | {'1.8.weight': torch.zeros(10, 512)}, file)
    with pytest.raises(ValueError, match='does not hold the weights of this network'): cnn.load_cnn(file)
