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

"""A scenario that says which iterations ran, and contexts that say when."""

from __future__ import annotations

import os
import time
import typing as t

from rally import consts
from rally.task import context, scenario


def note(path: str, *words: t.Any) -> None:
    """Append a line; several processes may do so at once."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, (" ".join(map(str, words)) + "\n").encode())
    finally:
        os.close(descriptor)


@scenario.configure(name="Numbered.sleep")
class NumberedSleep(scenario.Scenario):
    def run(
        self, sleep: float = 0, log: str = "", fail_each: int = 0
    ) -> None:
        """Put the iteration number out, and sleep.

        :param sleep: seconds
        :param log: file to note number, time and process in at the start
        :param fail_each: each iteration of this number fails, 0 for none
        """
        number = self.context["iteration"]
        if log:
            note(log, number, "%.6f" % time.monotonic(), os.getpid())
        self.add_output(
            additive={
                "title": "Number",
                "chart_plugin": "StackedArea",
                "data": [["number", number]],
            }
        )
        if sleep:
            time.sleep(sleep)
        if fail_each and number % fail_each == 0:
            raise ValueError("iteration %d is to fail" % number)


@context.configure(name="noting", order=200)
class Noting(context.Context):
    """Notes its set-up and its clean-up in a file."""

    CONFIG_SCHEMA = {
        "type": "object",
        "$schema": consts.JSON_SCHEMA7,
        "properties": {"log": {"type": "string"}},
        "required": ["log"],
        "additionalProperties": False,
    }

    def setup(self) -> None:
        self.context["noted"] = {"by": os.getpid()}
        note(self.config["log"], "setup", os.getpid())

    def cleanup(self) -> None:
        note(self.config["log"], "cleanup", os.getpid())


@scenario.configure(name="Numbered.read_context")
class ReadContext(scenario.Scenario):
    def run(self) -> None:
        """Put out which process made the context, and which runs here."""
        self.add_output(
            additive={
                "title": "Made by",
                "chart_plugin": "StackedArea",
                "data": [
                    ["context", self.context["noted"]["by"]],
                    ["scenario", os.getpid()],
                ],
            }
        )


@context.configure(name="unsendable", order=200)
class Unsendable(context.Context):
    """Puts something into the context that no message can carry."""

    CONFIG_SCHEMA = {"type": "object", "$schema": consts.JSON_SCHEMA7}

    def setup(self) -> None:
        self.context["users"] = [{"name": "a", "session": object()}]

    def cleanup(self) -> None:
        """Nothing was made."""


@context.configure(name="waiting", order=300)
class Waiting(context.Context):
    """Is set up once a file is there."""

    CONFIG_SCHEMA = {
        "type": "object",
        "$schema": consts.JSON_SCHEMA7,
        "properties": {"file": {"type": "string"}},
        "required": ["file"],
        "additionalProperties": False,
    }

    def setup(self) -> None:
        limit = time.monotonic() + 120
        while not os.path.exists(self.config["file"]):
            if time.monotonic() > limit:
                raise TimeoutError("nobody made %s" % self.config["file"])
            time.sleep(0.05)

    def cleanup(self) -> None:
        pass
