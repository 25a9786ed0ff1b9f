"""Whether tools/prove.py finds what it should in the outputs of a notebook, and nothing else."""
import base64, io, json, re, subprocess

import nbformat, pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image, ImageDraw

import finish_site  # which browsing.py lets us import
import prove


@pytest.mark.parametrize('old, new, same', [
    ('0.98', '0.98', True), ('0.98', '0.99', False), ('0.98', '0.9801', True), ('0.98', '0.9812', False),
    ('12.3456', '12.3466', True), ('12.3456', '12.3476', False),      # a ten-thousandth of it
    ('0.0123', '0.0124', True), ('0.0123', '0.0125', False),          # one in the fourth decimal
    ('1.5e-08', '1.6e-08', True), ('1.5e-08', '1.7e-08', False), ('1.5e-08', '1.5e-07', False),
    ('99', '98', False), ('100,000', '100,001', False), ('1.', '1', True), ('-0.0000', '0.0000', True), ('0.5', '-0.5', False),
    ('−0.50004', '−0.50003', True), ('0.5', 'nan', False), ('nan', 'nan', True),
    ('tensor([ 0.1234,  2.0000])', 'tensor([0.1233, 2.0000])', True), ('a  b', 'a b', False),  # blanks count where no number changed
    ('3 of 5', '3 of 5 or 6', False), ('a 3 and a 7', 'a 7 and a 3', False), ('', 'more', False), ('[1, 2]', '[1, 2, 3]', False),
    ('28x28', '28x29', False), ('#f1f1f1', '#f1f1f2', False), ('<td>0.981</td>', '<td>0.971</td>', False),
])
def test_texts_and_numbers(old, new, same):
    assert (prove.texts_differ(old, new) is None) == same


@pytest.mark.parametrize('old, new, same', [
    ('took 1.20 s', 'took 31 s', True), ('in 5.48 seconds.', 'in 4.51 seconds.', True), ('12 µs', '9.5 µs', True),
    ('<td>00:52</td>', '<td>01:02</td>', True), ('  0.9799    0:01 \n\n', '  0.9799    0:00 \n\n', True),
    ('236 times as fast as', '199.5 times as fast as', True), ('<A object>', '<A object at 0x7f3a5c0de1f0>', True),
    ('mistakes     34\nseconds      0.63   0.17', 'mistakes     34\nseconds      1.63   0.02', True),
    ('mistakes     34\nseconds      0.63   0.17', 'mistakes     35\nseconds      0.63   0.17', False),
    ('im3[4:10]', 'im3[4:12]', False), ('99 7s', '98 7s', False), ('a 3 s', 'a 3 m', False), ('5 samples', '6 samples', False), ('7 times as many', '8 times as many', False),
    ('accuracy 0.97, 1.2 s', 'accuracy 0.96, 1.2 s', False),
])
def test_only_timings_and_addresses_are_set_aside(old, new, same):
    assert (prove.texts_differ(old, new) is None) == same


def test_a_column_of_times_is_set_aside_and_its_neighbour_is_not():
    table = ('<th id="T_x_level0_col0" class="col_heading level0 col0" >errors</th>'
             '<th id="T_x_level0_col1" class="col_heading level0 col1" >seconds to train</th>'
             '<td id="T_x_row0_col0" class="data row0 col0" >99</td><td id="T_x_row0_col1" class="data row0 col1" >0.19</td>')
    assert prove.texts_differ(table, table.replace('0.19', '7.25')) is None
    assert 'became' in prove.texts_differ(table, table.replace('99', '98'))


def picture(draw=None, size=(200, 100)):
    "A white picture with something drawn on it, in base64."
    image, file = Image.new('RGB', size, 'white'), io.BytesIO()
    if draw: draw(ImageDraw.Draw(image))
    image.save(file, 'PNG')
    return base64.b64encode(file.getvalue()).decode()


@pytest.mark.parametrize('draw, same', [
    (lambda d: None, True), (lambda d: d.rectangle((0, 0, 200, 100), '#fefefe'), True),  # what rounding to 256 colours does
    (lambda d: d.ellipse((50, 50, 54, 54), 'black'), False),                           # one point of a plot
    (lambda d: d.line((10, 10, 190, 90), 'red'), False), (lambda d: d.text((20, 20), '8', 'black'), False),
])
def test_pictures(draw, same):
    assert (prove.pictures_differ(picture(), picture(draw)) is None) == same


def test_a_picture_of_another_size_differs():
    assert prove.pictures_differ(picture(), picture(size=(200, 101))) == '200 × 100 pixels became 200 × 101'


PROJECT = '''[project]
name = "tiny"
version = "0.0.1"
[tool.nbdev]
lib_path = "tiny"
nbs_path = "nbs"
tst_flags = "slow"
'''
CELLS = {  # name: what a cell says, and what it had printed
    'stale': ('# Stale\n"seven"', "'eight'"), 'inside': ('0.1234', '0.1235'), 'outside': ('0.1234', '0.1239'),
    'warns': ('import warnings\nwarnings.warn("this is old")', None), 'timed': ('print("took 3.14 s")', 'took 2.72 s\n'),
    'drawn': ('from PIL import Image\nImage.new("RGB", (32, 32), "black")', Image.new('RGB', (32, 32), 'white')),
    'luck': ('import random\nrandom.random()', '0.5'), 'varying': ('f"{0.75} of 8"', "'0.5 of 9'"), 'silent': ('1;', '1'),
    'slow': ('#| slow\n"never"', "'run'"), 'skipped': ('#| eval: false\n"neither"', "'run'"), 'right': ('1 + 1', '2'),
}


