#!/usr/bin/env python
"""Say which numbers in the book's text nothing in their section backs: `python tools/check_numbers.py [NOTEBOOK …]`.

A section goes from its heading to the next one of the same or a higher level, so what comes before the first `##` has the
whole notebook behind it; and so has the summary, *What you learned*. A number is digits (1,234, −0.97, 98.4 %, 3 to 5), or
words: so many of the MEASURES or THINGS, or about a part of something. Captions, alternative texts and folded answers are
text, too. A number is backed if it stands in

- an assertion of its section, with the loop around it, or what a cell named `Checked` tries in its assertions,
- what a cell of the section has printed, or shown as a table,
- the section's open code, which sets it, as in `lr=0.1`, or
- any of these where a link in the same paragraph leads (a question and its answer are one paragraph).

Of folded code that draws, the numbers back only captions and alternative texts. An exercise has its check behind it, and
sizes of the data, which nbs/behind/data.ipynb asserts, need no backing of their own.

It may be rounded to the places that the text gives; a percentage is backed by a share. Whole numbers below 100 must be
exact, unless the text says `about`, and zeros after the first three digits may come from rounding. The two ends of a range must stand in one assertion, output or cell. SKIPPED says which numbers need
no backing, by rule, and EXCEPTIONS names the few sentences besides.
"""
import ast, re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from operator import add, mul, pow, sub, truediv
from pathlib import Path

import click, nbformat
from nbformat import NotebookNode

from mnist_nb.command import run_command
from mnist_nb.pages import fold_name

ROOT = Path(__file__).resolve().parent.parent

NAMED = 'chapters? exercises? skipped rungs? questions? goals? sections? parts? steps? seeds? pixels? version edition python pytorch torch fastai nbdev by by-sa'.replace(' ', '|')
BLOCKS = {  # what is left out of a text before it is cut into sentences, and how one finds it
    'code': r'(?s)```.*?```|`[^`\n]+`',
    'the boxes about people, who have sources': r'(?s)<blockquote class="people">.*?</blockquote>',
    'how long it takes to read a chapter, and to run it': r'(?m)^\*Reading time:.*$',
    'how hard an exercise is, and how long it takes': r'<small class="effort">.*?</small>',
    'places in a list': r'(?m)^(?:\*\*)?\d+\. ?(?:\*\*)?(?=\s)',
}
SKIPPED = {  # what is left out of a sentence
    'addresses, and what only a browser reads': r'(?<=\])\([^)\s]+\)|<(?!!--)[^<>]*>|<!-- goal.*?-->',
    'what has a number for a name': rf'(?i)\b(?:{NAMED}) \d[\d.]*\b(?:(?:, | to | and | or |–)\d[\d.]*\b)*',
    'years': r'\b(?:1[5-9]|20)\d\d(?:–\d\d|s)?\b(?![,.]\d)',
    'handwritten digits': r'\b\d[s’]|(?<![\d.,])[37]\b(?![.,]\d| ?%| per cent| of | ×)|\b(?:an?|the|mean) (?:\d\b(?![.,]\d| \w)|[37] of\b)',
    'sizes of squares, and of numbers in a computer': r'\b(28|[2-9]) ?[×x] ?\1\b|\b(?:8|16|32|64)[- ]bits?\b',
    'the ends of a share, and the two labels': r'(?<![\d.,\w/])[01]\b(?![.,]\d| ?%| per cent)',
    'choices, in a question': r'(?<= )(?:[\d.]+(?: ?%)?, )+(?:or )?[^?.]*\?$',
    'exponents and places in formulas': r'(?<=[\w})])[\^_](?:\{[^{}]*\}|\w)|\*\*\d+|\\tfrac\d\d|\\[a-z]+',
}
ALL_TEN = r'(?<![\d.,])\d\b(?![.,]\d| ?%| (?:of|per|mistakes|epochs|seconds)\b)'  # handwritten digits, where all ten are the theme
DATA = {28*28, 255, 256, 6131, 6265, 12396, 2038, 14434, 60000, 10000, 70000}  # what nbs/behind/data.ipynb asserts
EXCEPTIONS = {  # the words that are left out: why nothing in their section can back them
    'labelled 6 repeat': 'the name of a step',
    'in epoch 37 of 40': 'a scene',
    'picked the 100 of': 'published, with its source',
    'For 85 of the 100,': 'likewise',
    'got 0.95 % wrong here': 'likewise',
    '224 pixels a side': 'what resnet18 was made for',
    'the column of the 9 to 1,050': 'a table that is supposed',
    'said 9 for 1,050 images': 'likewise',
    'gives 99.47 % in one run': 'a run that is supposed',
    'gave 99.41 %': 'likewise',
    'named after its 18 layers': 'chapter 8 counts them',
    '8 GB of free disk space': 'found out by installing the package, which no notebook does',
}

