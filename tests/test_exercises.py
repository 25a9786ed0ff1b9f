"""Questions, exercises and their checks. nbdev-test runs the solutions and the checks of wrong answers; this looks at what it
can't see: that starters are rejected in words, that nothing is missing, and that the example in each task is what the solution gives."""
import ast, doctest, re
from importlib import import_module
from pathlib import Path

import nbformat, pytest
from nbformat import NotebookNode

from mnist_nb.exercises.core import Verdict
from mnist_nb.pages import caption, fold_name

NBS = Path(__file__).resolve().parent.parent/'nbs'
CHAPTERS = sorted(NBS.glob('[0-9][0-9]_*.ipynb'))
CHECKS = sorted(p for p in NBS.glob('exercises/*.ipynb') if p.stem != 'index')
SOLUTION = '# Solution\n'
EFFORT = re.compile(r'<small class="effort"><span aria-hidden="true">(.+)</span> (\w+) · about (\d+) minutes(?: · (.+))?</small>')
MARKS = {'easy': '● ○ ○', 'medium': '● ● ○', 'hard': '● ● ●'}
KINDS = ('predict', 'find the mistake', 'change and explain', 'a game')  # of what is not to write a function
HINT = re.compile(r'<details>\n<summary>(Hint.*?)</summary>\n\n(.+?)\n\n</details>', re.S)
EXAMPLE = re.compile('```python\n(>>> .+?\n)```', re.S)


def cells(notebook: Path) -> list[NotebookNode]: return nbformat.read(notebook, as_version=4).cells


def code(notebook: Path) -> list[NotebookNode]:
    "The cells with Python in them, and nothing of IPython's."
    return [c for c in cells(notebook) if c.cell_type == 'code' and not re.search('^ *[%!]', c.source, re.M)]


def part(notebook: Path, heading: str) -> list[NotebookNode]:
    "The cells of a notebook from a heading of the second level to the next."
    found, inside = [], False
    for cell in cells(notebook):
        if cell.cell_type == 'markdown' and re.match('## ', cell.source): inside = cell.source.startswith(f'## {heading}')
        if inside: found.append(cell)
    return found


def calls(source: str, start: str) -> list[ast.Call]:
    "The calls of functions whose name starts in a way, in a slow cell, too."
    return [node for node in ast.walk(ast.parse(re.sub('^%%slow.*\n', '', source)))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id.startswith(start)]


def starters(notebook: Path) -> list[NotebookNode]:
    "The cells where a reader's answer is checked, and nearly always written, too."
    return [c for c in code(notebook) if SOLUTION not in c.source and calls(c.source, 'check_')]


def run(source: str, names: dict) -> object:
    "Run a cell. Returns the value of its last line, as a notebook shows it."
    *body, last = ast.parse(source).body
    exec(compile(ast.Module(body, []), 'cell', 'exec'), names)
    return eval(compile(ast.Expression(last.value), 'cell', 'eval'), names)


@pytest.mark.parametrize('notebook', CHAPTERS, ids=lambda path: path.stem)
def test_questions(notebook):
    "8 to 12 questions, each with a folded answer and a link to the place, and at least one for each of the chapter's goals."
    introduction = next(c.source for c in cells(notebook) if 'you will be able to' in c.source)
    goals = set(range(1, len(re.findall('^- ', introduction, re.M)) + 1))
    questions = [c.source for c in part(notebook, 'Questions') if c.cell_type == 'markdown'][1:]
    assert 8 <= len(questions) <= 12
    for i, question in enumerate(questions, start=1):
        assert question.startswith(f'**{i}.** ')
        answer = re.search('<details>\n<summary>Answer</summary>\n\n(.+)\n\n</details>$', question, re.S)
        assert answer, f'question {i} has no folded answer'
        assert re.search(r'\]\((\S+\.ipynb)?#\S+\)', answer[1]), f'the answer to question {i} has no link to the place'
    asked = [int(n) for question in questions for goals in re.findall('<!-- goal ([0-9, ]+) -->', question) for n in goals.split(',')]
    assert set(asked) == goals


