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

"""Plugins that do what a plugin should not do."""

from __future__ import annotations

import os
import signal
import threading
import time
import typing as t

from rally import consts
from rally.task import context, runner, scenario, sla


@scenario.configure(name="Faulty.kill_worker")
class KillWorker(scenario.Scenario):
    def run(self, at: int, sleep: float = 0.01) -> None:
        """As if the kernel had killed the process for its memory.

        :param at: number of the iteration that does not survive
        :param sleep: seconds
        """
        if self.context["iteration"] == at:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(sleep)


@scenario.configure(name="Faulty.leave")
class Leave(scenario.Scenario):
    def run(self, how: str) -> None:
        """Raise what ends a program.

        :param how: exit or interrupt
        """
        raise SystemExit(0) if how == "exit" else KeyboardInterrupt()


@scenario.configure(name="Faulty.output")
class Output(scenario.Scenario):
    def run(self) -> None:
        """Put something out that cannot be stored."""
        self._output["complete"].append({"data": object()})


@scenario.configure(name="Faulty.block")
class Block(scenario.Scenario):
    def run(self, seconds: float, each: int = 2) -> None:
        """Be inside a call that nothing interrupts.

        :param seconds: how long
        :param each: iterations of which number do so
        """
        if self.context["iteration"] % each == 0:
            time.sleep(seconds)


@scenario.configure(name="Faulty.say")
class Say(scenario.Scenario):
    def run(self, text: str) -> None:
        """Fail with a text.

        :param text: the message
        """
        raise ValueError(text)


class Uncopyable:
    """Neither pickle nor deepcopy takes it."""

    def __reduce__(self) -> t.NoReturn:
        raise RuntimeError("this cannot be copied")


@context.configure(name="uncopyable", order=300)
class UncopyableContext(context.Context):
    """Puts something into the context that cannot be copied."""

    CONFIG_SCHEMA = {"type": "object", "$schema": consts.JSON_SCHEMA7}

    def setup(self) -> None:
        self.context["thing"] = Uncopyable()
        self.context["mutable"] = []

    def cleanup(self) -> None:
        """Nothing was made."""


@sla.configure(name="raising")
class Raising(sla.SLA):
    """Raises once it has seen so many iterations."""

    CONFIG_SCHEMA = {"type": "integer", "$schema": consts.JSON_SCHEMA7}

    def __init__(self, criterion_value: int) -> None:
        super().__init__(criterion_value)
        self.seen = 0

    def add_iteration(self, iteration: t.Any) -> bool:
        self.seen += 1
        if self.seen >= self.criterion_value:
            raise RuntimeError("this criterion is broken")
        return True

    def merge(self, other: Raising) -> bool:
        self.seen += other.seen
        return True

    def details(self) -> str:
        return "Seen: %d" % self.seen


@sla.configure(name="unsendable")
class Unsendable(Raising):
    """Keeps something that no message can carry."""

    def __init__(self, criterion_value: int) -> None:
        super().__init__(criterion_value)
        self.lock = threading.Lock()


@runner.configure(name="indivisible")
class Indivisible(runner.ScenarioRunner):
    """Says nothing about how its load could be split."""

    CONFIG_SCHEMA = {"type": "object", "$schema": consts.JSON_SCHEMA7}

    def _run_scenario(
        self, cls: t.Any, method_name: str, context: t.Any, args: t.Any
    ) -> None:
        """No load at all."""
