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

from __future__ import annotations

import collections
import dataclasses

import hypothesis
from hypothesis import strategies as st

from rally.task.results.progressions import numbers_of
from rally.task.work import turns
from tests.unit import test


@dataclasses.dataclass
class Agent:
    name: int
    group: str | None = ""


WEIGHTS = st.dictionaries(
    st.sampled_from("abcd"), st.integers(1, 7), min_size=1
)


def fleet(sizes):
    """Agents, by the size of each group."""
    groups = [group for group, size in sizes.items() for _ in range(size)]
    return [Agent(name, group) for name, group in enumerate(groups)]


def dealt(rhythm, agents, first, end):
    """The agent of each number."""
    return {
        number: agent
        for agent, numbers in rhythm.deal(agents, first, end)
        for number in numbers_of([numbers])
    }


class TurnsTestCase(test.TestCase):
    @hypothesis.given(
        weights=WEIGHTS, first=st.integers(1, 50),
        length=st.integers(0, 200), data=st.data(),
    )
    def test_each_number_is_dealt_out_once(self, weights, first, length, data):
        sizes = data.draw(st.fixed_dictionaries({
            group: st.integers(0, 4) for group in weights
        }).filter(lambda sizes: any(sizes.values())))
        allotted = [
            number
            for _, numbers in turns.Turns(weights).deal(
                fleet(sizes), first, first + length
            )
            for number in numbers_of([numbers])
        ]

        self.assertEqual(
            list(range(first, first + length)), sorted(allotted)
        )

    @hypothesis.given(weights=WEIGHTS, size=st.integers(1, 5),
                      first=st.integers(1, 50))
    def test_of_iterations_in_a_row_each_group_gets_its_weight(
        self, weights, size, first
    ):
        rhythm = turns.Turns(weights)
        length = len(rhythm._slots)
        whole = sum(weights.values())
        agents = fleet(dict.fromkeys(weights, size))

        owners = dealt(rhythm, agents, first, first + length).values()

        counts = collections.Counter(agent.group for agent in owners)
        self.assertEqual(
            {g: weight * length // whole for g, weight in weights.items()},
            dict(counts),
        )

    @hypothesis.given(
        weights=WEIGHTS, size=st.integers(1, 5),
        cuts=st.lists(st.integers(1, 40), min_size=1, max_size=5),
    )
    def test_windows_of_any_size_fit_together(self, weights, size, cuts):
        rhythm, first = turns.Turns(weights), 1
        agents = fleet(dict.fromkeys(weights, size))
        found = {}
        for cut in cuts:
            found.update(dealt(rhythm, agents, first, first + cut))
            first += cut

        self.assertEqual(dealt(rhythm, agents, 1, first), found)

    @hypothesis.given(
        weights=WEIGHTS, size=st.integers(1, 5), length=st.integers(1, 300),
    )
    def test_agents_of_a_group_differ_by_one_at_most(
        self, weights, size, length
    ):
        agents = fleet(dict.fromkeys(weights, size))
        owners = dealt(turns.Turns(weights), agents, 1, 1 + length).values()

        counts = collections.Counter(agent.name for agent in owners)
        for group in weights:
            own = [counts[a.name] for a in agents if a.group == group]
            self.assertLessEqual(max(own) - min(own), 1)

    @hypothesis.given(weights=WEIGHTS, size=st.integers(1, 12))
    def test_an_agent_gets_few_leases_and_one_if_that_is_possible(
        self, weights, size
    ):
        rhythm = turns.Turns(weights)
        leases = collections.Counter(
            agent.name for agent, _ in rhythm.deal(
                fleet(dict.fromkeys(weights, size)), 1, 5000
            )
        )
        self.assertLessEqual(max(leases.values()), max(weights.values()))

        agents = fleet({g: w * size for g, w in weights.items()})
        leases = collections.Counter(
            agent.name for agent, _ in rhythm.deal(agents, 1, 5000)
        )
        self.assertEqual({1}, set(leases.values()))

    def test_groups_are_spread_evenly(self):
        owners = dealt(
            turns.Turns({"a": 6, "b": 2}), fleet({"a": 1, "b": 1}), 1, 9
        )
        self.assertEqual(
            "aabaaaba", "".join(a.group for _, a in sorted(
                owners.items(), key=lambda item: item[0]
            ))
        )

    def test_without_weights_all_take_turns(self):
        agents = [Agent(i, None) for i in range(3)]
        self.assertEqual(
            [(1, (5, 3, 2)), (2, (6, 3, 2)), (0, (7, 3, 1))],
            [
                (agent.name, numbers)
                for agent, numbers in turns.Turns().deal(agents, 5, 10)
            ],
        )
