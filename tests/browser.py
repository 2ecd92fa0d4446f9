"""A real JupyterLab and a real Chromium for the browser tests.

    from browser import Lab, lab  # noqa: F401 -- a fixture

    @pytest.mark.browser
    def test_it(lab: Lab, tmp_path: Path) -> None:
        (lab.root / "some.ipynb").write_text(...)
        notebook = lab.open("some.ipynb")
        notebook.run_all()
        notebook.page.get_by_role("button", name="Next").press("Enter")

The server has a folder, settings and a runtime folder of its own, a free port and a token, so it
meets neither the developer's own JupyterLab nor a second test run. It is started once a test module:
playwright keeps an event loop running, which other modules' notebook tools would trip over.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator, Page

CHROMIUM_FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
START, PAGE, KERNEL = 60, 60, 180  # seconds to wait, generous because test machines are shared
SETTINGS = {
    # Cells far below are drawn as well, so that a test finds them without scrolling.
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
}
HAS_KERNEL = """() => {
    const session = window.jupyterapp.shell.currentWidget?.sessionContext;
    return session?.isReady && session.session?.kernel;
}"""
IDLE = """() => {
    const prompts = [...document.querySelectorAll(".jp-InputPrompt")];
    return !prompts.some((prompt) => prompt.textContent.includes("*"));
}"""
DISABLED = ("@jupyterlab/apputils-extension:announcements",)  # it asks a question and calls home


# Without a question about what was not saved.
CLOSE = """async () => {
    const widget = window.jupyterapp.shell.currentWidget;
    await widget.sessionContext.shutdown();
    widget.dispose();
    document.body.style.zoom = "";
}"""


@dataclass
class Notebook:
    """One notebook, open in a page of its own."""

    page: Page
    spare: list[Page]

    def close(self) -> None:
        """End its kernel, and leave the page to the notebook that is opened next."""
        self.page.evaluate(CLOSE)
        self.spare.append(self.page)

    def cell(self, place: int) -> Locator:
        """The cell at `place`, counted from 0, markdown cells included."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(place)

    def output(self, place: int) -> Locator:
        """What the code cell at `place` shows."""
        return self.cell(place).locator(".jp-OutputArea")

    def command(self, name: str, **arguments: Any) -> None:
        """Start one of JupyterLab's own commands, such as "docmanager:save"; it may go on afterwards."""
        # in braces, so that it returns at once: playwright would wait for a promise without end
        execute = "([name, args]) => { window.jupyterapp.commands.execute(name, args) }"
        self.page.evaluate(execute, [name, arguments])

    def run_all(self) -> None:
        """Run every cell and wait until the last one has finished."""
        self.command("notebook:run-all-cells")
        self.wait_until_idle()

    def wait_until_idle(self) -> None:
        """Wait until no cell is waiting or running: none shows `[*]`."""
        self.page.wait_for_timeout(200)  # the stars appear with the next frame
        self.page.wait_for_function(IDLE, timeout=1000 * KERNEL)

    def save(self) -> None:
        """Write the notebook to its file; whole, so that whoever reads it next finds all of it."""
        save = "window.jupyterapp.commands.execute('docmanager:save').then(() => { window.saved = true })"
        self.page.evaluate(f"() => {{ window.saved = false; {save} }}")
        self.page.wait_for_function("() => window.saved", timeout=1000 * PAGE)