@pytest.mark.parametrize('notebook', CHAPTERS, ids=lambda path: path.stem)
def test_exercises(notebook):
    "3 to 8 exercises, each with a starter and a solution that are put to the same check."
    exercises = part(notebook, 'Exercises')
    first = int(notebook.stem[:2])
    headings = [c.source.split()[1] for c in exercises if c.source.startswith('### ')]
    assert headings == [f'{first}.{i}' for i in range(1, len(headings) + 1)] and 3 <= len(headings) <= 8
    tried = [calls(c.source, 'check_')[0].func.id for c in starters(notebook)]
    solved = [calls(c.source, 'check_')[0].func.id for c in exercises if SOLUTION in c.source]
    assert tried == solved and len(tried) == len(headings)
    assert all('assert check_' in c.source for c in exercises if SOLUTION in c.source)


def tasks(notebook: Path) -> dict[str, tuple[str, str]]:
    "The text of each exercise, and its starter, by its number."
    found, number = {}, None
    for cell in part(notebook, 'Exercises'):
        if cell.source.startswith('### '): number, text = cell.source.split()[1], cell.source
        elif number and number not in found and cell.cell_type == 'code' and calls(cell.source, 'check_'):
            found[number] = text, cell.source
    return found


@pytest.mark.parametrize('notebook', CHAPTERS, ids=lambda path: path.stem)
def test_form_of_tasks(notebook):
    "Each task says how hard it is, how long it takes and on which it builds, has a folded hint (a hard one has two), and an example."
    said, opening = [], part(notebook, 'Exercises')[0].source
    solutions = dict(zip(tasks(notebook), (c.source for c in part(notebook, 'Exercises') if SOLUTION in c.source)))
    for number, (text, starter) in (found := tasks(notebook)).items():
        effort = EFFORT.fullmatch(text.split('\n\n')[1])
        assert effort, f'{number}: the line below the title'
        marks, level, minutes, more = effort.groups()
        assert marks == MARKS[level] and int(minutes) in {'easy': (5, 10), 'medium': (10, 15, 20), 'hard': (20, 25, 30, 60)}[level], number
        said.append(more.split(' · ') if more else [])
        for words in said[-1]:
            earlier = re.findall(r'\d+\.\d+', words)
            assert words in (*KINDS, 'for the quick') or earlier and words == f'builds on {" and ".join(earlier)}', f'{number}: {words}'
            for other in earlier:
                without = re.search(rf'If you skipped (?:[\d.]+(?:, | or | and ))*{other}\b', text + opening)
                assert other in found and other < number and without, f'{number}: how does one do without {other}?'
        hints = HINT.findall(text)
        assert [name for name, _ in hints] == (['Hint 1, the idea', 'Hint 2, the first line'] if level == 'hard' else ['Hint']), number
        assert text.endswith('</details>') and '*A hint' not in text, number
        if level == 'hard': assert '`' in hints[1][1], f'{number}: the first line is code'
        assert all(len(hint.split()) < 75 for _, hint in hints), number
        wants_code = any(isinstance(node, (ast.FunctionDef, ast.ClassDef)) for node in ast.parse(starter).body)
        assert EXAMPLE.search(text) or not wants_code, f'{number} has no example'
        assert all(len(line) <= 80 for example in EXAMPLE.findall(text) for line in example.splitlines()), f'{number}: this scrolls'
        lines = {line.split('#')[0].strip() for line in solutions[number].splitlines()[2:]}
        given = [line for line in lines if len(line) > 20 and any(line in hint for _, hint in hints)]
        assert len(given) <= (level == 'hard') + ('def ' in hints[-1][1]), f'{number}: a hint is not to be the solution: {given}'
    every = [words for line in said for words in line]
    assert every.count('for the quick') == 1 and set(KINDS) & set(every) and any(words.startswith('builds on') for words in every)


