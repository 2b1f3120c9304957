"""A real headless Chromium, driven by its DevTools protocol: enough to open a page, run a script, take a picture."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

PATIENCE_SECONDS = 60.0


class Page:
    """One tab."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._number = 0
        self.call("Page.enable")
        self.call("Runtime.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol, and its answer."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.recv(timeout=PATIENCE_SECONDS))
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                result = answer["result"]
                assert isinstance(result, dict)
                return result

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)

    def evaluate(self, script: str) -> Any:
        """The value of a JavaScript expression."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait_for(self, expression: str, *, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until a JavaScript expression is true."""
        deadline = time.monotonic() + seconds
        while not self.evaluate(f"Boolean(document.body && ({expression}))"):
            text = self.evaluate("document.body && document.body.innerText") or ""
            assert time.monotonic() < deadline, f"{expression} did not become true; the page says: {text[:2000]}"
            time.sleep(0.2)

    def text(self) -> str:
        return str(self.evaluate("document.body.innerText"))

    def resize(self, width: int, height: int) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def picture(self, path: Path) -> None:
        """A PNG of what is on the screen."""
        shot = self.call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(shot["data"]))


@contextmanager
def open_browser() -> Iterator[Page]:
    """A Chromium of our own, gone at the end; without one the test is skipped here and fails in CI."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        # A laptop may go without; CI installs one, so there its absence is a failure.
        missing = "there is no Chromium on the PATH (Debian: apt-get install chromium)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    with tempfile.TemporaryDirectory(prefix="plait-browser-", ignore_cleanup_errors=True) as profile:
        flags = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--hide-scrollbars",
        ]
        flags += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
        flags += [f"--user-data-dir={profile}", "--remote-debugging-port=0", "--window-size=1280,900", "about:blank"]
        log = (Path(profile) / "log").open("wb")
        process = subprocess.Popen([program, *flags], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            with connect(_tab(Path(profile)), max_size=None) as socket:
                yield Page(socket)
        finally:
            process.terminate()
            process.wait(20)


def _tab(profile: Path) -> str:
    """Where the tab's protocol is: Chromium writes its port into its profile."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    ports = profile / "DevToolsActivePort"
    while not (ports.exists() and ports.read_text().strip()):
        assert time.monotonic() < deadline, "Chromium did not start"
        time.sleep(0.1)
    port = ports.read_text().splitlines()[0]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=20) as answer:
        tabs = json.loads(answer.read())
    return str(next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page"))
