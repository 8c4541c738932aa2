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

"""Laws of who is granted which numbers."""

from __future__ import annotations

import collections
import dataclasses

import hypothesis
import hypothesis.strategies as st

from rally.task.results.progressions import numbers_of
from rally.task.work import grants as work
from rally.task.work.schedule import Schedule
from tests.unit import test

NS = work.NS


@dataclasses.dataclass
class Agent:
    """As much of an agent as granting knows."""

    name: str
    concurrency: int = 4
    group: str | None = ""
    remaining: int = 0
    rate: float = 0.0


class Agents(list):
    """Agents that may be granted work."""

    def named(self, names):
        return (agent for agent in self if agent.name in names)


class ClosedLawsTestCase(test.TestCase):
    @hypothesis.given(
        times=st.integers(0, 500),
        steps=st.lists(
            st.tuples(
                st.sampled_from("abc"), st.integers(0, 60), st.booleans()
            ),
            max_size=40,
        ),
    )
    def test_a_number_is_dealt_again_only_if_it_came_back(
        self, times, steps
    ):
        agents = {name: Agent(name) for name in "abc"}
        closed, held = work.ClosedGranting(times, None), collections.Counter()
        closed.begin(0)
        for name, rate, comes_back in steps:
            agents[name].rate, agents[name].remaining = rate, 0
            closed.changed(name)
            for allotment in closed.due(
                Agents(agents.values()), 0
            ):
                numbers = list(numbers_of([allotment.numbers]))
                held.update(numbers)
                self.assertEqual({1}, set(held.values()) - {0})
                if comes_back:
                    closed.give_back([allotment.numbers])
                    held.subtract(numbers)
        self.assertLessEqual(set(+held), set(range(1, times + 1)))
        self.assertEqual(times - held.total(), closed.left)

    @hypothesis.given(
        wanted=st.integers(0, 10**6), concurrency=st.integers(1, 200),
        agents=st.integers(1, 50), left=st.integers(1, 10**6),
    )
    def test_a_block_never_takes_more_than_is_left(
        self, wanted, concurrency, agents, left
    ):
        size = work.block_size(wanted, concurrency, agents, left)

        self.assertGreaterEqual(size, 1)
        self.assertLessEqual(size, left)


class ClosedGrantingTestCase(test.TestCase):
    """Only those whose needs have changed are looked at."""

    def setUp(self):
        super().setUp()
        self.agents = Agents(Agent(name) for name in "abc")
        self.grants = work.ClosedGranting(60, None)
        self.grants.begin(0)

    def due(self):
        return [
            each.member.name for each in self.grants.due(self.agents, 0)
        ]

    def test_all_are_looked_at_in_the_beginning(self):
        self.assertEqual(["a", "b", "c"], self.due())
        self.assertEqual([], self.due())

    def test_an_agent_that_runs_low_is_granted_more_once_it_says_so(self):
        self.due()
        self.agents[1].remaining = 0
        self.grants.changed("b")

        self.assertEqual(["b"], self.due())
        self.assertEqual([], self.due())

    def test_what_comes_back_is_for_all(self):
        self.due()
        while self.grants.left:
            self.agents[0].remaining = 0
            self.grants.changed("a")
            self.assertEqual(["a"], self.due())
        self.agents[2].remaining = 0
        self.grants.changed("c")
        self.assertEqual([], self.due())

        self.grants.give_back([(1, 1, 5)])
        self.assertEqual(["c"], self.due())


class OpenGrantingTestCase(test.TestCase):
    def test_windows_cover_the_schedule_once(self):
        agents = [Agent(name) for name in "abc"]
        grants = work.OpenGranting(1000, Schedule.constant(100))
        grants.begin(0)
        dealt = []
        for now in range(0, 12 * NS, NS // 4):
            due = grants.due(agents, now)
            dealt += numbers_of(allotment.numbers for allotment in due)
            if now == 5 * NS:
                agents.pop()

        self.assertEqual(list(range(1, 1001)), sorted(dealt))
        self.assertTrue(grants.is_over(12 * NS))

    def test_a_window_is_dealt_at_once_not_number_by_number(self):
        agents = [Agent(name) for name in "ab"]
        grants = work.OpenGranting(10**6, Schedule.constant(1000))
        grants.begin(0)
        leases = [
            allotment
            for now in range(0, NS, NS // 1000)
            for allotment in grants.due(agents, now)
        ]

        windows = NS // work.WINDOW_NS
        self.assertLessEqual(len(leases), len(agents) * (windows + 1))
