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

"""A web server for the time of a workload, and requests to it."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
import typing as t

import requests

from rally import consts, exceptions
from rally.plugins.common.scenarios import http
from rally.task import atomic, context, scenario, validation

SCRIPT = os.path.join(
    os.path.dirname(os.path.realpath(__file__)),
    os.pardir, "extra", "page_server.py",
)
START_S = 30
END_S = 5


class WebServerFailed(exceptions.RallyException):
    error_code = 197
    msg_fmt = (
        "The web server of context web_server did not start: %(reason)s. "
        "There is nothing to make requests to, so no load was made. Let "
        "`port` be a free one, or 0 for any."
    )


@context.configure(name="web_server", order=100)
class WebServer(context.Context):
    """Starts a web server on this host; its address is `url`."""

    CONFIG_SCHEMA = {
        "type": "object",
        "$schema": consts.JSON_SCHEMA7,
        "properties": {
            "port": {"type": "integer", "minimum": 0, "maximum": 65535},
        },
        "additionalProperties": False,
    }
    DEFAULT_CONFIG = {"port": 0}

    def __init__(self, ctx: dict[str, t.Any]) -> None:
        super().__init__(ctx)
        self._process: subprocess.Popen[str] | None = None

    def setup(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, SCRIPT, str(self.config["port"])],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )
        url = self._announced(self._process)
        answer = requests.get(url, timeout=START_S)
        answer.raise_for_status()
        self.context["web_server"] = {"url": url}

    @staticmethod
    def _announced(process: subprocess.Popen[str]) -> str:
        """The address that the server prints as soon as it listens."""
        lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        stdout = t.cast(t.TextIO, process.stdout)
        threading.Thread(
            target=lambda: lines.put(stdout.readline()), daemon=True
        ).start()
        try:
            url = lines.get(timeout=START_S).strip()
        except queue.Empty:
            raise WebServerFailed(
                reason="it said nothing for %d s" % START_S
            ) from None
        if not url:
            _, errors = process.communicate(timeout=END_S)
            lines_of_errors = errors.strip().splitlines() or ["no reason"]
            raise WebServerFailed(reason=lines_of_errors[-1])
        return url

    def cleanup(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.communicate(timeout=END_S)  # it ends with its input
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


@validation.add("required_contexts", contexts=["web_server"])
@scenario.configure(name="WebServer.check_page")
class CheckPage(scenario.Scenario):
    def run(self, path: str = "", status_code: int = 200) -> None:
        """Get a page of the server of context `web_server`.

        :param path: of the page, without a slash in front
        :param status_code: what the answer should have
        """
        url = self.context["web_server"]["url"] + path
        with atomic.ActionTimer(self, "web_server.check_page"):
            answer = http.Client(timeout=30).get(url)
            if answer.status != status_code:
                raise ValueError("the answer is %r" % answer)
