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

from rally.common import clock
from rally.task.distributed import (
    controller_ports,
    notices,
    run_sink,
    serve,
)
from rally.task.distributed.controller import failures
from rally.task.distributed.wire import channels, messages
from rally.task.distributed.wire.channels import Channel
from rally.task.load import frames
from rally.task.results import board
from tests.fuzz import seeds, targets
from tests.simulation.cluster import Cluster
from tests.unit import test


class ScriptedEnd:
    """Hands out what agents are to have said, one after the other."""

    def __init__(self, *incoming):
        self.incoming = list(incoming)

    def receive(self, timeout_s):
        if not self.incoming:
            raise AssertionError("the run is not over")
        return [self.incoming.pop(0)]

    def send(self, peer, channel, message):
        return channels.Delivery.QUEUED

    def wake(self):
        """Nobody waits here."""


class Stored(collections.deque):
    """Chunks that are in the database at once, but for some."""

    refused = ()

    def append(self, delivered):
        where = delivered.agent, delivered.sequence
        if delivered.sequence in self.refused:
            self.tell(notices.ChunkRefused(*where, "it is damaged"))
            return
        super().append(delivered)
        self.tell(notices.Stored(*where))


class Runner:
    """What the sink needs of a runner."""

    def __init__(self):
        self.result_queue = Stored()
        self.board = board.SnapshotBoard(seeds.SLA)
        self.problems = []
        self.problem = self.problems.append

    def send_event(self, kind, value):
        """Nobody listens here."""


def from_a1(message):
    return channels.Received("a1", Channel.CONTROL, message)


class HostileAgentTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        seeds.load_criteria()
        self.runner = Runner()

    def serve(self, *said):
        """A run in which agent a1 says this; then both are revoked."""
        now = clock.now_ns()
        machine, _ = targets.running(now)
        machine.run.collector._pace.allowed = 64  # all is asked for at once
        end = ScriptedEnd(
            *map(from_a1, said), channels.Revoked("a1"),
            channels.Revoked("a2"),
        )
        sink = run_sink.RunSink(machine, end, self.runner)
        ports = controller_ports.ControllerPorts(end, sink)
        self.runner.result_queue.tell = ports.tell
        serve.serve(machine, ports)
        self.runner.board.merged()
        sink.finish()
        self.assertIsInstance(machine.failure, failures.AgentLost)
        self.assertIn("its key was revoked", str(machine.failure))
        return machine

    def beat(self, spooled):
        now = clock.now_ns()
        return messages.Heartbeat(
            seeds.RUN, "running", 1, now, now, now, 0, now, 4, spooled
        )

    def test_a_chunk_that_nobody_could_read_is_refused_and_lost(self):
        self.runner.result_queue.refused = (1,)
        machine = self.serve(
            self.beat(2), seeds.chunk_data(0, seeds.rows(9)),
            seeds.chunk_data(1, seeds.rows(9)),
        )

        self.assertEqual([0], [c.sequence for c in self.runner.result_queue])
        self.assertEqual(1, machine.counters["missing_chunks"])
        self.assertIn("a1", self.runner.inexact_sources)
        self.assertIn("lost a chunk of results", self.runner.problems[0])
        self.assertIn(
            "chunk 1, as it arrived: it is damaged", self.runner.problems[0]
        )

    def test_statistics_that_make_no_sense_are_counted_from_rows(self):
        nonsense = dict(seeds.states()[1])
        nonsense["sla"] = {
            **nonsense["sla"],
            "performance_degradation": {
                **nonsense["sla"]["performance_degradation"], "min_ns": "x",
            },
        }
        said = [
            messages.Snapshot(
                seeds.RUN, number, False, frames.encode_state(nonsense)
            )
            for number in (1, 2, 3)
        ]
        self.serve(*said)

        self.assertEqual({}, self.runner.board.sources())
        self.assertIn("a1", self.runner.board.malformed)
        told = [text for text in self.runner.problems if "state of" in text]
        self.assertEqual(1, len(told), told)

    def test_an_agent_whose_key_was_revoked_is_lost(self):
        now = clock.now_ns()
        machine, _ = targets.running(now)
        machine.run.collector._pace.allowed = 64  # all is asked for at once

        machine.handle(channels.Revoked("a1"), now)

        self.assertEqual("lost", machine.members["a1"].state.value)
        self.assertEqual("its key was revoked", machine.members["a1"].reason)

    def test_a_hello_on_another_channel_only_shows_the_way_back(self):
        machine, _ = targets.running(clock.now_ns())
        for channel, instance in (
            (Channel.RESULTS, "i"), (Channel.CONTROL, "new"),
        ):
            hello = messages.Hello("new", seeds.VERSION, "h", 2, 0)
            end = ScriptedEnd(channels.Received("a1", channel, hello))
            sink = run_sink.RunSink(machine, end, self.runner)
            serve.step(
                machine, controller_ports.ControllerPorts(end, sink), 0
            )
            self.assertEqual(instance, machine.members["a1"].hello.instance)


class GivenUpTestCase(test.TestCase):
    def test_what_nobody_waits_for_any_longer_is_lost(self):
        seeds.load_criteria()
        runner = Runner()
        machine, _ = targets.running(clock.now_ns())
        outstanding = {
            name: member.ledger.outstanding()
            for name, member in machine.members.items()
            if member.ledger.outstanding_count
        }
        self.assertNotEqual({}, outstanding)

        run_sink.RunSink(machine, ScriptedEnd(), runner).finish()

        self.assertEqual(
            outstanding, {each.agent: each.numbers for each in runner.lost}
        )
        self.assertIn("gave up on it", runner.lost[0].reason)
        self.assertEqual(
            sum(each.count for each in runner.lost), runner.lost_count
        )


class ViewTestCase(test.TestCase):
    def test_many_agents_are_described_in_parts(self):
        machine = Cluster(agents=60, times=60, concurrency=60).play().machine
        runner = Runner()
        runner.members = []
        sink = run_sink.RunSink(machine, None, runner)

        shown = []
        for _ in range(4):
            sink.refresh(1)
            shown.append(len(runner.members))

        self.assertEqual([0, 0, 60, 60], shown)
        names = [member["name"] for member in runner.members]
        self.assertEqual(sorted(machine.members), names)


class TakingPartTestCase(test.TestCase):
    def shown(self, **config):
        machine = Cluster(agents=3, times=20, concurrency=2, **config).play(
        ).machine
        return [
            (member.name, member.state.value)
            for member in run_sink.taking_part(machine)
        ]

    def test_an_agent_without_a_share_is_shown(self):
        self.assertEqual(
            [("a0", "done"), ("a1", "done"), ("a2", "joined")], self.shown()
        )

    def test_an_agent_that_was_not_asked_for_is_not(self):
        self.assertEqual(
            [("a0", "done"), ("a1", "done")], self.shown(wanted=2)
        )
