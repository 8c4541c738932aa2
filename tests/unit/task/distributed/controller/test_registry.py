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

"""What is known of agents without looking at each of them."""

from __future__ import annotations

import types

import hypothesis
from hypothesis import strategies as st

from rally.task.distributed.controller import membership, registry
from rally.task.distributed.wire import messages
from tests.unit import test

NS = 1_000_000_000
PLAN = types.SimpleNamespace(
    run="run", beat_ns=NS // 4, lease_s=2.0, agent_timeout_s=5.0
)
NAMES = "abcdefghijklmnop"


def member(name, now=0, state=membership.AgentState.RUNNING):
    hello = messages.Hello("1", "6", "host", 2, 0)
    return membership.Member(name, hello, now, state=state)


class RegistryTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        self.registry = registry.Registry(PLAN)

    def add(self, *members):
        for each in members:
            self.registry.add(each)

    @hypothesis.given(st.lists(st.tuples(
        st.sampled_from(("beat", "add", "forget", "wait")),
        st.sampled_from(NAMES),
    )))
    def test_beats_go_to_those_that_wait_for_longest(self, steps):
        known, now = registry.Registry(PLAN), NS
        for what, name in steps:
            here = known.members.get(name)
            if what == "wait":
                now += NS // 8
            elif what == "add":
                known.add(member(name))
            elif here is not None:
                known.forget(here) if what == "forget" else known.beat(
                    here, now
                )
        due = sorted(
            each.beat_ns for each in known.members.values()
            if each.beat_ns <= now - PLAN.beat_ns
        )
        before = {each.name: each.beat_ns for each in known.members.values()}

        sent = [send.peer for send in known.beats(now)]

        self.assertEqual(
            due[:registry.BEATS_AT_ONCE], [before[name] for name in sent]
        )
        self.assertEqual(len(set(sent)), len(sent))

    def test_work_is_for_those_that_run_and_were_heard(self):
        late, over = member("b"), member("c", 9 * NS)
        over.ended = True
        ready = member("d", 9 * NS, membership.AgentState.READY)
        self.add(member("e", 9 * NS), member("a", 9 * NS), late, over, ready)

        grantees = self.registry.grantees(10 * NS)

        self.assertEqual(["a", "e"], [each.name for each in grantees])
        self.assertEqual(
            ["e"],
            [each.name for each in grantees.named({"e", "b", "d", "gone"})],
        )
        late.heard_ns = 9 * NS
        self.assertEqual(["b"], [each.name for each in grantees.named("b")])