def cell(name, source, had):
    "A cell with what it had printed."
    outputs = []
    if isinstance(had, str):
        stream = source.startswith('print')
        outputs = [new_output('stream', name='stdout', text=had) if stream else new_output('execute_result', {'text/plain': had})]
    elif had:
        data = {'text/plain': '<PIL.Image.Image image mode=RGB size=32x32>'}
        for kind in ('png', 'jpeg'):  # IPython shows such a picture in both
            file = io.BytesIO()
            had.save(file, kind)
            data[f'image/{kind}'] = base64.b64encode(file.getvalue()).decode()
        outputs = [new_output('execute_result', data)]
    return new_code_cell(source, id=name, outputs=outputs, metadata={'tags': ['varies']} if name == 'varying' else {})


def test_a_book_that_is_not_as_it_was_saved(tmp_path, capfd):
    "Each difference is one line that names notebook, cell, old and new; what agrees, or is set aside, isn't named."
    (tmp_path/'nbs').mkdir()
    (tmp_path/'pyproject.toml').write_text(PROJECT)
    cells = [cell(name, *rest) for name, rest in CELLS.items()]
    nbformat.write(new_notebook(cells=cells), tmp_path/'nbs/tiny.ipynb')
    nbformat.write(new_notebook(cells=[cell('early', '"good"', "'good'"), cell('wrong', '1/0', '0')]), tmp_path/'nbs/broken.ipynb')
    before = (tmp_path/'nbs/tiny.ipynb').read_bytes()
    subprocess.run(['git', 'init', '-q', '.'], cwd=tmp_path, check=True)

    assert not prove.prove(tmp_path, [])
    *lines, last = [line for line in capfd.readouterr().out.splitlines() if line.startswith('nbs/') or 'differences' in line]
    assert last.startswith('2 notebooks, ') and f' {len(lines)} differences.' in last
    assert lines[0] == 'nbs/broken.ipynb did not run to its end'
    names = [re.match(r'nbs/tiny\.ipynb, cell (\w+)', line)[1] for line in lines[1:]]
    assert names == ['skipped', 'stale', 'outside', 'warns', 'drawn', 'drawn', 'luck', 'silent']  # drawn: as PNG and as JPEG
    named = dict(zip(names, lines[1:]))
    assert named['stale'] == "nbs/tiny.ipynb, cell stale (# Stale): output 1, text/plain: 'eight' became 'seven'"
    assert named['outside'].endswith(' (0.1234): output 1, text/plain: 0.1239 became 0.1234')
    assert 'stderr: ' in named['warns'] and 'this is old' in named['warns'] and named['warns'].endswith('is new')
    assert named['drawn'].endswith('the picture differs, by 255 of 255 in a part of it') and named['silent'].endswith('1 is gone')
    assert (tmp_path/'nbs/tiny.ipynb').read_bytes() == before


def test_a_book_that_is_as_it_was_saved(tmp_path, capfd):
    (tmp_path/'nbs').mkdir()
    (tmp_path/'pyproject.toml').write_text(PROJECT)
    nbformat.write(new_notebook(cells=[cell(name, *CELLS[name]) for name in ('right', 'inside', 'timed', 'varying', 'slow')]), tmp_path/'nbs/tiny.ipynb')
    subprocess.run(['git', 'init', '-q', '.'], cwd=tmp_path, check=True)
    assert prove.prove(tmp_path, ['nbs/tiny.ipynb'])
    assert capfd.readouterr().out.endswith('1 notebooks, 4 outputs, 0 differences. In 1 cells numbers may vary.\n')
    nbformat.write(new_notebook(cells=[cell('wrong', '1/0', '0')]), tmp_path/'nbs/broken.ipynb')
    assert not prove.prove(tmp_path, [], note=True)
    noted = json.loads((tmp_path/prove.RECORD).read_text())
    assert noted.keys() == {'nbs/tiny.ipynb'}  # beside another that failed
    noted = noted['nbs/tiny.ipynb']
    assert noted['notebook'] == prove.content(tmp_path/'nbs/tiny.ipynb') and 'Python 3.' in noted['with'] and not noted['all']  # not the slow one
    with pytest.raises(OSError, match='There is no notebook nbs/other.ipynb'): prove.prove(tmp_path, ['nbs/other.ipynb'])


def test_the_foot_of_a_page_says_when_it_was_proved_until_its_notebook_changes(tmp_path, monkeypatch):
    monkeypatch.setattr(finish_site, 'ROOT', tmp_path)
    notebook = tmp_path/'nbs/behind/03_tiny.ipynb'
    notebook.parent.mkdir(parents=True)
    notebook.write_text('{}')
    page, path = '<main>text</main>', tmp_path/'_docs/behind/tiny.html'
    foot = lambda: finish_site.with_proof(page, path, tmp_path/'_docs')
    assert foot() == page  # nothing was noted
    prove.record(tmp_path, {'nbs/behind/03_tiny.ipynb': False})
    assert re.search(r'^<main>text<p class="proved"><small>Run from top to bottom on \d+ \w+ \d{4} with Python 3[^<]*left out\.</small>', foot())
    assert finish_site.with_proof(page, tmp_path/'_docs/other.html', tmp_path/'_docs') == page
    notebook.write_text('{"cells": []}')
    assert foot() == page
