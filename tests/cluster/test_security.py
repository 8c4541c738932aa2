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

"""Who gets in, and what the others can do."""

from __future__ import annotations

import pathlib
import re
import resource
import typing as t

from rally.task.distributed.security import keys
from rally.task.distributed.wire import messages
from rally.task.distributed.wire.channels import Channel
from rally.task.results import aggregate, head
from tests.cluster import attacks, cluster
from tests.functional.sandbox import wait_until
from tests.fuzz import seeds

AT_ONCE = 4
SLA = {"failure_rate": {"max": 50}}
MEBI = 1024 * 1024
#: resident memory by which the controller may grow while it is attacked
GROWTH_KB = 100_000
#: the limit of open files that most systems begin with
USUAL_FILES = 1024
STRANGERS = 1000
#: strangers are given 10 s, see ``transport_sockets.HANDSHAKE_MS``
HANDSHAKE_S = 30.0
#: whoever says nonsense is not given that long
AT_ONCE_S = 8.0
#: an agent that is not spoken to any more notices when its lease ends
LEASE_END_S = cluster.LEASE_S + 1.0
#: of a recording that are played again: the handshake takes four
PIECES = 10


class Attacked(cluster.TestCase):
    """A run with a load, and somebody on another host of the network."""

    AGENTS = ("n1", "n2")

    def begin(self, times: int) -> t.Any:
        """Start a load; returns once it is under way."""
        run = self.start_load(
            {"constant": {"times": times, "concurrency": AT_ONCE}}, sla=SLA
        )
        self.wait_for_visits(run, 40)
        return run

    @property
    def controller(self) -> str:
        return self.hosts.address(cluster.CONTROLLER)

    def elsewhere(self) -> t.ContextManager[None]:
        """What is done here is done on a host that has no business here."""
        return self.hosts.inside(cluster.TARGET)

    def memory_kb(self, run: t.Any) -> int:
        """Resident memory of the controller, which must still run."""
        status = pathlib.Path("/proc/%d/status" % run.process.popen.pid)
        [found] = re.findall(r"VmRSS:\s+(\d+)", status.read_text())
        return int(found)

    def key_of(self, name: str) -> keys.AgentKey:
        """The key of an agent without a process."""
        return keys.load_agent_key(self.authorize(name))

    def check_unharmed(self, run: t.Any, times: int) -> None:
        """The run came to its end as if nothing had been."""
        done = run.finish()
        self.assertEqual(0, done.code, done.out + run.log[-4000:])
        self.check_accounting(run.workload, times, AT_ONCE)
        self.assertNotIn("Traceback", run.log)
        for agent in self.agents.values():
            self.assertNotIn("Traceback", agent.log)
            self.assertFalse(agent.process.is_over)

    def counted(self, run: t.Any, counter: str) -> int:
        return int(run.workload.load_info["counters"].get(counter, 0))

    def check_logged_once(self, run: t.Any, line: str) -> None:
        """However often it happened."""
        lines = re.findall(".*%s.*" % line, run.log)
        self.assertEqual(1, len(lines), lines)


