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

import threading

from rally.common import clock
from rally.task.distributed import (
    commands,
    controller_ports,
    drain_request,
    fleet_page,
    fleet_request,
    notices,
    run_sink,
    serve,
)
from rally.task.distributed.controller import lobby, membership
from rally.task.distributed.controller.membership import AgentState
from rally.task.distributed.security import keys
from rally.task.distributed.wire import (
    channels,
    codec,
    controller_transport,
    messages,
)
from rally.task.distributed.wire.channels import Channel, ConnectionChange
from rally.task.results import aggregate
from tests.fuzz import seeds
from tests.unit import test
from tests.unit.task.distributed import sockets, test_drain_request


class Sink:
    """Shows the members of a machine."""

    has_leases = False

    def __init__(self, machine):
        self._machine = machine

    def fleet(self, after):
        members = self._machine.members
        return fleet_page.page_of(
            self._machine.phase_text,
            [run_sink.describe(each) for _, each in sorted(members.items())],
            {}, after,
        )

    def refresh(self, now):
        """Nobody watches."""

    def say(self, text, is_problem):
        """Nobody listens."""


def hello(cpus=2):
    return messages.Hello("i", "6", "host", cpus, 0)


class Base(test_drain_request.Base):
    def serve_fleet(self):
        """Serve a machine with a sink until the test ends; the address."""
        ends = controller_transport.ControllerTransport(
            sockets.ANY_PORT, keys.controller_key(self.keys),
            keys.AgentAllowList(self.keys), codec.encode, codec.decode,
        )
        ports = controller_ports.ControllerPorts(ends, Sink(self.machine))
        is_over = threading.Event()

        def loop():
            while not is_over.is_set():
                serve.step(self.machine, ports, 10)
            ends.close()

        def end():
            is_over.set()
            ports.tell(notices.StopAsked("the test is over"))

        thread = threading.Thread(target=loop)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(end)
        return ends.endpoints[Channel.CONTROL]

    def add(self, count):
        for i in range(count):
            self.machine.registry.add(membership.Member(
                "n%03d" % i, hello(), clock.now_ns(), AgentState.RUNNING,
                labels={"zone": "ab"[i % 2]}, rate=1.5,
            ))


class AskTestCase(Base):
    def test_all_agents_are_shown_however_many(self):
        self.add(230)
        address = self.serve_fleet()

        fleet = fleet_request.ask(address, self.keys)

        self.assertEqual("waiting for agents", fleet.phase)
        self.assertEqual(
            ["n%03d" % i for i in range(230)],
            [row.name for row in fleet.agents],
        )
        self.assertEqual({"zone": "b"}, fleet.agents[1].labels)
        self.assertEqual(1.5, fleet.agents[1].rate)

    def test_a_run_may_have_no_agent_yet(self):
        fleet = fleet_request.ask(self.serve_fleet(), self.keys)
        self.assertEqual((), fleet.agents)

    def test_agents_are_found_by_label(self):
        self.add(5)
        address = self.serve_fleet()
        self.assertEqual(
            ["n001", "n003"],
            fleet_request.labelled(address, self.keys, ["zone=b"]),
        )
        error = self.assertRaises(
            fleet_request.NoSuchAgents, fleet_request.labelled, address,
            self.keys, ["zone=c"],
        )
        self.assertIn("zone=a; zone=b", str(error))

    def test_nobody_answers(self):
        keys.controller_key(self.keys)
        self.assertRaises(
            drain_request.NoController, fleet_request.ask,
            "tcp://127.0.0.1:1", self.keys, 0.3,
        )

    def test_an_agent_gets_no_answer(self):
        self.add(1)
        told = self.machine.handle(
            channels.Received(
                "n000", Channel.CONTROL, messages.FleetAsked()
            ),
            clock.now_ns(),
        )
        self.assertEqual([], [
            each for each in told if isinstance(each, commands.ShowFleet)
        ])

    def test_watching_goes_on_until_something_is_raised(self):
        self.add(2)
        address, seen = self.serve_fleet(), []

        def show(fleet):
            seen.append(fleet)
            if len(seen) == 2:
                raise KeyboardInterrupt

        self.assertRaises(
            KeyboardInterrupt, fleet_request.watch, address, self.keys, show
        )
        self.assertEqual([2, 2], [len(each.agents) for each in seen])


class MachineTestCase(test.TestCase):
    """What is asked, and when."""

    def setUp(self):
        super().setUp()
        self.asking = fleet_request._Asking(0, None)

    def hear(self, message, now):
        return self.asking.handle(
            channels.Received("", Channel.CONTROL, message), now
        )

    def answer(self, after, names, is_last):
        rows = tuple(
            messages.AgentRow(name, "running", "h", "6", {}, 2)
            for name in names
        )
        return messages.FleetAnswer(after, "running", 9, rows, is_last)

    def test_a_lost_page_is_asked_for_again_and_a_double_one_ignored(self):
        [first] = self.asking.expire(0)
        self.assertEqual("", first.message.after)
        [more] = self.hear(self.answer("", "ab", False), 1)
        self.assertEqual("b", more.message.after)
        self.assertEqual([], self.hear(self.answer("", "ab", False), 2))
        [again] = self.asking.expire(1 + 10**9)
        self.assertEqual("b", again.message.after)
        [shown] = self.hear(self.answer("b", "c", True), 3)
        self.assertEqual("abc", "".join(
            row.name for row in shown.roster.agents
        ))

    def test_it_looks_once_a_second_and_not_more_often(self):
        self.asking.expire(0)
        self.hear(self.answer("", "a", True), 5)
        self.assertEqual([], self.asking.expire(5 + 10**9 - 1))
        self.assertEqual(1, len(self.asking.expire(5 + 10**9)))

    def test_a_controller_that_left_is_shown_as_gone(self):
        gone = channels.ConnectionEvent(
            Channel.CONTROL, ConnectionChange.UNREACHABLE, ""
        )
        [shown] = self.asking.handle(gone, 0)
        self.assertEqual("nobody listens there", shown.roster.problem)


class LobbyTestCase(test.TestCase):
    def test_shows_who_has_come_between_runs(self):
        waiting = lobby.Lobby("6")
        waiting.handle(channels.Received(
            "n1", Channel.CONTROL, hello(4), {"zone": "a"}
        ), 0)
        [sent] = waiting.handle(channels.Received(
            channels.operator("01"), Channel.CONTROL, messages.FleetAsked()
        ), 0)
        [row] = sent.message.agents
        self.assertEqual(
            ("n1", {"zone": "a"}, 4), (row.name, row.labels, row.cpus)
        )
        self.assertTrue(sent.message.is_last)

    def test_an_operator_is_no_agent(self):
        waiting = lobby.Lobby("6")
        waiting.handle(channels.Received(
            channels.operator("01"), Channel.CONTROL, hello()
        ), 0)
        self.assertEqual({}, waiting.present)


class PageTestCase(test.TestCase):
    def test_has_what_the_agent_counted_and_the_cpu_it_used(self):
        counted = aggregate.Aggregate({})
        counted.add_chunk(seeds.rows(9))
        counted.saturation.worker_ns = 100
        counted.saturation.cpu_ns = 40
        member = membership.Member("n1", hello(), 0)
        page = fleet_page.page_of(
            "running", [run_sink.describe(member)], {"n1": counted}, ""
        )
        [row] = page.agents
        self.assertEqual((9, 0.4), (row.iterations, row.cpu_share))