WORDS = dict(zip('one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen '
                 'eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety'.split(), [*range(1, 20), *range(20, 100, 10)]))
LARGE = {'hundred': 100, 'thousand': 1000, 'million': 10**6, 'billion': 10**9}
WHOLES = {'ten': 10, 'thousand': 1000, '1,000': 1000}  # what shares are of, if not of 100
PARTS = {'half': 2, 'third': 3, 'quarter': 4, 'fifth': 5, 'tenth': 10, 'hundredth': 100, 'thousandth': 1000, 'millionth': 10**6}
MEASURES = (r'(?:(?:more|fewer|wrong) )?(?:mistakes?|errors?|(?:milli|micro)?seconds?|minutes?|hours?|per cent|percentage points|epochs?|parameters|'
            r'times (?:as|more|less|the|\w+er)|(?:in|of|out of) (?:ten|a hundred|a thousand|100|1,000))\b')
THINGS = r'(?:(?:new|training|wrong) )?(?:images|digits|pixels|networks|models|runs|seeds|steps|points|batches|numbers|weights|places|pictures|pairs)\b'
ROUGHLY = r'(?:about|roughly|around|nearly|almost|some|close to|near|well|just|≈|~)'
HEDGE = rf'(?:{ROUGHLY}|over|under|only|at least|at most|(?:more|less|fewer) than)'
FEW = 'two|three|four|five|six|seven|eight|nine|ten'
ALL = '|'.join([*list(WORDS)[1:], *LARGE])
MANY = rf'(?:a |half a )?(?:{ALL})(?:(?:[- ]| and )(?:{ALL}))*'
A_PART = rf"(?:a|an|one|two|three|four|nine) (?:{'|'.join(PARTS)})s?"
NUMBER = re.compile(
    rf'(?:\b(?P<roughly>{ROUGHLY}) )?(?:'
    r'(?P<digits>(?<![\w.,/-])[-−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?![\w]|[.,]\d))(?: (?P<large>hundred|thousand|million|billion)\b)?'
    rf'|\b(?<!few )(?<!several )(?P<words>{MANY}(?=(?: (?:to|or) {MANY})?[ -]{MEASURES})|(?!(?:{FEW}) ){MANY}(?=(?: (?:to|or) {MANY})? {THINGS})))'
    r'(?: ?(?P<per>%|per cent|percentage points?|(?:in|of|out of) (?:a hundred|100)|(?:in|of|out of) ten|(?:in|of|out of) (?:a thousand|1,000))(?!\w))?'
    rf"|\b(?:{HEDGE} (?P<part>{A_PART}|half)|(?P<twice>twice|half) as \w+|(?P<of>{A_PART}) of)\b", re.I)
PRINTED = re.compile(r'(?<![\w#.])[-−+]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d*)?(?:e[-+]?\d+)?(?!\w)')
LINK = re.compile(r'\]\((?P<file>[\w./-]+\.ipynb)?(?:#(?P<place>[^)\s]*))?\)')
CHECKS = re.compile(r'(test|check)_|(accepts|rejects)$')  # functions that check


