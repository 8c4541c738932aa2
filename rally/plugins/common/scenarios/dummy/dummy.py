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
    error_code = 244
    msg_fmt = "Dummy scenario expected exception: '%(message)s'"


@scenario.configure(name="Dummy.dummy")
class Dummy(scenario.Scenario):
    def run(self, sleep: float = 0, **kwargs: t.Any) -> None:
        """Do nothing and sleep for the given number of seconds (0 default).

        Dummy.dummy can be used for testing performance of different
        ScenarioRunners and of the ability of rally to store a large amount
        of results.

        :param sleep: idle time of method (in seconds)
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
        """Throw an exception.

        Dummy.dummy_exception can be used to test if exceptions are processed
        properly by ScenarioRunners and of the ability of rally to store a
        large amount of results.

        :param size_of_message: int size of the exception message
        :param sleep: idle time of method (in seconds)
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
        """Throw an exception with given probability.

        :param exception_probability: how likely an iteration fails, from 0
            (never) to 1 (always)
        """
        if random.random() < exception_probability:
            raise DummyScenarioException(
                "Dummy Scenario Exception: Probability: "
                f"{exception_probability}"
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
        """Raise errors in some iterations.

        :param sleep: float iteration sleep time in seconds
        :param from_iteration: int iteration number which starts range of
            failed iterations
        :param to_iteration: int iteration number which ends range of failed
            iterations
        :param each: int cyclic number of iteration which actually raises an
            error in selected range; each=3 will raise error in each 3rd
            iteration
        """
        utils.interruptable_sleep(sleep)
        number = self.context["iteration"]
        if from_iteration <= number <= to_iteration and number % each == 0:
            raise DummyScenarioException("Expected failure")


@scenario.configure(name="Dummy.dummy_output")
class DummyOutput(scenario.Scenario):
    def run(self, random_range: int = 25) -> None:
        """Generate dummy output.

        This scenario generates example of output data.

        :param random_range: max int limit for generated random values
        """
        for chart in sample_output.additive(random_range):
            self.add_output(additive=chart)
        for chart in sample_output.complete(random_range):
            self.add_output(complete=chart)


@scenario.configure(name="Dummy.dummy_random_fail_in_atomic")
class DummyRandomFailInAtomic(scenario.Scenario):
    """Randomly throw exceptions in atomic actions."""

    def _play_roulette(self, exception_probability: float) -> None:
        """Throw an exception with particular probability."""
        if random.random() < exception_probability:
            raise KeyError("Dummy test exception")

    def run(self, exception_probability: float = 0.5) -> None:
        """Dummy.dummy_random_fail_in_atomic in dummy actions.

        Can be used to test atomic actions failures processing.

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
        """Sleep random time in dummy actions.

        :param actions_num: int number of actions to generate
        :param sleep_min: minimal time to sleep, numeric seconds
        :param sleep_max: maximum time to sleep, numeric seconds
        """
        for number in range(actions_num):
            with atomic.ActionTimer(self, f"action_{number}"):
                utils.interruptable_sleep(random.uniform(sleep_min, sleep_max))


@scenario.configure(name="Dummy.dummy_timed_atomic_actions")
class DummyTimedAtomicAction(scenario.Scenario):
    def run(self, number_of_actions: int = 5, sleep_factor: float = 1) -> None:
        """Run some sleepy atomic actions for SLA atomic action tests.

        :param number_of_actions: int number of atomic actions to create
        :param sleep_factor: int multiplier for number of seconds to sleep
        """
        for number in range(number_of_actions):
            with atomic.ActionTimer(self, f"action_{number}"):
                utils.interruptable_sleep(number * sleep_factor)