@pytest.mark.parametrize('notebook', CHAPTERS, ids=lambda path: path.stem)
def test_examples(notebook):
    "The example of each task is what the solution gives, in the names that the chapter has there."
    module = nbformat.read(notebook, as_version=4).metadata.nbdev.default_exp
    names, found = dict(vars(import_module(f'mnist_nb.{module}'))), tasks(notebook)
    for cell in code(notebook):
        for node in ast.parse(cell.source).body:
            if isinstance(node, (ast.Import, ast.ImportFrom)): exec(ast.unparse(node), names)
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(verbose=False)
    solutions = [re.sub('^%%slow.*\n', '', c.source) for c in part(notebook, 'Exercises') if SOLUTION in c.source]
    for (number, (text, starter)), solution in zip(found.items(), solutions, strict=True):
        for node in ast.parse(solution).body:
            if isinstance(node, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)): exec(ast.unparse(node), names)
        for asked, given in zip(calls(starter, 'check_')[0].args, calls(solution, 'check_')[0].args):  # it may have another name
            if getattr(given, 'id', None) in names: names[asked.id] = names[given.id]
        for example in EXAMPLE.findall(text):
            said = []
            runner.run(parser.get_doctest(example, names, number, notebook.name, 0), out=said.append)
            assert not said, ''.join(said)


@pytest.mark.parametrize('notebook', CHAPTERS, ids=lambda path: path.stem)
def test_starters_are_rejected_in_words(notebook):
    "A starter as it stands gets a verdict, and in the saved notebook that verdict is to be seen."
    names = {}
    for cell in code(notebook):
        for node in ast.parse(cell.source).body:
            if isinstance(node, (ast.Import, ast.ImportFrom)): exec(ast.unparse(node), names)
    for starter in starters(notebook):
        verdict = run(starter.source, names)
        assert isinstance(verdict, Verdict) and not verdict, starter.source
        assert len(verdict.words) > 20 and 'stopped with' not in verdict.words, verdict
        shown = ''.join(output.get('data', {}).get('text/plain', '') for output in starter.outputs)
        assert shown == repr(verdict)


@pytest.mark.parametrize('notebook', CHECKS, ids=lambda path: path.stem)
def test_checks_are_tested(notebook):
    "Every check accepts at least one answer, and rejects at least three, each with words of its own."
    sources = [c.source for c in code(notebook)]
    checks = [node.name for source in sources for node in ast.parse(source).body
              if isinstance(node, ast.FunctionDef) and node.name.startswith('check_')]
    tested = {'accepts': {}, 'rejects': {}}
    for source in sources:
        for kind in tested:
            for call in calls(source, kind):
                tested[kind].setdefault(call.args[0].id, []).append(ast.unparse(call.args[-1]))
    for check in checks:
        assert len(tested['accepts'].get(check, [])) >= 1, f'{check} accepts nothing'
        assert len(set(tested['rejects'].get(check, []))) >= 3, f'{check} is tried with fewer than three mistakes'


@pytest.mark.parametrize('notebook', sorted(NBS.rglob('*.ipynb')), ids=lambda path: path.stem)
def test_folding(notebook):
    "What is folded has a name, solutions and what only Jupyter needs are folded, and no option for Quarto stands in a reader's way."
    for cell in cells(notebook):
        if cell.cell_type != 'code': continue
        name = fold_name(cell)
        assert not re.search(r'^#\| *(hide|default_exp|fig-|code-|echo|slow)', cell.source, re.M), cell.source
        assert name or 'hide' not in cell.metadata.get('nbdev', {}), cell.source
        assert (name is not None) == (cell.metadata.get('cellView') == 'form'), cell.source  # Colab's word for it
        assert not (name in ('Solution', 'Checked') and cell.outputs), f'this would be seen below the fold: {cell.outputs}'


@pytest.mark.parametrize('notebook', sorted(NBS.rglob('*.ipynb')), ids=lambda path: path.stem)
def test_figures(notebook):
    "Every figure has a caption below it, alternative text in that, and a width, which is no larger than that of the text."
    whole = cells(notebook)
    for cell, below in zip(whole, [*whole[1:], None]):
        for output in cell.get('outputs', []):
            if 'image/png' not in output.get('data', {}): continue
            if 'Figure' in output['data']['text/plain']: assert output['metadata']['image/png']['width'] <= 670, cell.source
            assert below and caption(below), cell.source