@dataclass
class Number:
    "A number in a text."
    text: str
    value: float
    within: float                    # what part of it what backs it may be off
    times: frozenset = frozenset([1])# what that is multiplied by: a percentage may be printed as such, or as a share

    def backed(self, numbers: set[float]) -> bool:
        "Whether these numbers have it; a sign counts if the text has one."
        off = abs(self.value)*self.within*(1 + 1e-6) + 1e-12
        return any(abs((n if self.value < 0 else abs(n))*times - self.value) <= off for n in numbers for times in self.times)


@dataclass
class Section:
    "A heading, the paragraphs below it, and what its cells say, each a set of numbers; with the sections in it."
    level: int
    title: str
    paragraphs: list[str] = field(default_factory=list)  # its own
    backing: list[set[float]] = field(default_factory=list)
    drawn: list[set[float]] = field(default_factory=list)  # what code that is folded sets
    checks: set[str] = field(default_factory=set)  # the names of functions that check an exercise here, or are made here


def from_words(words: str) -> float:
    "The number that such words as `three hundred and twenty` name."
    total, group = 0, 0
    for word in re.findall(r'\w+', words.lower()):
        if word == 'half': group = 0.5
        elif word in WORDS: group += WORDS[word]
        elif word == 'hundred': group = (group or 1)*100
        elif word in LARGE: total, group = total + (group or 1)*LARGE[word], 0
    return total + group


def a_part(text: str, words: str) -> Number:
    "The part that such words as `a third` or `three quarters` name."
    *many, name = words.lower().split()
    return Number(text, (WORDS.get(many[0], 1) if many else 1)/PARTS[name if name in PARTS else name.rstrip('s')], 0.2)


def number(found: re.Match) -> Number:
    "What NUMBER has found."
    if found['twice']: return Number(found[0], 2 if found['twice'].lower() == 'twice' else 0.5, 0.2)
    if found['part'] or found['of']: return a_part(found[0], found['part'] or found['of'])
    digits = (found['digits'] or '').replace(',', '').replace('−', '-')
    value = float(digits) if digits else from_words(found['words'])
    places, whole = len(digits.partition('.')[2]), f'{abs(value):.0f}'
    zeros = len(whole) - len(whole.rstrip('0')) if value and not places else 0
    size = LARGE.get((found['large'] or '').lower(), 1)
    if found['roughly']: within = min(0.5*10**(zeros - places), abs(value)/10)
    elif places or size > 1 or found['per']: within = 0.5*10**-places
    else: within = 0.5*10**min(zeros, len(whole) - 3) if abs(value) >= 100 else 0
    last = (found['per'] or '').lower().rpartition(' ')[2]
    return Number(found[0], value, within/abs(value) if value else 0, {1/size, WHOLES.get(last, 100 if last else 1)/size})


CONSTANT = {ast.Add: add, ast.Sub: sub, ast.Mult: mul, ast.Div: truediv, ast.Pow: pow}

def constant(node: ast.AST) -> float | None:
    "The value of a number in code, also of one such as 28*28."
    if isinstance(node, ast.Constant) and type(node.value) in (int, float): return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = constant(node.operand)
        return None if inner is None else -inner
    if isinstance(node, ast.BinOp) and type(node.op) in CONSTANT:
        left, right = constant(node.left), constant(node.right)
        if left is None or right is None or isinstance(node.op, ast.Pow) and abs(right) > 64: return None
        try: return CONSTANT[type(node.op)](left, right)
        except ArithmeticError: return None


def printed(text: str) -> set[float]:
    "The numbers in a text that was printed."
    return {float(n.replace(',', '').replace('−', '-')) for n in PRINTED.findall(text)}


