"Package metadata, read from settings.ini."
from configparser import ConfigParser
from pathlib import Path

from setuptools import setup

ini = ConfigParser()
ini.read('settings.ini', encoding='utf-8')
facts = ini['DEFAULT']


def lines(key: str) -> list[str]:
    "The non-empty lines of a fact."
    return facts[key].strip().splitlines()


# The notebooks of nbs/ travel as the folder `book` of the package, so that there is one copy of them in the repository.
book = {'mnist_nb.book': 'nbs'} | {f'mnist_nb.book.{path.name}': f'nbs/{path.name}'
                                   for path in sorted(Path('nbs').glob('[!._]*')) if any(path.glob('*.ipynb'))}

setup(
    long_description=Path('README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    author=facts['author'],
    license_expression=facts['license'],
    keywords=facts['keywords'],
    classifiers=lines('classifiers') + [f'Programming Language :: Python :: {v}' for v in facts['pythons'].split()],
    python_requires=f'>={facts["min_python"]}',
    install_requires=lines('requirements'),
    extras_require={'lab': lines('lab_requirements'), 'dev': lines('lab_requirements') + lines('dev_requirements')},
    entry_points={'console_scripts': ['mnist-nb = mnist_nb.command:main'], 'nbdev': ['mnist_nb = mnist_nb._modidx:d']},
    packages=['mnist_nb', 'mnist_nb.digits', 'mnist_nb.exercises', *book],
    package_dir=book,
    package_data={'mnist_nb': ['lottery.csv'], 'mnist_nb.digits': ['*']} | dict.fromkeys(book, ['*.ipynb']) | {
        'mnist_nb.book.explore': ['*.ipynb', '*.js', '*.css', 'stills/*.png']},
    include_package_data=False,
)
