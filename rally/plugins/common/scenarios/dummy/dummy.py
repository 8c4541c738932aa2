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

"""Scenarios that do nothing: to try out Rally itself."""

from __future__ import annotations

import random
import typing as t

from rally import exceptions
from rally.common import utils, validation
from rally.plugins.common.scenarios.dummy import sample_output
from rally.task import atomic, scenario


class DummyScenarioException(exceptions.RallyException):
    """What to do: nothing is wrong; the task asked for failures."""

    error_code = 244
    msg_fmt = "The dummy scenario failed as it should: %(message)s"


@scenario.configure(name="Dummy.dummy")
class Dummy(scenario.Scenario):
    def run(self, sleep: float = 0, **kwargs: t.Any) -> None:
        """Sleep, inside of two nested atomic actions.

        It puts no load on anything, so what is measured is Rally itself: its
        runners, and how it copes with many results.

        :param sleep: for how long, seconds; 0 does not sleep at all
        :param kwargs: ignored
        """
        self.foo(sleep)

    @atomic.action_timer("foo")
    def foo(self, sleep: float) -> None:
        self.bar(sleep)

    @atomic.action_timer("bar")
    def bar(self, sleep: float) -> None:
        if sleep:
            utils.interruptable_sleep(sleep)


@validation.add(
    "number",
    param_name="size_of_message",
    minval=1,
    integer_only=True,
    nullable=True,
)
@scenario.configure(name="Dummy.dummy_exception")
class DummyException(scenario.Scenario):
    def run(
        self, size_of_message: int = 1, sleep: float = 1, message: str = ""
    ) -> None:
        """Fail in every iteration.

        It shows what becomes of errors, and of many or long ones.

        :param size_of_message: length of the message, characters
        :param sleep: how long to sleep before, seconds
        :param message: message of the exception
        """
        utils.interruptable_sleep(sleep)
        raise DummyScenarioException(message or "M" * size_of_message)


@validation.add(
    "number",
    param_name="exception_probability",
    minval=0,
    maxval=1,
    integer_only=False,
    nullable=True,
)
@scenario.configure(name="Dummy.dummy_exception_probability")
class DummyExceptionProbability(scenario.Scenario):
    def run(self, exception_probability: float = 0.5) -> None:
        """Fail in some iterations, by chance.

        :param exception_probability: how likely an iteration fails, from 0
            (never) to 1 (always)
        """
        if random.random() < exception_probability:
            raise DummyScenarioException(
                f"failed by chance, which was {exception_probability}"
            )


@scenario.configure(name="Dummy.failure")
class DummyFailure(scenario.Scenario):
    def run(
        self,
        sleep: float = 0.1,
        from_iteration: int = 0,
        to_iteration: int = 0,
        each: int = 1,
    ) -> None:
        """Fail in some iterations of a range, at equal intervals.

        :param sleep: how long each iteration takes, seconds
        :param from_iteration: number of the first iteration of the range
        :param to_iteration: number of its last iteration
        :param each: of these, iterations fail whose number is divisible by
            it: 3 makes every third one fail
        """
        utils.interruptable_sleep(sleep)
        number = self.context["iteration"]
        if from_iteration <= number <= to_iteration and number % each == 0:
            raise DummyScenarioException("told to fail")


@scenario.configure(name="Dummy.dummy_output")
class DummyOutput(scenario.Scenario):
    def run(self, random_range: int = 25) -> None:
        """Show every kind of chart that a report can draw.

        :param random_range: the charts have random values from 1 to this
        """
        for chart in sample_output.additive(random_range):
            self.add_output(additive=chart)
        for chart in sample_output.complete(random_range):
            self.add_output(complete=chart)


@scenario.configure(name="Dummy.dummy_random_fail_in_atomic")
class DummyRandomFailInAtomic(scenario.Scenario):
    """Atomic actions that fail by chance."""

    def _play_roulette(self, exception_probability: float) -> None:
        """Fail with this probability."""
        if random.random() < exception_probability:
            raise KeyError("failed by chance")

    def run(self, exception_probability: float = 0.5) -> None:
        """Fail by chance in one of several nested atomic actions.

        It shows how failed actions look in reports.

        :param exception_probability: how likely it is that an action fails;
            each of four places gets a quarter of it
        """
        # 1 is "always", not "in one of four places at least, mostly"
        share = exception_probability
        if exception_probability < 1:
            share /= 4
        for _ in range(2):
            self._outer(share)

    @atomic.action_timer("dummy_fail_test")
    def _outer(self, exception_probability: float) -> None:
        self._play_roulette(exception_probability)
        self._inner(exception_probability)

    @atomic.action_timer("dummy_fail_inner_test")
    def _inner(self, exception_probability: float) -> None:
        self._play_roulette(exception_probability)


@scenario.configure(name="Dummy.dummy_random_action")
class DummyRandomAction(scenario.Scenario):
    def run(
        self, actions_num: int = 5, sleep_min: float = 0, sleep_max: float = 0
    ) -> None:
        """Run atomic actions that each sleep for a random time.

        :param actions_num: how many actions
        :param sleep_min: shortest sleep, seconds
        :param sleep_max: longest sleep, seconds
        """
        for number in range(actions_num):
            with atomic.ActionTimer(self, f"action_{number}"):
                utils.interruptable_sleep(random.uniform(sleep_min, sleep_max))


@scenario.configure(name="Dummy.dummy_timed_atomic_actions")
class DummyTimedAtomicAction(scenario.Scenario):
    def run(self, number_of_actions: int = 5, sleep_factor: float = 1) -> None:
        """Run atomic actions each of which sleeps longer than the last.

        It suits limits of single actions in an SLA.

        :param number_of_actions: how many actions
        :param sleep_factor: action i sleeps i times so many seconds
        """
        for number in range(number_of_actions):
            with atomic.ActionTimer(self, f"action_{number}"):
                utils.interruptable_sleep(number * sleep_factor)