def in_code(node: ast.AST, strings: bool = False) -> set[float]:
    "The numbers in a piece of code, without tolerances; n/3 has a third, and what takes `abs` both signs; texts count in assertions."
    found, stack = set(), [node]
    both = any(getattr(part, 'id', getattr(part, 'attr', '')) == 'abs' for part in ast.walk(node))
    while stack:
        node = stack.pop()
        if isinstance(node, ast.keyword) and node.arg in ('atol', 'rtol', 'eps'): continue
        if (value := constant(node)) is not None: found.add(float(value))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and (below := constant(node.right)): found.add(1/below)
        if strings and isinstance(node, ast.Constant) and isinstance(node.value, str): found |= printed(node.value)
        stack += ast.iter_child_nodes(node)
    return found | {-n for n in found} if both else found


def is_check(node: ast.AST) -> bool:
    "Whether a statement asserts, or calls a function that does."
    name = getattr(node.value.func, 'id', '') if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) else ''
    return isinstance(node, ast.Assert) or bool(CHECKS.match(name))


def asserted(body: list[ast.stmt], around: frozenset = frozenset()) -> Iterator[set[float]]:
    "The numbers of each assertion, with those of the loops around it."
    for node in body:
        if is_check(node): yield around | in_code(node, strings=True)
        header = around | in_code(node.iter, strings=True) if isinstance(node, ast.For) else around
        for inner in ('body', 'orelse', 'finalbody'): yield from asserted(getattr(node, inner, []), header)


def without_magic(source: str) -> str:
    "The lines of a cell that are Python."
    return '\n'.join(line for line in source.splitlines() if not re.match(r'\s*[%!]', line))


def cell_backing(cell: NotebookNode, code: ast.Module) -> list[set[float]]:
    "What a cell asserts and shows: sets of numbers that stand together."
    found = list(asserted(code.body))
    if found and fold_name(cell) == 'Checked': found += [in_code(node) for node in code.body if isinstance(node, (ast.Assign, ast.FunctionDef))]
    for output in cell.outputs:
        data = output.get('data', {})
        html = re.sub(r'(?s)<(script|style).*?</\1>|<[^>]*>', ' ', data.get('text/html', ''))
        found.append(printed(output.get('text', '') + data.get('text/plain', '') + data.get('text/markdown', '') + html))
    return found


def paragraphs(text: str) -> list[str]:
    "The paragraphs of a text; a question and its answer, and an alternative text and its caption, are one."
    for words in EXCEPTIONS: text = text.replace(words, '')
    for pattern in BLOCKS.values(): text = re.sub(pattern, '', text)
    return [text] if '<details>' in text or '<!-- alt' in text else re.split(r'\n\s*\n', text)


def within(found: list[Section]) -> Iterator[Section]:
    "The last section, and those that it is a part of."
    level = 9
    for section in reversed(found):
        if section.level < level:
            yield section
            level = section.level


@cache
def sections(path: Path) -> list[Section]:
    "The sections of a notebook, each with what backs its numbers; raises `OSError` for a file that is no notebook."
    try: cells = nbformat.read(path, as_version=4).cells
    except (ValueError, AttributeError): raise OSError(f'{path.name} could not be read as a notebook: restore it from the last commit.') from None
    found = [Section(1, '')]
    for cell in cells:
        if cell.cell_type == 'code':
            code = ast.parse(without_magic(cell.source))
            for section in within(found):
                section.backing += cell_backing(cell, code)
                (section.backing if fold_name(cell) is None else section.drawn).append(in_code(code))
                section.checks |= set(re.findall(r'\bcheck_\w+', cell.source))
        elif cell.cell_type == 'markdown':
            for piece in re.split(r'(?m)^(?=#{1,5} )', cell.source):
                heading = re.match(r'(#+) (.*)', piece)
                if heading: found.append(Section(len(heading[1]), heading[2]))
                found[-1].paragraphs += paragraphs(piece[heading.end():] if heading else piece)
    for section in found[1:]:
        if section.title == 'What you learned': section.backing = found[1].backing
    return found


def anchor(title: str) -> str:
    "The address of a section in its page, as Quarto makes it."
    plain = re.sub(r'[^\w\s.-]', '', re.sub(r'<[^>]*>|[`*]|\{.*\}', '', title)).strip().lower()
    return re.sub(r'^[^a-z]+', '', re.sub(r'\s+', '-', plain))


