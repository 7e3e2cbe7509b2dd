"""A real JupyterLab in a real browser: started, driven and stopped.

Settings, arguments and commands: JupyterLab 4's own documentation and source; nothing of the user's configuration is read.
"""

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
from playwright.sync_api import sync_playwright

CHROMIUM = "/usr/bin/chromium"
KERNELS = Path(__file__).parents[2] / "build" / "kernels"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "docmanager-extension/plugin": {"autosave": False},
    "notebook-extension/tracker": {"windowingMode": "none"},  # cells out of view are rendered too
}
EXTENSION = Path(__file__).parents[2] / "labextension"  # an editable installation places none
CELL = "jupyterapp.shell.currentWidget.content"


class Lab:
    """One JupyterLab on ``root``; a context manager. ``language``: its display language, for example zh_CN; ``extension``:
    with our own prebuilt extension, as an installation from the wheel has it; ``browser``: one that runs already, as Playwright
    starts one only in a process."""

    def __init__(self, root, state, *, dark=False, language="", extension=True, browser=None):
        self.browser = browser
        self.root, self.state = root, state
        self.token = secrets.token_hex(8)
        self.port = free_port()
        self.environment = {
            **os.environ,
            **{f"JUPYTER_{kind}_DIR": str(state / kind) for kind in ("CONFIG", "DATA", "RUNTIME")},
            "IPYTHONDIR": str(state / "ipython"), "JUPYTERLAB_WORKSPACES_DIR": str(state / "workspaces"),
            "JUPYTERLAB_SETTINGS_DIR": str(state / "settings"),
        }
        settings = dict(SETTINGS)
        if dark:
            settings["apputils-extension/themes"] = {"theme": "JupyterLab Dark"}
        if language:
            settings["translation-extension/plugin"] = {"locale": language}
            self.environment.pop("MODELARTS_NB_LANGUAGE", None)
        if extension:
            place = state / "DATA" / "labextensions" / "modelarts-nb"
            place.parent.mkdir(parents=True)
            place.symlink_to(EXTENSION)
        for name, values in settings.items():
            path = state / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values))

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            log = stack.enter_context((self.state / "lab.log").open("wb"))
            self.process = subprocess.Popen(
                [
                    sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1",
                    f"--ServerApp.port={self.port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={self.token}",
                    f"--ServerApp.root_dir={self.root}", "--LabApp.news_url=None", "--LabApp.expose_app_in_browser=True",
                    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
                ],
                stdout=log, stderr=log, env=self.environment, cwd=self.root,
            )
            stack.callback(self._stop)
            self._wait()
            if self.browser is None:
                playwright = stack.enter_context(sync_playwright())
                self.browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
                stack.callback(self.browser.close)
            self._exit = stack.pop_all()
        return self

    def __exit__(self, *_):
        self._exit.close()

    def _stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _wait(self):
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/status?token={self.token}", timeout=5).read()
                return
            running = self.process.poll() is None and time.monotonic() < deadline
            assert running, (self.state / "lab.log").read_text()[-2000:]
            time.sleep(0.2)

    def notebook(self, name, *cells, kernel="python3"):
        """Write a notebook; the file's name."""
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        book.metadata["kernelspec"] = {"name": kernel, "display_name": kernel, "language": "python"}
        nbformat.write(book, self.root / name)
        return name

    def kernel(self, version):
        """Install a kernel of that version of ipykernel; its name. What is installed here is not touched."""
        place = KERNELS / version
        if not (place / "ipykernel").is_dir():
            subprocess.run(
                [
                    sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(place),
                    f"ipykernel=={version}",
                ],
                check=True,
            )
        folder = self.state / "DATA" / "kernels" / f"ipykernel-{version}"
        folder.mkdir(parents=True, exist_ok=True)
        path = os.pathsep.join([str(place), os.environ.get("PYTHONPATH", "")])
        (folder / "kernel.json").write_text(json.dumps({
            "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"], "display_name": folder.name,
            "language": "python", "env": {"PYTHONPATH": path}, "metadata": {"debugger": False},
        }))
        return folder.name

    def open(self, name, *, width=1280, height=1000, scale=1):
        """A page with the notebook ``name`` open and its kernel idle."""
        context = self.browser.new_context(viewport={"width": width, "height": height}, device_scale_factor=scale)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = context.new_page()
        problems = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(f"http://127.0.0.1:{self.port}/lab/tree/{name}?token={self.token}&reset")
        page.wait_for_selector(".jp-Notebook:visible .jp-Cell", timeout=120_000)
        page.wait_for_function(
            "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'", timeout=120_000
        )
        page.evaluate("jupyterapp.shell.collapseLeft()")
        return Notebook(page, problems)


class Notebook:
    """A notebook open in the browser. ``problems``: the page's uncaught errors."""

    def __init__(self, page, problems):
        self.page, self.problems = page, problems

    def start(self, index):
        """Run a cell; does not wait for its end."""
        self.page.evaluate(
            f"index => {{ {CELL}.activeCellIndex = index; void jupyterapp.commands.execute('notebook:run-cell'); }}", index
        )

    def wait(self, index, seconds=120):
        """Wait until a cell has run."""
        self.page.wait_for_function(
            f"index => {{ const model = {CELL}.widgets[index].model; "
            "return model.executionCount && model.executionState === 'idle'; }", arg=index, timeout=seconds * 1000,
        )

    def run(self, index, seconds=120):
        """Run a cell to its end."""
        self.start(index)
        self.wait(index, seconds)

    def run_all(self, seconds=300):
        """Run all code cells, one after the other."""
        kinds = self.page.evaluate(f"{CELL}.widgets.map(cell => cell.model.type)")
        for index, kind in enumerate(kinds):
            if kind == "code":
                self.run(index, seconds)

    def outputs(self, index):
        """A cell's outputs, as they would be saved."""
        return self.page.evaluate(f"index => {CELL}.widgets[index].model.outputs.toJSON()", index)

    def cell(self, index):
        """A cell's element."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)

    def interrupt(self):
        """The stop button."""
        self.page.evaluate("void jupyterapp.commands.execute('notebook:interrupt-kernel')")

    def save(self):
        """Write the file."""
        self.page.evaluate("jupyterapp.commands.execute('docmanager:save')")

    def theme(self, dark):
        """Change the theme."""
        name = "JupyterLab Dark" if dark else "JupyterLab Light"
        self.page.evaluate(f"jupyterapp.commands.execute('apputils:change-theme', {{theme: '{name}'}})")
        self.page.wait_for_selector(f"body[data-jp-theme-light={'false' if dark else 'true'}]", state="attached")

    def reload(self):
        """Load the page again, as a person would; the kernel goes on."""
        self.page.goto(self.page.url.replace("&reset", ""))
        self.page.reload()
        self.page.wait_for_selector(".jp-Notebook:visible .jp-Cell", timeout=120_000)
        self.page.wait_for_function("window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel")

    def close(self):
        """Shut its kernel down."""
        self.page.evaluate("jupyterapp.shell.currentWidget.sessionContext.shutdown()")
        self.page.context.close()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
