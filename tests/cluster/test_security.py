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

from rally.task.distributed.security import keys, tokens
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

    def run_id_of(self, peer: attacks.Peer) -> str:
        """What an authorized agent is told about the run."""
        for channel in Channel:
            peer.send(channel, hello())
        while not isinstance(message := peer.receive(), messages.Welcome):
            pass
        return message.run

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
        times = 1000
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
                liar.send_raw(channel, [spoken + bytes(size)])
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


class JoinTokensTestCase(Attacked):
    """They have a copy of a join token, and want more than it is good for."""

    USES = 3
    TOGETHER = 30

    def invited(
        self, uses: int, folder: pathlib.Path | None = None
    ) -> keys.AgentKey:
        """What a thief can make of a token: the key of a peer."""
        text = tokens.invite(
            uses, 3600, {"zone": "a"}, folder or self.keys_folder
        )
        path = self.sandbox.write("stolen.join", text)
        path.chmod(0o600)
        token = tokens.load_join_token(path)
        return keys.AgentKey(
            token.id, token.public, token.secret, token.controller_public
        )

    @property
    def keys_folder(self) -> pathlib.Path:
        return self.sandbox.home / ".rally" / "keys"

    def peers(self, key: keys.AgentKey, count: int = 1) -> list[attacks.Peer]:
        with self.elsewhere():
            made = [attacks.Peer(self.controller, key) for _ in range(count)]
        for each in made:
            self.addCleanup(each.close)
        return made

    def came_by(self, key: keys.AgentKey) -> dict[str, str]:
        """Names by public key of those that the token has let in."""
        return {
            agent.public: agent.name
            for agent in keys.agents(self.keys_folder)
            if agent.token == key.name
        }

    def test_more_than_its_uses_at_the_same_moment_do_not_get_in(self):
        times = 1000
        token = self.invited(self.USES)
        run = self.begin(times)
        applied = {
            keys.KeyPair.new().public: peer
            for peer in self.peers(token, self.TOGETHER)
        }
        for _ in range(3):  # each says it again and again
            for key, peer in applied.items():
                # and asks for the name of somebody who is there
                peer.send(Channel.CONTROL, messages.Enrol(key, "n1"))

        told = {key: peer.receive() for key, peer in applied.items()}

        names = {key: each.name for key, each in told.items() if each.name}
        self.assertEqual(self.USES, len(names))
        self.assertEqual(names, self.came_by(token))
        self.assertEqual({"n1-2", "n1-3", "n1-4"}, set(names.values()))
        for key, each in told.items():
            self.assertEqual(key, each.key)
        self.check_unharmed(run, times)
        self.assertEqual(1, len(re.findall("agent n1 joined", run.log)))
        self.assertEqual([], re.findall("agent n1-. joined", run.log))

    def test_its_key_is_the_key_of_no_agent(self):
        times = 1000
        token = self.invited(self.USES)
        spy = self.key_of("n7")
        run = self.begin(times)
        before = self.memory_kb(run)
        [liar] = self.peers(token)
        with self.elsewhere():
            agent = attacks.Peer(self.controller, spy)
        self.addCleanup(agent.close)

        for message in (hello(), *lies(self.run_id_of(agent))):
            for channel in Channel:
                liar.send(channel, message)
        for frames in (
            [messages.PROTOCOL_VERSION + b"\0" + b"\xc1" * 40],
            [messages.PROTOCOL_VERSION + bytes(MEBI)], [b""] * 20, [b""],
        ):
            for channel in Channel:
                liar.send_raw(channel, frames)
        for key in (
            token.public, token.controller_public, spy.public, "\\" * 40,
        ):
            liar.send(Channel.CONTROL, messages.Enrol(key, "n1"))
            answer = liar.receive()
            self.assertEqual((key, ""), (answer.key, answer.name))

        growth = self.memory_kb(run) - before
        self.check_unharmed(run, times)
        self.assertEqual({}, self.came_by(token))
        self.assertLess(growth, GROWTH_KB)
        self.check_logged_once(run, "Ignored somebody with join token")
        self.assertGreater(self.counted(run, "application"), 0)

    def test_after_its_end_and_elsewhere_it_is_worth_nothing(self):
        times = 1000
        token = self.invited(self.USES)
        foreign = self.invited(
            self.USES, self.sandbox.folder / "other-controller"
        )
        run = self.begin(times)
        [early, other] = [*self.peers(token), *self.peers(foreign)]
        first = messages.Enrol(keys.KeyPair.new().public, "early")
        early.send(Channel.CONTROL, first)
        self.assertEqual("early", early.receive().name)

        self.must("agent", "revoke", "--token", token.name)
        late = [early, *self.peers(token)]
        for peer in (*late, other):
            for _ in range(3):
                peer.send(Channel.CONTROL, messages.Enrol(
                    keys.KeyPair.new().public, "late"
                ))
        run.wait_for_log("no longer authorized")
        run.wait_for_log("its key is not authorized")

        self.check_unharmed(run, times)
        self.assertEqual({first.key: "early"}, self.came_by(token))
        self.assertEqual(
            {"early", "n1", "n2"},
            {each.name for each in keys.agents(self.keys_folder)},
        )
        self.assertGreater(self.counted(run, "wrong_protocol"), 0)


def hello() -> messages.Hello:
    from rally.common import clock, version

    return messages.Hello(
        "i", version.__version__, "elsewhere", 2, clock.now_ns()
    )


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
        said = self.replayed()
        for pieces in said:  # the handshake, and what follows it
            self.assertGreater(len(pieces), 4)

        again = attacks.Strangers(self.controller)
        self.addCleanup(again.close)
        with self.elsewhere():
            for pieces in said:  # each on all three ports
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
        self.check_joined()

    def replayed(self) -> list[list[bytes]]:
        """What is played again: the longest that was said to each port."""
        said = {
            port: max(said, key=len)[:PIECES]
            for port, said in self.recorder.said.items()
        }
        self.assertEqual(set(attacks.PORTS), set(said))
        return list(said.values())

    def check_joined(self) -> None:
        """Who may join is who might before."""
        folder = self.sandbox.home / ".rally" / "keys"
        self.assertEqual(
            sorted(self.AGENTS), [each.name for each in keys.agents(folder)]
        )


class JoinedReplayTestCase(ReplayTestCase):
    """The same with agents that came by a join token, which is recorded."""

    def let_in(self) -> None:
        self.token = self.sandbox.folder / "fleet.join"
        self.must(
            "agent", "invite", "--uses", len(self.AGENTS), "--expires", "1h",
            "--label", "zone=a", "--out", self.token,
        )

    def credentials(self, name: str) -> list[t.Any]:
        return [
            "--join", self.token, "--name", name, "--keys-folder",
            self.sandbox.folder / ("own-%s" % name), "--label", "zone=b",
        ]

    def replayed(self) -> list[list[bytes]]:
        """All that was said to the first port, applications included."""
        said = [
            pieces[:PIECES]
            for pieces in self.recorder.said[attacks.PORTS[0]]
            if len(pieces) > 4
        ]
        self.assertGreater(len(said), 1)
        return said

    def check_joined(self) -> None:
        folder = self.sandbox.home / ".rally" / "keys"
        self.assertEqual(
            [("n1", {"zone": "a"}), ("n2", {"zone": "a"})],
            [(each.name, each.labels) for each in keys.agents(folder)],
        )
