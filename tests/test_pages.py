"""How a notebook becomes a page, and what `%%slow` does where: on made-up cells, of which the right answer is known."""
import io, os
from base64 import b64decode

import matplotlib
import matplotlib.pyplot as plt
import nbformat, pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image

from mnist_nb import pages
from mnist_nb.pages import Layers, belongs, book_style, caption, fold_name, set_up


def code(source, folded=False, **more): return dict(cell_type='code', id=more.pop('id', 'x'), source=source, metadata={**({'jupyter': {'source_hidden': True}} if folded else {}), **more})
def text(source, **metadata): return dict(cell_type='markdown', id='t', source=source, metadata=metadata)


@pytest.mark.parametrize('cell, name', [
    (code('# Not folded'), None), (code('# Checked\nassert 1', True), 'Checked'), (code('#| export\n%%slow about a minute\n# How it is drawn\n', True), 'How it is drawn')])
def test_fold_name(cell, name): assert fold_name(cell) == name


def test_a_folded_cell_needs_a_name():
    with pytest.raises(ValueError, match=r"begins with a comment, its name, but not 'x = 1'"): fold_name(code('x = 1', True))


def test_caption():
    assert caption(text('*What it *is*.*\n<!-- alt: A line\nthat rises. -->')) == ('What it *is*.', 'A line\nthat rises.')
    for other in (text('*No alternative.*'), text('A *word*.\n<!-- alt: x -->'), code('*x*\n<!-- alt: y -->')): assert caption(other) is None


def test_belongs():
    assert belongs(text('all'), 'readme') and belongs(text('some', tags=['only-website', 'goal']), 'website')
    assert not belongs(text('some', tags=['only-website']), 'jupyter')
    with pytest.raises(ValueError, match='expected only-website, only-jupyter, only-readme, not only-paper'): belongs(text('x', tags=['only-paper']), 'website')


def page(*cells) -> list[dict]:
    "The cells of the page that some cells of a notebook become."
    notebook = {'cells': list(cells)}
    Layers(notebook).begin()
    return notebook['cells']


def test_layers():
    "Captions become options of the figure above, folded cells get a summary, and what is meant for other places is gone."
    figure, folded, slow = page(code('%%slow a minute\n#| slow\nplot()'), text('*A "line".*\n<!-- alt: It rises. -->'), text('elsewhere', tags=['only-jupyter']),
                                code('#| export\n# How it is drawn\ndef plot(): ...', True), code('%%slow long\n# Checked\nassert 1', True))
    assert figure['source'] == '#| fig-cap: "A \\"line\\"."\n#| fig-alt: "It rises."\n%%slow a minute\nplot()'
    assert folded['source'] == '#| code-fold: true\n#| code-summary: "How it is drawn"\n#| export\ndef plot(): ...'
    assert slow['source'] == '#| code-fold: true\n#| code-summary: "Checked"\n%%slow long\nassert 1'


def test_a_check_belongs_to_the_answer_above():
    "It is shown inside of the answer, which is closed below it."
    answer, check, end = page(text('**1.** Why?\n<details>\nSo.\n</details>'), code('# Checked\nassert 1', True))
    assert answer['source'] == '**1.** Why?\n<details>\nSo.\n' and 'assert 1' in check['source'] and (end['source'], end['id']) == ('</details>', 't-end')


@pytest.mark.parametrize('above', [[], [text('Words.')]])
def test_a_caption_without_a_figure(above):
    with pytest.raises(ValueError, match='a caption without a figure above it: Lost.'): page(*above, text('*Lost.*\n<!-- alt: Nothing. -->'))


@pytest.fixture
def shell(monkeypatch):
    "A notebook's shell after `set_up`, in which nothing is tested."
    monkeypatch.delenv('IN_TEST', raising=False)
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    with matplotlib.rc_context(): 
        set_up()
        yield shell
    InteractiveShell.clear_instance()


def value(shell, cell: str):
    "What a cell gives, and what it shows."
    with capture_output() as shown: result = shell.run_cell(cell)
    result.raise_error()
    return result.result, ''.join(output.data.get('text/markdown', '') for output in shown.outputs), shown.stdout