def linked(paragraph: str, path: Path) -> Iterator[set[float]]:
    "What stands where the links of a paragraph lead."
    for found in LINK.finditer(paragraph):
        target = (path.parent/found['file']).resolve() if found['file'] else path
        if not target.is_file(): continue
        for section in sections(target):
            if section.title and (anchor(section.title) == found['place'] or not found['place'] and section.level == 1): yield from section.backing


def checked_by(section: Section) -> Iterator[set[float]]:
    "What is said where the check of an exercise is made."
    if not re.match(r'\d+\.\d', section.title): return
    for path in (ROOT/'nbs/exercises').glob('*.ipynb'):
        for other in sections(path):
            if other.level > 1 and section.checks & other.checks: yield from other.backing + other.drawn


def sentences(paragraph: str) -> list[str]:
    "The sentences of a paragraph, each in one line, without those that cite a source."
    parts = re.split(r'(?<=[.?!])[*_”")]*\s+(?=[^\s\da-z])|\n(?=[-*] |\|)|<!-- alt:|</?summary>', paragraph)
    return [' '.join(part.split()) for part in parts if not re.search(r'sources\.ipynb#|https?://', part)]


def is_range(sentence: str, first: re.Match, second: re.Match) -> bool:
    "Whether two numbers are the ends of one."
    words = sentence[first.end():second.start()].strip()
    return words in ('to', '–') or words == 'and' and sentence[:first.start()].lower().endswith('between ')


def numbers(sentence: str, backing: list[set[float]]) -> Iterator[tuple[str, bool]]:
    "The numbers of a sentence, and whether each is backed."
    for pattern in SKIPPED.values(): sentence = re.sub(pattern, ' ', sentence)
    sentence = sentence.replace('{,}', ',')
    everything = DATA.union(*backing)
    matches = list(NUMBER.finditer(sentence))
    found = list(map(number, matches))
    ends = {i for i in range(1, len(found)) if is_range(sentence, *matches[i-1:i+1])}
    for i in ends: found[i-1].times |= found[i].times  # 40 to 65 % begins at 40 %
    for i, n in enumerate(found):
        if i in ends and n.backed(everything):
            yield f'{found[i-1].text} to {n.text}', any(found[i-1].backed(one) and n.backed(one) for one in backing)
        else: yield n.text, n.backed(everything)


def check(path: Path) -> Iterator[tuple[str, str, str, bool]]:
    "The numbers of a notebook: section, number, sentence, and whether it is backed."
    for section in sections(path):
        for paragraph in section.paragraphs:
            backing = section.backing + list(linked(paragraph, path)) + list(checked_by(section))
            if '<!-- alt' in paragraph: backing += section.drawn
            for sentence in sentences(paragraph):
                shown = re.sub(ALL_TEN, ' ', sentence) if 'ten_digits' in path.stem else sentence
                for text, backed in numbers(shown, backing): yield section.title, text, sentence, backed


def book() -> list[Path]:
    "The notebooks whose numbers are checked."
    return sorted(path for path in (ROOT/'nbs').rglob('*.ipynb') if path.name != 'sources.ipynb')


@click.command()
@click.argument('notebooks', nargs=-1)
def main(notebooks):
    "Say which numbers in the text of NOTEBOOKS (all, if none is named) nothing in their section backs."
    lines, found = [], 0
    for path in [Path(name).resolve() for name in notebooks] or book():
        if path.suffix != '.ipynb' or not path.is_file(): raise OSError(f'{path} is no notebook.')
        for title, text, sentence, backed in check(path):
            found += 1
            if not backed: lines.append(f'{path.name}, {title or "at the top"}: {text}, in: {sentence}')
    for line in lines: print(line)
    print(f'{len(lines)} of {found} numbers are not backed.')
    if lines: raise SystemExit(1)


if __name__ == '__main__': run_command(main, 'check_numbers.py')
