"""The things to touch in JupyterLab, where the picture and Python talk to each other."""
import os, socket, subprocess, sys, time
from urllib.request import urlopen

import nbformat, pytest
from nbformat.v4 import new_code_cell, new_notebook

from browsing import listen
from mnist_nb import explore

THINGS = [cls for cls in vars(explore).values() if isinstance(cls, type) and issubclass(cls, explore.Thing) and cls is not explore.Thing]


@pytest.fixture(scope='module')
def lab(tmp_path_factory):
    "A JupyterLab of its own, with a notebook that shows everything."
    folder = tmp_path_factory.mktemp('lab')
    cells = [f'from mnist_nb.explore import {cls.__name__}\n{cls._thing} = {cls.__name__}()\n{cls._thing}' for cls in THINGS]
    cells += ['round(curve.rate, 2), len(pad.scores), bool(pad.drawing.sum() > 10), pad.scores["convolutional net"] < 0',
              'import torch\ncurve.rate = 1.05\npad.drawing = torch.eye(28)']
    nbformat.write(new_notebook(cells=[new_code_cell(cell) for cell in cells], metadata={'kernelspec': {'name': 'python3', 'display_name': 'python3'}}), folder/'things.ipynb')
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    env = {k: v for k, v in os.environ.items() if k != 'IN_TEST'} | {
        'JUPYTER_CONFIG_DIR': str(folder/'config'), 'JUPYTER_DATA_DIR': str(folder/'data'),
        'JUPYTER_RUNTIME_DIR': str(folder/'runtime'), 'JUPYTERLAB_SETTINGS_DIR': str(folder/'settings'), 'JUPYTERLAB_WORKSPACES_DIR': str(folder/'workspaces')}
    command = [sys.executable, '-m', 'jupyterlab', '--no-browser', '--allow-root', f'--port={port}', '--IdentityProvider.token=', f'--ServerApp.root_dir={folder}',
               '--LabApp.news_url=', '--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate']
    with open(folder/'log', 'w') as log: server = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log)
    address = f'http://127.0.0.1:{port}'
    for _ in range(120):
        try: urlopen(f'{address}/api', timeout=1).close()
        except OSError: time.sleep(0.5)
        else: break
    else: pytest.fail(f'JupyterLab did not start: {(folder/"log").read_text()[-2000:]}')
    yield address
    server.terminate()
    server.wait(20)


def test_everything_runs_and_python_sees_it(lab, look):
    page = look('about:blank')
    wrong = listen(page)
    page.goto(f'{lab}/lab/tree/things.ipynb?reset')
    page.wait_for_selector('.jp-Notebook .jp-Cell', timeout=60000)
    page.get_by_text('| Idle').wait_for(timeout=60000)
    page.wait_for_timeout(2000)
    wrong.clear()  # what JupyterLab itself complains of when it starts
    page.click('.jp-Notebook .jp-Cell >> nth=0')
    for n in range(len(THINGS)):
        page.keyboard.press('Shift+Enter')
        page.wait_for_function(f'document.querySelectorAll(".jp-Notebook .explore-thing").length > {n} || document.querySelector(".jp-Notebook .jp-RenderedText[data-mime-type*=stderr]")',
                               timeout=60000)
    assert page.locator('.jp-Notebook .explore-thing').count() == len(THINGS), page.locator('.jp-OutputArea').all_inner_texts()
    page.get_by_label('learning rate').first.fill('0.95')
    pad = page.locator('.explore-thing:has(.ex-pad)')
    pad.scroll_into_view_if_needed()
    pad.get_by_role('button', name='Clear').click()
    box = pad.locator('.ex-pad').bounding_box()
    page.mouse.move(box['x'] + 0.28*box['width'], box['y'] + 0.25*box['height'])
    page.mouse.down()
    for x, y in ((0.7, 0.25), (0.42, 0.8)): page.mouse.move(box['x'] + x*box['width'], box['y'] + y*box['height'], steps=5)
    page.mouse.up()
    page.wait_for_timeout(500)
    page.click(f'.jp-Notebook .jp-CodeCell >> nth={len(THINGS)} >> .jp-InputArea-editor')
    page.keyboard.press('Shift+Enter')
    page.wait_for_selector(f'.jp-CodeCell >> nth={len(THINGS)} >> .jp-OutputArea-output')
    assert page.locator(f'.jp-CodeCell >> nth={len(THINGS)} >> .jp-OutputArea-output').inner_text().strip() == '(0.95, 6, True, True)'
    page.keyboard.press('Shift+Enter')
    page.get_by_text('At a rate of 1.05, it diverges').first.wait_for()
    assert not [message for message in wrong if 'explore' in message or 'anywidget' in message or 'data:text' in message], wrong
