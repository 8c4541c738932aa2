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

"""The hook that runs a command."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import typing as t

from rally import consts, exceptions
from rally.common import logging
from rally.task import hook

LOG = logging.getLogger(__name__)


@hook.configure(name="sys_call")
class SysCallHook(hook.HookAction):
    """Runs a command of the operating system.

    It runs on the host of the controller, without a shell. The hook has
    failed if its exit status is not 0.

    If the command writes JSON with charts to its standard output, as
    ``{"additive": [...], "complete": [...]}``, they come into the report;
    else the report shows what it wrote.
    """

    CONFIG_SCHEMA: t.Any = {
        "$schema": consts.JSON_SCHEMA,
        "type": "string",
        "description": "The command and its arguments, quoted as for a "
                       "shell.",
    }

    _process: subprocess.Popen[str] | None = None

    def run(self) -> None:
        LOG.debug("Hook sys_call runs %s", self.config)
        with subprocess.Popen(
            shlex.split(self.config),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # Ctrl-C is not for it
        ) as self._process:
            if self.is_given_up:  # just before there was something to end
                self.give_up()
            stdout, stderr = self._process.communicate()
        done = subprocess.CompletedProcess(
            self.config, self._process.returncode, stdout, stderr
        )
        LOG.debug("Hook sys_call: the command returned %s", done.returncode)
        if done.returncode:
            self.set_error(
                exception_name="n/a",
                description=f"Subprocess returned {done.returncode}",
                details=done.stderr or f"stdout: {done.stdout}",
            )
        if not self._add_charts(done.stdout):
            self._add_text(done)

    def give_up(self) -> None:
        """End the command, with all that it has started."""
        super().give_up()
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _add_charts(self, stdout: str) -> bool:
        """Add the charts that a command wrote.

        :returns: whether it wrote any, and only good ones
        """
        try:
            written = json.loads(stdout)
            charts = [
                (kind, chart)
                for kind in ("additive", "complete")
                for chart in written.get(kind, [])
            ]
            for kind, chart in charts:
                self.add_output(**{kind: chart})
        except (
            AttributeError,
            TypeError,
            ValueError,
            exceptions.RallyException,
        ):
            return False  # it is output of another kind
        return bool(charts)

    def _add_text(self, done: subprocess.CompletedProcess[str]) -> None:
        self.add_output(
            complete={
                "title": "System call",
                "chart_plugin": "TextArea",
                "description": f"Args: {self.config}",
                "data": [
                    f"RetCode: {done.returncode}",
                    f"StdOut: {done.stdout or '(empty)'}",
                    f"StdErr: {done.stderr or '(empty)'}",
                ],
            }
        )