SLOW = '%%slow about 3 minutes\nx = 6\nx*7'


def test_slow(shell, monkeypatch):
    "It runs when it was asked to, and in nbdev-test, which asks by itself; otherwise it says that it didn't."
    result, note, _ = value(shell, SLOW)
    assert result is None and 'x' not in shell.user_ns and 'Not run, since it takes about 3 minutes. Run `%slow on`' in note
    assert value(shell, '%%slow a minute\n# Checked\nassert 0')[:2] == (None, '')  # a check says nothing
    value(shell, '%slow on')
    assert value(shell, SLOW)[:2] == (42, '') and shell.user_ns['x'] == 6
    assert value(shell, '%%slow a minute\ny = !echo 3')[:2] == (None, '') and shell.user_ns['y'] == ['3']  # with what only IPython knows
    value(shell, '%slow off')
    assert value(shell, SLOW)[0] is None
    monkeypatch.setenv('IN_TEST', '1')
    assert value(shell, SLOW)[0] == 42
    with pytest.raises(ValueError, match='write %slow on or %slow off, not %slow maybe'): pages.slow('maybe')


def test_slow_shows_what_was_saved(shell, monkeypatch, tmp_path):
    "Where Jupyter says which cell of which notebook it is: all outputs but the note."
    outputs = [new_output('display_data', {'text/markdown': '*Not run*'}, metadata={'note': True}), new_output('stream', text='epoch 1\n'),
               new_output('execute_result', {'text/plain': '0.98', 'text/markdown': '**98 %**'})]
    cell = new_code_cell(SLOW, id='there', outputs=outputs)
    nbformat.write(new_notebook(cells=[new_code_cell('1', id='other'), cell]), tmp_path/'saved.ipynb')
    monkeypatch.setenv('JPY_SESSION_NAME', str(tmp_path/'saved.ipynb'))
    for place, shown, printed in (('there', '**98 %**', 'epoch 1\n'), ('gone', '', '')):
        monkeypatch.setattr(shell, 'get_parent', lambda: {'metadata': {'cellId': place}}, raising=False)
        result, words, out = value(shell, SLOW)
        assert result is None and words.endswith(shown or '.*') and words.count('Not run') == 1 and out == printed
    (tmp_path/'saved.ipynb').unlink()
    assert value(shell, SLOW)[2] == ''


def test_figures_are_small(shell):
    "Twice the resolution of the page, in at most 256 colours, and an empty figure is none."
    show = shell.display_formatter.formatters['image/png']
    figure, ax = plt.subplots()
    ax.imshow([[0, 1], [2, 3]])
    picture, metadata = show(figure)
    image = Image.open(io.BytesIO(b64decode(picture)))
    assert image.mode == 'P' and len(image.getcolors()) <= 256
    assert all(abs(pixels - 2*dots) <= 1 for pixels, dots in zip(image.size, (metadata['width'], metadata['height'])))
    assert show(plt.figure()) is None and plt.rcParams['figure.figsize'] == [6.5, 3]
    plt.close('all')


def test_style_without_ipython(monkeypatch):
    monkeypatch.delitem(pages.sys.modules, 'IPython')
    with matplotlib.rc_context():
        book_style()
        assert plt.rcParams['axes.prop_cycle'].by_key()['color'][0] == '#0072b2'


def test_tables_of_fastai(shell, monkeypatch):
    "In nbdev-test, a training's rows come out as one table of HTML, as they do in Jupyter."
    from fastprogress import fastprogress
    import fastai.callback.progress as progress
    for module in (fastprogress, progress):
        for name in ('master_bar', 'progress_bar'): monkeypatch.setattr(module, name, getattr(module, name))
    monkeypatch.setenv('IN_TEST', '1')
    set_up()
    assert progress.master_bar is fastprogress.master_bar
    with capture_output() as shown:
        bar = progress.master_bar(range(2))
        bar.write(['epoch', 'loss'], table=True)
        for epoch in bar: bar.write([str(epoch), f'0.{epoch}'], table=True)
        for _ in progress.master_bar(range(1)): pass  # nothing to say
    table, = [output.data['text/html'] for output in shown.outputs]
    assert table.count('<tr') == 3 and '0.1' in table