class StrangersTestCase(Attacked):
    """Nobody of them has a key."""

    AGENTS = ("n1", "n2", "n3")
    LATE = "n3"

    def setUp(self) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < 4 * STRANGERS:
            self.skipTest("only %d files may be open here" % hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(
            resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard)
        )
        self.is_besieged = False
        super().setUp()

    def start_host(self, name: str) -> cluster.Host:
        """The last agent comes when the strangers are there already."""
        if name == self.LATE and not self.is_besieged:
            return t.cast(cluster.Host, None)
        return super().start_host(name)

    def start_with_few_files(self, times: int) -> t.Any:
        run = self.start_load(
            {"constant": {"times": times, "concurrency": AT_ONCE}}
        )
        pid = run.process.popen.pid
        _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (USUAL_FILES, hard))
        run.wait_for_log("agent n1 joined")
        return run

    def strangers(
        self, count: int = 1, first: t.Sequence[bytes] = (b"",)
    ) -> attacks.Strangers:
        """Connect to each port, and say each of *first*."""
        made = attacks.Strangers(self.controller)
        self.addCleanup(made.close)
        with self.elsewhere():
            for each in first:
                made.connect(count, each)
        return made

    def check_sent_away(
        self, strangers: attacks.Strangers, deadline_s: float
    ) -> None:
        wait_until(
            lambda: strangers.closed() == len(strangers.sockets), deadline_s,
            "the controller has closed all connections of strangers",
        )

    def test_a_thousand_idle_ones_and_garbage_keep_nobody_out(self):
        times = 1200
        run = self.start_with_few_files(times)
        before = self.memory_kb(run)

        idle = self.strangers(STRANGERS)
        greeting_only = self.strangers(first=[attacks.GREETING])
        self.is_besieged = True
        self.start_host(self.LATE)
        self.wait_for_visits(run, 40)  # so all agents have joined
        noisy = self.strangers(
            first=[*attacks.garbage(1), *attacks.a_gigabyte()]
        )

        self.check_sent_away(noisy, AT_ONCE_S)
        growth = self.memory_kb(run) - before
        self.check_sent_away(idle, HANDSHAKE_S)
        self.check_sent_away(greeting_only, HANDSHAKE_S)
        self.figure(
            "growth of the controller with %d strangers"
            % (len(idle.sockets) + len(noisy.sockets)), "%d kB" % growth,
        )
        self.check_unharmed(run, times)
        self.assertLess(growth, GROWTH_KB)
        self.check_logged_once(run, "not a Rally agent")
        self.assertGreaterEqual(
            self.counted(run, "wrong_protocol"), 3 * STRANGERS
        )
        self.assertEqual(0, self.counted(run, "accept_failed"))


class KeysTestCase(Attacked):
    """They have keys: refused ones, or their own and a claim."""

    def test_a_revocation_holds_from_the_next_message_on(self):
        times = 600
        run = self.begin(times)
        victim = self.agents["n2"]

        self.must("agent", "revoke", "n2")
        revoked = cluster.now()
        run.wait_for_log("agent n2 was lost: its key was revoked")
        noticed = cluster.now() - revoked

        done = run.finish()
        self.assertEqual(0, done.code, done.out)
        self.check_accounting(run.workload, times, AT_ONCE, {"n2"})
        arrivals = self.referee.arrivals(victim.address)
        refused = {each.number for each in arrivals if each.at > revoked}
        self.assertEqual(set(), refused & set(run.workload.numbers))
        self.assertLess(arrivals[-1].at - revoked, LEASE_END_S)
        [lost] = run.workload.load_info["lost"]
        self.assertEqual(
            ("n2", "its key was revoked"), (lost["agent"], lost["reason"])
        )
        self.assertGreater(self.counted(run, "unknown_key"), 0)
        self.check_logged_once(run, "no longer authorized")
        self.figure("noticed after", "%.2f s" % noticed)
        self.figure(
            "last arrival of its load",
            "%.2f s" % (arrivals[-1].at - revoked),
        )
        self.discard_spool("n2")

    def test_a_peer_speaks_for_nobody_else_and_is_cut_short(self):
        times = 1000
        unknown = keys.AgentKey(
            "n9", *vars_of(keys.KeyPair.new()),
            self.key_of("n8").controller_public,
        )
        own = self.key_of("n7")
        run = self.begin(times)
        before = self.memory_kb(run)
        with self.elsewhere():
            refused = attacks.Peer(self.controller, unknown)  # only dials
            liar = attacks.Peer(self.controller, own, b"n1")
        self.addCleanup(refused.close)
        self.addCleanup(liar.close)

        for message in lies(self.run_id_of(liar)):
            for channel in Channel:
                liar.send(channel, message)
        spoken = messages.PROTOCOL_VERSION
        for size in (17 * MEBI, 100 * MEBI):
            for channel in Channel:
                liar.send_raw(channel, [spoken, bytes(size)])
        for channel in Channel:
            liar.send_raw(channel, [spoken, b"\xc1"] * 20)
        run.wait_for_log("one of n7 has .* bytes")
        run.wait_for_log("its key is not authorized")
        growth = self.memory_kb(run) - before
        self.figure("growth of the controller", "%d kB" % growth)
        self.check_unharmed(run, times)
        self.assertLess(growth, GROWTH_KB)
        self.assertIn("agent n7 joined", run.log)
        self.assertEqual(1, len(re.findall("agent n1 joined", run.log)))
        self.check_logged_once(run, "its key is not authorized")
        for counter in ("malformed", "oversized", "unknown_key"):
            self.assertGreater(self.counted(run, counter), 0, counter)
        self.check_logged_once(run, r"one of n7 (has \d+ frames|is not)")
        self.check_logged_once(run, r"one of n7 has \d+ bytes")
        total = run.workload["statistics"]["durations"]["total"]
        self.assertEqual(times, total["data"]["iteration_count"])

    def run_id_of(self, peer: attacks.Peer) -> str:
        """What an authorized agent is told about the run."""
        from rally.common import clock, version

        hello = messages.Hello(
            "i", version.__version__, "elsewhere", 2, clock.now_ns()
        )
        for channel in Channel:
            peer.send(channel, hello)
        while not isinstance(message := peer.receive(), messages.Welcome):
            pass
        return message.run


