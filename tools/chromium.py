"""The browser and the address by which tools, tests and benchmarks look at pages."""
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from playwright.sync_api import Browser, Playwright


def launch(playwright: Playwright) -> Browser:
    "Start the Chromium or Chrome of this machine; raises playwright's `Error` if there is none."
    path = next(filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))), None)
    return playwright.chromium.launch(executable_path=path, channel=None if path else 'chrome', args=['--disable-gpu'])


class Quiet(SimpleHTTPRequestHandler):
    "Serves files, and writes nothing about it."
    def log_message(self, *args): pass


@contextmanager
def served(folder: Path, handler: type = Quiet) -> Iterator[str]:
    "The address at which a folder is served, as long as it is needed."
    server = ThreadingHTTPServer(('127.0.0.1', 0), partial(handler, directory=folder))
    Thread(target=server.serve_forever, daemon=True).start()
    try: yield f'http://127.0.0.1:{server.server_port}'
    finally: server.shutdown()
