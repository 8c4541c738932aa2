#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""A headless Chromium, driven through its DevTools protocol.

Commands and answers go through a pair of pipes, so that nothing listens and
nothing but the standard library is needed.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import pathlib
import select
import shutil
import subprocess
import sys
import tempfile
import time
import typing as t

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
DEADLINE_S = 60
#: the browser reads its commands from 3 and answers on 4
_EXEC = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); "
    "os.dup2(int(sys.argv[2]), 4); os.execvp(sys.argv[3], sys.argv[3:])"
)
#: name -> code of a key, and the text that it types
_KEYS = {
    "Tab": (9, ""), "Enter": (13, "\r"), "Escape": (27, ""), " ": (32, " "),
}
_SHIFT = 8
Json: t.TypeAlias = dict[str, t.Any]


class BrowserError(Exception):
    """The browser refused, failed, or did not answer in time."""


def find() -> str | None:
    """Path of a browser that can be driven."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


class Browser:
    """A browser process with one page; every address but files is dead."""

    def __init__(self, path: str) -> None:
        self._folder = tempfile.TemporaryDirectory(
            prefix="rally-browser-", ignore_cleanup_errors=True
        )
        commands, self._commands = _pipe()
        self._answers, answers = _pipe()
        self._process = subprocess.Popen(
            [
                sys.executable, "-c", _EXEC, str(commands), str(answers),
                path, "--headless", "--no-sandbox", "--disable-gpu",
                "--remote-debugging-pipe", "--hide-scrollbars",
                "--host-resolver-rules=MAP * ~NOTFOUND",
                "--user-data-dir=%s" % self._folder.name,
                "--force-prefers-reduced-motion",
            ],
            pass_fds=(commands, answers),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        os.close(commands)
        os.close(answers)
        self._buffer = b""
        self._number = 0
        self._session: str | None = None
        self.events: list[Json] = []
        target = self.call("Target.createTarget", url="about:blank")
        self._session = self.call(
            "Target.attachToTarget", targetId=target["targetId"],
            flatten=True,
        )["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(domain + ".enable")

    def close(self) -> None:
        """End the browser and all that it has started."""
        try:
            self._session = None
            self.call("Browser.close")
        finally:
            os.close(self._commands)
            os.close(self._answers)
            try:
                self._process.wait(DEADLINE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._folder.cleanup()

    def call(self, method: str, /, **parameters: t.Any) -> Json:
        """The result of a command of the protocol.

        :raises BrowserError: the browser refused it, or did not answer
        """
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        answer = self._wait_for(lambda one: one.get("id") == number, method)
        if "error" in answer:
            raise BrowserError("%s: %s" % (method, answer["error"]))
        return t.cast(Json, answer["result"])

    def _wait_for(
        self, is_it: t.Callable[[Json], bool], what: str
    ) -> Json:
        deadline = time.monotonic() + DEADLINE_S
        while True:
            while b"\0" in self._buffer:
                text, _, self._buffer = self._buffer.partition(b"\0")
                message = json.loads(text)
                if "id" not in message:
                    self.events.append(message)
                if is_it(message):
                    return t.cast(Json, message)
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self._answers], [], [], max(0, left))
            data = os.read(self._answers, 1 << 16) if ready else b""
            if not data:
                raise BrowserError("%s was not answered" % what)
            self._buffer += data

    # ---- the page

    def open(self, path: pathlib.Path, place: str = "") -> None:
        """Open a file; what happened before is forgotten."""
        self.call("Page.navigate", url="about:blank")
        self.events.clear()
        self.call("Page.navigate", url=path.as_uri() + place)
        self._wait_for(
            lambda one: one.get("method") == "Page.loadEventFired", str(path)
        )
        self.settle()

    def settle(self) -> None:
        """Wait until what has been asked of the page is on the screen."""
        self.evaluate(
            "new Promise((done) => requestAnimationFrame("
            "() => requestAnimationFrame(() => setTimeout(done, 0))))"
        )

    def evaluate(self, expression: str) -> t.Any:
        """The value of an expression of JavaScript, awaited.

        :raises BrowserError: it threw
        """
        answer = self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True,
            returnByValue=True,
        )
        if "exceptionDetails" in answer:
            raise BrowserError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def go(self, place: str) -> None:
        """Follow a link inside of the page."""
        self.evaluate("location.hash = %s; undefined" % json.dumps(place))
        self.settle()

    def press(self, key: str, shift: bool = False) -> None:
        """Press a key, as a person does."""
        code, text = _KEYS[key]
        more = {"text": text} if text else {}
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key,
                windowsVirtualKeyCode=code,
                modifiers=_SHIFT if shift else 0,
                **(more if kind == "keyDown" else {}),
            )
        self.settle()

    def resize(self, width: int, height: int = 900) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width,
            height=height, deviceScaleFactor=1, mobile=False,
        )

    def media(self, kind: str = "", scheme: str = "light") -> None:
        """Show the page on paper (``print``), or in the dark."""
        self.call(
            "Emulation.setEmulatedMedia", media=kind,
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )
        self.settle()

    def picture(self, path: pathlib.Path, whole: bool = True) -> None:
        answer = self.call(
            "Page.captureScreenshot", captureBeyondViewport=whole
        )
        path.write_bytes(base64.b64decode(answer["data"]))

    def paper(self) -> bytes:
        """The page as PDF, A4."""
        answer = self.call(
            "Page.printToPDF", paperWidth=8.27, paperHeight=11.69,
        )
        return base64.b64decode(answer["data"])

    # ---- what has happened since the page was opened

    @property
    def requests(self) -> list[str]:
        """Addresses that the page has asked for."""
        return [
            one["params"]["request"]["url"] for one in self.events
            if one["method"] == "Network.requestWillBeSent"
        ]

    @property
    def complaints(self) -> list[str]:
        """What a developer would find in the browser's console."""
        return [
            json.dumps(one["params"]) for one in self.events
            if one["method"] in ("Runtime.exceptionThrown", "Log.entryAdded")
        ]


def _pipe() -> tuple[int, int]:
    """A pipe whose numbers are out of the way of those of the browser."""
    ends = os.pipe()
    moved = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    return moved[0], moved[1]