def vars_of(pair: keys.KeyPair) -> tuple[str, str]:
    return pair.public, pair.secret


def lies(run: str) -> list[messages.Message]:
    """What would hurt if it came from an agent that has work."""
    numbers = ((1, 1, 400),)
    seeds.load_criteria()
    counted = aggregate.Aggregate(SLA)
    counted.add_chunk(seeds.rows(9))
    return [
        messages.Ended(run, 5, numbers, False, 1, 99, b"", "no", "no", True),
        messages.Ended(run, 0, (), True, 1, 99, b"", "it is gone"),
        messages.Refused(run, "it lacks everything"),
        messages.ChunkData(
            run, 0,
            head.PackedChunk(
                head.ChunkHead(400, 0, 1, 2, 3, numbers), b"rows"
            ),
        ),
        messages.ChunkMissing(run, 0, "gone"),
        messages.Snapshot(run, 10**5, True, counted.to_bytes()),
        messages.WorkRequest(run, 10**6, 10**6, 1, 0),
        messages.Events(
            run, 0, 0, (messages.Started(tuple(range(1, 50))),)
        ),
        messages.FetchPart(run, "0" * 64, 0),
        messages.Heartbeat(run, "running", 10**6, 0, 0, 0, 5, 1, 5, 10**6),
    ]


class ReplayTestCase(Attacked):
    """All that an agent says goes through somebody who keeps it."""

    def start_referee(self) -> None:
        with self.elsewhere():
            self.recorder = attacks.Recorder(self.controller)
        self.addCleanup(self.recorder.close)
        super().start_referee()

    def address_for(self, name: str) -> str:
        host = cluster.TARGET if name == "n1" else cluster.CONTROLLER
        return self.hosts.address(host)

    def test_recorded_traffic_played_again_is_refused(self):
        times = 1000
        run = self.begin(times)
        said = {
            port: max(said, key=len)[:PIECES]
            for port, said in self.recorder.said.items()
        }
        self.assertEqual(set(attacks.PORTS), set(said))
        for pieces in said.values():  # the handshake, and what follows it
            self.assertGreater(len(pieces), 4)

        again = attacks.Strangers(self.controller)
        self.addCleanup(again.close)
        with self.elsewhere():
            for pieces in said.values():  # each on all three ports
                again.repeat(pieces)

        wait_until(
            lambda: again.closed() == len(again.sockets), HANDSHAKE_S,
            "the controller has closed the connections of the recording",
        )
        self.assertFalse(run.process.is_over)
        self.check_unharmed(run, times)
        self.assertGreaterEqual(
            self.counted(run, "wrong_protocol"), len(again.sockets)
        )
        self.assertEqual(1, len(re.findall("agent n1 joined", run.log)))