@dataclass
class Lab:
    """A running JupyterLab. `root` is the folder that it serves."""

    root: Path
    url: str
    token: str
    browser: BrowserContext
    spare: list[Page] = field(default_factory=list)  # JupyterLab without a notebook: it takes seconds to load

    def write(self, name: str, cells: Sequence[str]) -> Path:
        """A notebook of code cells in the root."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
        notebook.metadata["kernelspec"] = {
            "name": "python3",
            "display_name": "Python 3",
            "language": "python",
        }
        path = self.root / name
        nbformat.write(notebook, path)
        return path

    def open(self, path: str, *, theme: str = "light", width: int = 1280, height: int = 900) -> Notebook:
        """Open a notebook of the root alone, without side bars; `theme` is "light" or "dark"."""
        size = {"width": width, "height": height}
        if self.spare:
            page = self.spare.pop()
            page.set_viewport_size(size)
            Notebook(page, self.spare).command("docmanager:open", path=path)
        else:
            page = self.browser.new_page()
            page.set_viewport_size(size)
            page.set_default_timeout(1000 * PAGE)
            page.goto(f"{self.url}doc/tree/{path}?token={self.token}&reset")
        page.wait_for_selector(".jp-Notebook .jp-Cell")
        page.wait_for_function("() => window.jupyterapp")
        opened = Notebook(page, self.spare)
        opened.command("apputils:change-theme", theme=f"JupyterLab {theme.title()}")
        page.wait_for_selector(
            f'body[data-jp-theme-light="{str(theme == "light").lower()}"]', state="attached"
        )
        # A command that needs the kernel, given before there is one, would ask which kernel to take.
        page.wait_for_function(HAS_KERNEL, timeout=1000 * KERNEL)
        return opened


@contextmanager
def served(root: Path, home: Path) -> Iterator[tuple[str, str]]:
    """JupyterLab on a folder: its address and token. What it keeps for itself goes to `home`."""
    token = secrets.token_hex(16)
    log = home / "log.txt"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *_arguments(token)],
            cwd=root,
            env={**os.environ, **_environment(home)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield _wait_for_server(server, home / "runtime", log), token
    finally:
        server.terminate()
        try:
            server.wait(timeout=30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


@pytest.fixture(scope="module")
def lab(needs_browser: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab on an empty folder, and Chromium to open it with; both end with the module."""
    from playwright.sync_api import sync_playwright

    home = tmp_path_factory.mktemp("lab")
    root = home / "root"
    root.mkdir()
    with served(root, home) as (url, token), sync_playwright() as playwright:
        # With a profile, as people have: it keeps JupyterLab's scripts, compiled, from page to page.
        browser = playwright.chromium.launch_persistent_context(
            home / "profile", executable_path=needs_browser, args=list(CHROMIUM_FLAGS)
        )
        yield Lab(root, url, token, browser)
        browser.close()


def _arguments(token: str) -> list[str]:
    root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    return [
        *("--no-browser", "--ip=127.0.0.1", "--port=0", f"--IdentityProvider.token={token}"),
        *("--expose-app-in-browser", "--LabApp.collaborative=False", *root),
    ]


def _environment(home: Path) -> dict[str, str]:
    """Folders of its own for settings, runtime files and history; and the settings themselves."""
    config = home / "config"
    for name, settings in SETTINGS.items():
        file = config / "lab" / "user-settings" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(settings), encoding="utf-8")
    page = config / "labconfig" / "page_config.json"
    page.parent.mkdir(parents=True)
    page.write_text(json.dumps({"disabledExtensions": dict.fromkeys(DISABLED, True)}), encoding="utf-8")
    return {
        "JUPYTER_CONFIG_DIR": str(config),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(config / "lab" / "user-settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(config / "lab" / "workspaces"),
        "IPYTHONDIR": str(home / "ipython"),
        "OMP_NUM_THREADS": "1",
    }


def _wait_for_server(server: subprocess.Popen[bytes], runtime: Path, log: Path) -> str:
    """The server's address, from the file that it writes once it listens."""
    end = time.monotonic() + START
    while time.monotonic() < end and server.poll() is None:
        for file in runtime.glob("jpserver-*.json"):
            try:
                return str(json.loads(file.read_text(encoding="utf-8"))["url"])
            except (json.JSONDecodeError, KeyError):
                continue  # still being written
        time.sleep(0.2)
    pytest.fail(
        f"JupyterLab did not start; its log:\n{log.read_text(errors='replace')[-3000:]}", pytrace=False
    )
