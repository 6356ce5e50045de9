"""A real browser for tests of pages: headless Chromium, driven over its own DevTools protocol through two pipes.

No driver program, no port and no package beyond the browser: messages are JSON, each ended by a zero byte.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_ANSWER_S = 60.0
_LEFT = ("navigated or closed", "Cannot find context", "context was destroyed")


class PageLeftError(AssertionError):
    """The page that was asked has given way to the next one meanwhile."""


class Browser:
    """One browser with one tab at a time.

    Attributes:
        errors: exceptions, console errors and violations of the page's policy, in words.
        requests: addresses asked for, but for the page itself and what is inside it (`data:`, `blob:`).
        downloads: folder where downloads arrive.
    """

    def __init__(self, program: str, folder: Path) -> None:
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.downloads = folder / "downloads"
        self.downloads.mkdir()
        self._waiting: list[dict[str, Any]] = []
        self._number = 0
        self._buffer = b""
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()
        words = [
            program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--mute-audio",
            "--no-first-run", "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
            "--autoplay-policy=no-user-gesture-required", f"--user-data-dir={folder / 'profile'}",
            "--remote-debugging-pipe", "about:blank",
        ]  # fmt: skip
        # the protocol reads from descriptor 3 and writes to 4
        shell = 'exec 3<&"$0" 4>&"$1"; shift; exec "$@"'
        with (folder / "browser.log").open("wb") as log:
            self._process = subprocess.Popen(
                ["bash", "-c", shell, str(to_browser), str(from_browser), *words],
                pass_fds=(to_browser, from_browser), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        os.close(to_browser)
        os.close(from_browser)
        self._session: str | None = None
        self._context: str | None = None

    def begin(self) -> None:
        """A new tab that knows nothing of the ones before: no storage, no errors, no size."""
        self._session = None
        if self._context is not None:
            self.command("Target.disposeBrowserContext", browserContextId=self._context)
        self._context = str(self.command("Target.createBrowserContext")["browserContextId"])
        target = self.command("Target.createTarget", url="about:blank", browserContextId=self._context)["targetId"]
        self._waiting, self.errors, self.requests = [], [], []
        self._session = self.command("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Audits"):
            self.command(f"{domain}.enable")
        self.command(
            "Browser.setDownloadBehavior",
            behavior="allow", downloadPath=str(self.downloads), eventsEnabled=True, browserContextId=self._context,
        )  # fmt: skip

    def command(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and wait for its answer."""
        self._number += 1
        number = self._number
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session is not None and not method.startswith(("Browser.", "Target.")):
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == number:
                if any(words in str(answer.get("error")) for words in _LEFT):
                    raise PageLeftError(f"{method}: {answer['error']}")
                assert "error" not in answer, f"{method}: {answer['error']}"
                result: dict[str, Any] = answer["result"]
                return result
            self._note(answer)

    def wait_for(self, method: str) -> dict[str, Any]:
        """Wait for an event, or take one that came since the page was opened."""
        while True:
            for event in self._waiting:
                if event["method"] == method:
                    self._waiting.remove(event)
                    parameters: dict[str, Any] = event["params"]
                    return parameters
            self._note(self._next())

    def open(self, page: Path | str) -> float:
        """Open a page, a file or an address; return the seconds until its script had everything on the screen."""
        self._waiting.clear()
        # so that the page before, which may be the same one, is not taken for it
        self.value("delete document.documentElement?.dataset.ready")
        begin = time.perf_counter()
        self.command("Page.navigate", url=page if isinstance(page, str) else page.resolve().as_uri())
        self.until("document.documentElement?.dataset.ready === 'yes'")
        self.value("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))")
        return time.perf_counter() - begin

    def value(self, expression: str) -> Any:
        """The value of a JavaScript expression, awaited."""
        answer = self.command("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, f"{expression}: {answer['exceptionDetails']}"
        return answer["result"].get("value")

    def until(self, expression: str, seconds: float = 30.0) -> None:
        """Wait until an expression is true, on this page or on the next one."""
        end = time.monotonic() + seconds
        while not self._now(expression):
            assert time.monotonic() < end, f"waited in vain for {expression}"
            time.sleep(0.01)

    def _now(self, expression: str) -> Any:
        try:
            return self.value(expression)
        except PageLeftError:
            return False

    def press(self, key: str) -> None:
        """Press a key; `key` as in KeyboardEvent.key."""
        text = {"text": key} if len(key) == 1 else {}
        self.command("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
        self.command("Input.dispatchKeyEvent", type="keyUp", key=key)

    def click(self, selector: str) -> None:
        """Press the mouse on the middle of an element, scrolled into sight."""
        place = self.value(
            f"(() => {{ const it = document.querySelector({json.dumps(selector)});"
            " it.scrollIntoView({block: 'center'}); const r = it.getBoundingClientRect();"
            " return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        self.mouse("mousePressed", *place)
        self.mouse("mouseReleased", *place)

    def mouse(self, kind: str, x: float, y: float) -> None:
        """One event of the mouse, its left button."""
        self.command("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    def screen(self, width: int, height: int, *, dark: bool = False, phone: bool = False) -> None:
        """Set the size of the window, and whether the reader likes it dark."""
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=2 if phone else 1, mobile=phone,
        )  # fmt: skip
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.command("Emulation.setEmulatedMedia", features=features)

    def screenshot(self, file: Path, *, whole: bool = False) -> None:
        """Write what is on the screen, or the whole page, as PNG."""
        answer = self.command("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        file.write_bytes(base64.b64decode(answer["data"]))

    def downloaded(self) -> Path:
        """Wait for a download to end; return the file."""
        begun = self.wait_for("Browser.downloadWillBegin")
        while True:
            told = self.wait_for("Browser.downloadProgress")
            if told["guid"] == begun["guid"] and told["state"] == "completed":
                return self.downloads / str(begun["suggestedFilename"])

    def close(self) -> None:
        """End the browser."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(20)
        os.close(self._write)
        os.close(self._read)

    def _next(self) -> dict[str, Any]:
        end = time.monotonic() + _ANSWER_S
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], max(0.0, end - time.monotonic()))
            assert ready, "the browser does not answer"
            chunk = os.read(self._read, 1 << 20)
            assert chunk, "the browser has ended"
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        return message

    def _note(self, event: dict[str, Any]) -> None:
        self._waiting.append(event)
        method, told = event.get("method", ""), event.get("params", {})
        if method == "Runtime.exceptionThrown":
            details = told["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description") or details["text"])
        elif method == "Runtime.consoleAPICalled" and told["type"] in {"error", "warning", "assert"}:
            self.errors.append(str([argument.get("value") for argument in told["args"]]))
        elif method == "Log.entryAdded" and told["entry"]["level"] in {"error", "warning"}:
            self.errors.append(told["entry"]["text"])
        elif method == "Audits.issueAdded":
            self.errors.append(json.dumps(told["issue"]))
        elif method == "Network.requestWillBeSent":
            url = told["request"]["url"]
            if told.get("type") != "Document" and not url.startswith(("data:", "blob:")):
                self.requests.append(url)


def running(folder: Path) -> Browser:
    """A browser that has started; skips where there is none."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None or shutil.which("bash") is None:
        pytest.skip("needs a browser: apt-get install chromium")
    return Browser(program, folder)


def fresh_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """What fixtures yield, in whatever scope: a running browser with a profile of its own."""
    made = running(tmp_path_factory.mktemp("browser"))
    yield made
    made.close()
