"""Whether tools/check_numbers.py finds a number in the text that nothing backs, and lets the others be; and the whole book."""
import nbformat, pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import browsing  # which lets us import the tools
import check_numbers
from check_numbers import DATA, ROOT, from_words

FOLDED = {'jupyter': {'source_hidden': True}}


def found(tmp_path, text, *code, **more):
    "The numbers of a text that aren't backed, with this code below it; `more` are outputs of the first cell."
    cells = [new_code_cell(source, metadata=FOLDED if source.startswith('#') else {}) for source in code]
    if more: cells[0].outputs = [new_output('execute_result', {'text/plain': '', **{k.replace('_', '/'): v for k, v in more.items()}})]
    other = [new_markdown_cell('## Another\n\nNothing.'), new_code_cell('lr = 0.77')]
    path = tmp_path/'some.ipynb'
    nbformat.write(new_notebook(cells=[new_markdown_cell('# Some\n'), new_markdown_cell(f'## Here\n\n{text}'), *cells, *other]), path)
    return [number for _, number, _, backed in check_numbers.check(path) if not backed]


@pytest.mark.parametrize('text, code, said', [
    ('It makes 12 mistakes.', '# Checked\nassert n == 12', []),
    ('It makes 12 mistakes.', '# Checked\nassert n == 13', ['12']),
    ('It makes 12 mistakes.', '# Checked\nassert n == 12.4', ['12']),              # whole numbers are exact, …
    ('It makes about 12 mistakes.', '# Checked\nassert n == 12.4', []),            # … unless it says so
    ('It makes twelve mistakes.', '# Checked\nassert n == 13', ['twelve']), ('It makes twelve mistakes.', '# Checked\nassert n == 12', []),
    ('It makes 12 to 17 mistakes.', '# Checked\nassert 12 <= n <= 17', []),
    ('It makes 12 to 17 mistakes.', '# Checked\nassert n >= 12\nassert m <= 17', ['12 to 17']),
    ('Between 40 and 65 % are right.', '# Checked\nassert 0.4 < a < 0.65', []), ('Between 40 and 65 % are right.', '# Checked\nassert 0.4 < a\nassert a < 0.65', ['40 to 65 %']),
    ('98.3 % are right.', '# Checked\nassert abs(a - 0.983) < 0.001', []), ('98.3 % are right.', '# Checked\nassert a == 0.97', ['98.3 %']),
    ('98.3 % are right.', '# Checked\nassert 98.27 < a', []), ('0.97 is right.', '# Checked\nassert a == 1 - 3/100', []),
    ('The score is −19.', '# Checked\nassert a == 19', ['−19']), ('The score is −19.', '# Checked\nassert a == -19', []),
    ('It has 11,700,000 parameters.', '# Checked\nassert 11_700_000 == n', []), ('It has 11.7 million parameters.', '# Checked\nassert n == 11_708_992', []),
    ('It has 11.7 million parameters.', '# Checked\nassert n == 12e6', ['11.7 million']),
    ('About a third is left.', '# Checked\nassert 0.3 < n < 0.37', []), ('About a third is left.', '# Checked\nassert n < 0.5', ['About a third']),
    ('It is twice as fast.', '# Checked\nassert n > 3', ['twice as fast']), ('It is five times as fast.', '# Checked\nassert n > 5', []),
    ('It takes twenty seconds.', '# Checked\npass', ['twenty']), ('Three images stand in two rows.', '# Checked\npass', []),
    ('We train for 21 epochs, at 0.1.', 'train(21, lr=0.1)', []),                  # open code sets them
    ('We train for 21 epochs, at 0.1.', '# How it is trained\ntrain(21, lr=0.1)', ['21', '0.1']),
    ('*From 0 to 21.*\n<!-- alt: A curve from 0 to 21. -->', '# How it is drawn\nplot(21)', []),
    ('*A curve.*\n<!-- alt: It ends at 22. -->', '# How it is drawn\nplot(21)', ['22']),
    ('The loss is 0.5.', '# Checked\nassert torch.allclose(a, b, atol=0.5)', ['0.5']),
    ('There are 9 of them.', '# Checked\nfor n in (8, 9):\n    assert f(n)', []), ('There are 9 of them.', '# How\nn = 9', ['9']), ('There are 9 of them.', '# Checked\nn = 9\nassert f(n)', []),
    ('The rate is 0.77.', '# Checked\npass', ['0.77']), ('The rate is 0.77, see [there](#another).', '# Checked\npass', []),
    ('<details>\n\nIt is 0.77.\n\nSee [there](#another).\n\n</details>', '# Checked\npass', []),
    ('See chapters 2 and 4, exercise 4.2, `x[5]`, and the 3s of 1998, from 0 to 1.', 'pass', []),
    ('$x^{12}_5 + 28{,}133$', '# Checked\nassert n == 28_133', []), ('All 12,396 images are 28 × 28.', 'pass', []),
    ('<blockquote class="people">\n\n**He** had 50,000.\n\nAnd 4 more.\n\n</blockquote>', 'pass', []),
    ('Guess: 15 %, 30 % or 50 %?', 'pass', []), ('1. one\n2. two', 'pass', []), ('Is it 5 %? It is 6 %.', 'pass', ['5 %', '6 %']),
])
def test_a_number_needs_something_that_backs_it(tmp_path, text, code, said):
    assert found(tmp_path, text, code) == said


def test_what_is_shown_backs_a_number(tmp_path):
    table = '<style>.a {width: 31px}</style><table width="32"><td>0.97</td></table>'
    assert found(tmp_path, '97 % of 40, 31, 32.', 'show()', text_html=table, text_plain='tensor(40.)') == ['31', '32']


def test_a_summary_and_the_beginning_have_the_whole_notebook_behind_them(tmp_path):
    path = tmp_path/'whole.ipynb'
    texts = ['# Some\n\n12 to begin with', '## Here\n\n12 and 13', '## What you learned\n\n12 again, and 14']
    cells = [new_markdown_cell(text) for text in texts]
    nbformat.write(new_notebook(cells=[cells[0], cells[1], new_code_cell('n = 12'), cells[2]]), path)
    assert [(title, n) for title, n, _, backed in check_numbers.check(path) if not backed] == [('Here', '13'), ('What you learned', '14')]


@pytest.mark.parametrize('words, value', [('twelve', 12), ('ninety-five', 95), ('a hundred', 100), ('three hundred and twenty', 320),
    ('a hundred and five', 105), ('two thousand', 2000), ('half a million', 500_000), ('a million', 10**6), ('twelve thousand five hundred', 12_500)])
def test_number_words(words, value):
    assert from_words(words) == value


def test_the_sizes_of_the_data_are_asserted():
    sections = check_numbers.sections(ROOT/'nbs/behind/data.ipynb')
    assert DATA <= set().union(*sections[1].backing)


def test_exceptions_are_few_and_needed():
    text = '\n'.join(cell.source for path in check_numbers.book() for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == 'markdown')
    assert len(check_numbers.EXCEPTIONS) <= 40 and all(words in text for words in check_numbers.EXCEPTIONS)


@pytest.mark.parametrize('path', check_numbers.book(), ids=lambda path: path.relative_to(ROOT/'nbs').as_posix())
def test_every_number_of_the_book_is_backed(path):
    assert not [f'{title}: {number}, in: {sentence}' for title, number, sentence, backed in check_numbers.check(path) if not backed]
