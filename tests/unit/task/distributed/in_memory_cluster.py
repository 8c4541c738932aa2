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

"""A cluster in memory: real state machines, simulated time and load.

Every message goes through codec and ``MemoryNetwork``; a seed repeats a run
exactly. The load of an agent starts iterations as a Runner does: at most
its concurrency at once, nothing behind the lease, nothing twice.
"""

from __future__ import annotations

import collections
import dataclasses
import heapq
import random
import typing as t

import msgspec

from rally.task.distributed import commands, controller_ports, notices
from rally.task.distributed.agent import machine as agent_module
from rally.task.distributed.controller import lobby, registry
from rally.task.distributed.controller import machine as controller_module
from rally.task.distributed.wire import channels, codec, memory, messages
from rally.task.results import head
from rally.task.work import grants, leases

NS = 1_000_000_000
VERSION = "6.0.0"


class Load:
    """What a load process does, in simulated time (agent's clock)."""

    def __init__(self, cluster, name, duration_s):
        self.cluster, self.name, self.duration_s = cluster, name, duration_s
        self.numbers = collections.deque()
        self.running = []  # heap of (end, number, how long it takes)
        self.rows = []
        self.spooled = 0
        self.deadline = 0
        self.start_at = None
        self.low = 0
        self.is_asked = self.is_closed = self.is_stopped = False
        self.drawn = self.done = 0
        self.ended = False
        self.lease = 0
        self.longest_ns = 0
        self.concurrency = 1
        self.snapshot = 0
        self.snapshot_at = 0

    def obey(self, message, now):
        if isinstance(message, messages.Load):
            self.concurrency = message.prepare.runner["concurrency"]
            if self.name in self.cluster.refusing:
                return [messages.LoadRefused("it lacks a plugin")]
            if self.name in self.cluster.stuck | self.cluster.hesitating:
                return []
            return [messages.LoadReady()]
        if self.ended:
            return []
        if isinstance(message, messages.Grant):
            self.lease = message.lease
            self.numbers.extend(leases.numbers_of([message.numbers]))
            self.low, self.is_asked = message.low, False
        elif isinstance(message, messages.LoadRenew):
            self.deadline = message.deadline_ns
        elif isinstance(message, messages.LoadStart):
            self.start_at = message.at_ns
        elif isinstance(message, messages.Close):
            self.is_closed = True
        elif isinstance(message, messages.Stop):
            if self.name in self.cluster.hesitating:
                return [messages.LoadRefused("it lacks a plugin, too")]
            self.is_stopped = True
        return self.advance(now)

    def next_event(self, now):
        if self.ended:
            return None
        events = [end for end, _, _ in self.running[:1]]
        if self.start_at is not None:
            events.append(max(self.snapshot_at, now + 1))
            if self.start_at > now:
                events.append(self.start_at)
        return min(events, default=None)

    def advance(self, now):
        """Let time pass up to *now*; messages to the agent."""
        if self.ended:
            return []
        said = []
        while self.running and self.running[0][0] <= now:
            end, number, took_ns = heapq.heappop(self.running)
            self.longest_ns = max(self.longest_ns, took_ns)
            self.rows.append((end, number))
            self.done += 1
            self._fill(end)
            if len(self.rows) >= self.cluster.chunk_size:
                said += self._spool()
        self._fill(now)
        if len(self.numbers) <= self.low and not self.is_asked and (
            self.start_at is not None
        ):
            self.is_asked = True
            said.append(messages.LoadLow(self.drawn, len(self.numbers)))
        if self.start_at is not None and now >= self.snapshot_at:
            self.snapshot_at = now + NS
            self.snapshot += 1
            said.append(self._snapshot())
            said.append(messages.LoadStatus(self.drawn, len(self.numbers)))
            self.is_asked = False
        is_over = self.is_stopped or (self.is_closed and not self.numbers)
        if is_over and not self.running:
            said += self._spool()
            said.append(
                messages.LoadEnded(
                    returned=leases.runs_of(self.numbers),
                    spooled=self.spooled,
                    number=self.snapshot + 1,
                    aggregate={"iterations": self.done},
                    lease=self.lease,
                    is_reusable=self.name not in self.cluster.littering,
                )
            )
            self.ended = True
        return said

    def _snapshot(self):
        return messages.Snapshot(
            self.cluster.run, self.snapshot, False,
            {"iterations": self.done}, self.longest_ns,
        )

    def _fill(self, now):
        while (
            self.numbers and len(self.running) < self.concurrency
            and not self.is_stopped and self.start_at is not None
            and self.start_at <= now < self.deadline
        ):
            number = self.numbers.popleft()
            self.drawn += 1
            self.cluster.on_start(self.name, number, now)
            spread = 0.5 + self.cluster.random.random()
            took_ns = int(self.duration_s * spread * NS)
            heapq.heappush(self.running, (now + took_ns, number, took_ns))

    def _spool(self):
        if not self.rows:
            return []
        numbers = [number for _, number in self.rows]
        spool = self.cluster.spools[self.name].setdefault(
            self.cluster.run, {}
        )
        spool[self.spooled] = messages.ChunkData(
            run=self.cluster.run,
            sequence=self.spooled,
            chunk=head.PackedChunk(
                head.ChunkHead(
                    count=len(numbers),
                    failed=0,
                    first_ns=self.rows[0][0],
                    last_ns=self.rows[-1][0],
                    finished_ns=self.rows[-1][0],
                    numbers=leases.runs_of(numbers),
                ),
                b"",
            ),
        )
        self.rows = []
        self.spooled += 1
        return [messages.LoadSpooled(self.spooled - 1)]


class SimulatedAgent:
    """An agent process: machine, transport, load."""

    def __init__(self, cluster, name, offset_ns=0, duration_s=0.1):
        self.cluster, self.name = cluster, name
        self.offset_ns, self.duration_s = offset_ns, duration_s
        self.load = None
        self.is_process_there = False
        self.frozen_until = 0
        self.said = []
        self.end = cluster.network.agent(name)
        cluster.instances += 1
        self.machine = agent_module.Agent(
            "instance-%d" % cluster.instances, cluster.version_of(name),
            "host", 2, self.now(),
            {
                run: max(chunks, default=-1) + 1
                for run, chunks in cluster.spools[name].items()
            },
        )

    def now(self):
        return self.cluster.clock.now_ns() + self.offset_ns

    def next_event(self):
        now = self.now()
        events = [self.machine.next_deadline()]
        if self.load is not None:
            events.append(self.load.next_event(now))
        at = min(event for event in events if event is not None)
        at -= self.offset_ns
        return max(at, self.frozen_until)

    def step(self):
        """Handle what has come and what is due."""
        if self.load is not None:  # its process runs on when we are frozen
            self.said += self.load.advance(self.now())
        if self.cluster.clock.now_ns() < self.frozen_until:
            return
        for incoming in self.end.receive(0):
            if isinstance(incoming, channels.Received):
                self._handle(incoming.message)
            elif incoming.channel is channels.Channel.CONTROL:
                self._execute(self.machine.connected(self.now()))
            else:
                self.end.send(incoming.channel, self.machine.hello())
        self._listen_to_load()
        self._execute(self.machine.expire(self.now()))
        self._listen_to_load()

    def _listen_to_load(self):
        while self.said:
            said, self.said = self.said, []
            for message in said:
                self._handle(message)

    def _handle(self, message):
        self._execute(self.machine.handle(message, self.now()))

    def _execute(self, todo):
        for command in todo:
            if isinstance(command, commands.Send):
                self.end.send(command.channel, command.message)
            elif isinstance(command, commands.WarmLoad):
                self._start_process()
            elif isinstance(command, commands.StartLoad):
                if not self.is_process_there:
                    self._start_process()
                elif self.load is not None and not self.load.ended:
                    raise AssertionError("its load process is at work")
                self.load = Load(self.cluster, self.name, self.duration_s)
                self._tell(messages.Load(command.prepare, ""))
            elif isinstance(command, commands.TellLoad):
                self._tell(command.message)
            elif isinstance(command, commands.EndLoad):
                self.load = None
                self.is_process_there = False
            elif isinstance(command, commands.SendChunk):
                self._send_chunk(command)
            elif isinstance(command, commands.RemoveChunk):
                spool = self.cluster.spools[self.name].get(command.run, {})
                spool.pop(command.sequence, None)
            elif isinstance(command, commands.DiscardSpool):
                self.cluster.spools[self.name].pop(command.run, None)
            elif isinstance(command, commands.Say):
                self.cluster.log.append("%s: %s" % (self.name, command.text))

    def _start_process(self):
        if self.is_process_there:
            raise AssertionError("there is a load process already")
        self.is_process_there = True
        self.cluster.processes[self.name] += 1

    def _tell(self, message):
        if self.load is not None:
            self.said += self.load.obey(message, self.now())

    def _send_chunk(self, command):
        spool = self.cluster.spools[self.name].get(command.run, {})
        if command.sequence in spool:
            self.end.send(channels.Channel.RESULTS, spool[command.sequence])
        else:
            self.end.send(
                channels.Channel.CONTROL,
                messages.ChunkMissing(command.run, command.sequence, "gone"),
            )

    def lose_process(self):
        """SIGKILL of its load process."""
        self.load = None
        self.is_process_there = False
        self._handle(notices.LoadGone("it was killed"))

    def shut_down(self):
        """SIGTERM."""
        self._handle(notices.ShutdownAsked())
        self._listen_to_load()

    def die(self):
        """SIGKILL of the agent and of its load."""
        self.end.close()
        del self.cluster.agents[self.name]


class Cluster:
    """One controller and its agents."""

    run = "run-1"

    def __init__(
        self, seed=0, agents=2, times=200, concurrency=4, duration_s=0.1,
        weather=None, chunk_size=10, store_delay_s=0.01, schedule=None,
        offsets_s=(), versions=None, duration_of_run_s=None, task="", **plan,
    ):
        self.random = random.Random(seed)
        self.clock = memory.FakeClock(1_790_000_000.0)
        self.network = memory.MemoryNetwork(
            self.clock, codec.encode, codec.decode, seed, weather
        )
        self.chunk_size, self.store_delay_s = chunk_size, store_delay_s
        self.times, self.concurrency = times, concurrency
        self.versions = versions or {}
        self.refusing, self.stuck = set(), set()  # names of agents
        self.hesitating = set()  # they refuse once they were told to stop
        self.littering = set()  # their loads leave something behind
        self.processes = collections.Counter()  # load processes of agents
        self.lobby = lobby.Lobby(VERSION)
        self.revoked = set()
        self.spools = collections.defaultdict(dict)
        self.instances = 0
        self.log = []
        self.started = collections.Counter()
        self.started_at = {}
        self.started_by = {}
        self.clock_start = self.clock.now_ns()
        self.running_peak = 0
        self.stored = collections.Counter()
        self.stored_by = collections.Counter()
        self.kept_chunks = []
        self.chunks = []
        self.observed = {}
        self.announced = []
        self._is_storing = True
        self.answers = []
        self._storing = []  # (due, order, DeliveredChunk)
        self._todo = []  # heap of (moment, order, action)
        self._order = 0
        wanted = plan.pop("wanted", agents)
        share, rest = divmod(concurrency, wanted)
        concurrencies = [share + (i < rest) for i in range(wanted)]
        prepare = messages.Prepare(
            run=self.run, scenario="Dummy.dummy", given_args={}, args={},
            context={}, runner_type="constant", runner={}, sla={},
            chunk_size=chunk_size, iteration_events=False,
            code=messages.Code(task),
        )
        self.lobby.expect(prepare.code)
        self.end = self.network.controller()
        self.machine = controller_module.Controller(
            registry.RunPlan(
                prepare=prepare,
                shares=[
                    {"concurrency": each} if each else None
                    for each in concurrencies
                ],
                concurrencies=concurrencies,
                rally_version=VERSION,
                address="tcp://controller:9790",
                **plan,
            ),
            grants.OpenGranting(times, schedule)
            if schedule is not None
            else grants.ClosedGranting(times, duration_of_run_s),
            self.clock.now_ns(),
        )
        self.agents = {}
        for i in range(agents):
            offset_s = offsets_s[i] if i < len(offsets_s) else 0
            self.add_agent("a%d" % i, int(offset_s * NS), duration_s)

    def version_of(self, name):
        return self.versions.get(name, VERSION)

    def add_agent(self, name, offset_ns=0, duration_s=0.1):
        agent = SimulatedAgent(self, name, offset_ns, duration_s)
        self.agents[name] = agent
        return agent

    def at(self, seconds, action):
        """Do *action* that long after the beginning of the run."""
        self._order += 1
        moment = self.clock.now_ns() + int(seconds * NS)
        heapq.heappush(self._todo, (moment, self._order, action))

    def revoke(self, name):
        """What the transport does about a key that is refused now."""
        self.revoked.add(name)
        notice = notices.AgentRevoked(name)
        self._execute(self.machine.notice(notice, self.clock.now_ns()))

    def on_start(self, name, number, now):
        self.started[number] += 1
        self.started_by[number] = name
        self.started_at[number] = now - self.agents[name].offset_ns

    def play(self, limit_s=600.0):
        """Run until the controller is finished.

        :raises AssertionError: it was not, within *limit_s* of its time
        """
        limit = self.clock.now_ns() + int(limit_s * NS)
        while not self.machine.finished:
            if self.clock.now_ns() > limit:
                raise AssertionError(
                    "not finished: %s %s\n%s" % (
                        self.machine.phase,
                        {n: m.state for n, m in self.machine.members.items()},
                        "\n".join(self.log[-20:]),
                    )
                )
            self.step()
        return self

    def step(self):
        now = self.clock.now_ns()
        while self._todo and self._todo[0][0] <= now:
            heapq.heappop(self._todo)[2]()
        for received in self.end.receive(0):
            if received.peer not in self.revoked and not (
                received.channel is not channels.Channel.CONTROL
                and isinstance(received.message, messages.Hello)
            ):
                self._execute(
                    self.machine.handle(
                        received.peer, received.message, now
                    )
                )
        while self._storing and self._storing[0][0] <= now:
            self._store(heapq.heappop(self._storing)[2], now)
        self._execute(self.machine.expire(now))
        for agent in list(self.agents.values()):
            agent.step()
            if agent.machine.finished:
                agent.die()
        running = sum(
            len(agent.load.running)
            for agent in self.agents.values()
            if agent.load is not None
        )
        self.running_peak = max(self.running_peak, running)
        self._sleep()

    def _sleep(self):
        moments = [self.machine.next_deadline()]
        moments += [agent.next_event() for agent in self.agents.values()]
        moments += [self._storing[0][0]] if self._storing else []
        moments += [self._todo[0][0]] if self._todo else []
        before = self.clock.now_ns()
        self.network.sleep_until(*(moment / NS for moment in moments))
        if self.clock.now_ns() == before:
            self.clock.advance_to_ns(before + 1_000_000)

    def run_idle(self, seconds):
        """Let the agents go on without a controller."""
        until = self.clock.now_ns() + int(seconds * NS)
        while self.clock.now_ns() < until:
            for agent in list(self.agents.values()):
                agent.step()
            self._sleep()

    def pause(self, seconds):
        """There is no run: the lobby answers agents."""
        until = self.clock.now_ns() + int(seconds * NS)
        while (now := self.clock.now_ns()) < until:
            while self._todo and self._todo[0][0] <= now:
                heapq.heappop(self._todo)[2]()
            for received in self.end.receive(0):
                if received.channel is channels.Channel.CONTROL:
                    self._execute(
                        self.lobby.handle(received.peer, received.message, now)
                    )
            for agent in list(self.agents.values()):
                agent.step()
            moments = [agent.next_event() for agent in self.agents.values()]
            moments += [until, *(each[0] for each in self._todo[:1])]
            self.network.sleep_until(*(moment / NS for moment in moments))
            if self.clock.now_ns() == now:
                self.clock.advance_to_ns(now + 1_000_000)

    def unsettled(self):
        """Names of agents that may hold the run that is over."""
        return [
            member.name for member in self.machine.members.values()
            if member.state not in controller_ports.SETTLED
        ]

    def next_run(self, run, task="", limit_s=600.0):
        """Another run on the same transport, played to its end."""
        plan = self.machine.plan
        prepare = msgspec.structs.replace(
            plan.prepare, run=run, code=messages.Code(task)
        )
        self.started.clear()
        self.stored.clear()
        self.stored_by.clear()
        self.chunks, self.kept_chunks, self._storing = [], [], []
        self.run = run
        self.machine = controller_module.Controller(
            dataclasses.replace(plan, prepare=prepare, before=plan.run),
            grants.ClosedGranting(self.times, None), self.clock.now_ns(),
        )
        for name, hello in self.lobby.present.items():
            if hello.instance == self.agents[name].machine.hello().instance:
                self._execute(
                    self.machine.handle(name, hello, self.clock.now_ns())
                )
        return self.play(limit_s)

    def recover(self, wait_s=30):
        """A new controller drains the spools of this run."""
        kept = collections.defaultdict(set)
        for agent, sequence in self.kept_chunks:
            kept[agent].add(sequence)
        plan = dataclasses.replace(
            self.machine.plan, shares=[], concurrencies=[], wait_s=wait_s,
            kept={name: kept[name] for name in self.spools},
        )
        self.end = self.network.controller()
        self._is_storing = True
        self.machine = controller_module.Controller.for_recovery(
            plan, self.clock.now_ns()
        )
        return self.play()

    def stop(self, reason="asked"):
        self._execute(
            self.machine.notice(
                notices.StopAsked(reason), self.clock.now_ns()
            )
        )

    def fail_storing(self):
        """The database is gone for good."""
        self._is_storing = False
        self._execute(
            self.machine.notice(
                notices.StoringFailed("gone"), self.clock.now_ns()
            )
        )

    def drain(self, name):
        """An operator asks for it; the answer."""
        self._execute(
            self.machine.handle(
                channels.operator("01"), messages.DrainAsked(name),
                self.clock.now_ns(),
            )
        )
        return self.answers[-1] if self.answers else None

    def _store(self, delivered, now):
        if not self._is_storing:
            return
        numbers = list(leases.numbers_of(delivered.chunk.head.numbers))
        self.stored.update(numbers)
        self.stored_by[delivered.agent] += len(numbers)
        self.chunks.append(delivered.chunk.head)
        self.kept_chunks.append((delivered.agent, delivered.sequence))
        notice = notices.Stored(delivered.agent, delivered.sequence)
        self._execute(self.machine.notice(notice, now))

    def _execute(self, todo: t.Iterable[commands.Command]) -> None:
        for command in todo:
            if isinstance(command, commands.Send):
                self.end.send(command.peer, command.channel, command.message)
                if isinstance(command.message, messages.DrainAnswer):
                    self.answers.append(command.message)
            elif isinstance(command, commands.StoreChunk):
                self._order += 1
                due = self.clock.now_ns() + int(self.store_delay_s * NS)
                heapq.heappush(
                    self._storing, (due, self._order, command.delivered)
                )
            elif isinstance(command, commands.Observe):
                self.observed[command.agent] = command.state
            elif isinstance(command, commands.Announce):
                self.announced.extend(command.numbers)
            elif isinstance(command, commands.Say):
                self.log.append("controller: %s" % command.text)

    # ---- what came of it

    @property
    def lost(self):
        return collections.Counter(
            number
            for lost in self.machine.roster.lost()
            for number in leases.numbers_of(lost.numbers)
        )

    @property
    def losers(self):
        """Agents of which something is lost."""
        return [lost.agent for lost in self.machine.roster.lost()]

    def problems(self):
        """Violations of the accounting law, as sentences."""
        found = []
        twice = [n for n, count in self.started.items() if count > 1]
        if twice:
            found.append("started twice: %s" % twice[:5])
        twice = [n for n, count in self.stored.items() if count > 1]
        if twice:
            found.append("stored twice: %s" % twice[:5])
        both = set(self.stored) & set(self.lost)
        if both:
            found.append("stored and lost: %s" % sorted(both)[:5])
        invented = set(self.stored) - set(self.started)
        if invented:
            found.append("stored, never started: %s" % sorted(invented)[:5])
        silent = set(self.started) - set(self.stored) - set(self.lost)
        if silent:
            found.append("started, then silent: %s" % sorted(silent)[:5])
        beyond = [n for n in self.started if not 1 <= n <= self.times]
        if beyond:
            found.append("never asked for: %s" % beyond[:5])
        return found

    def unaccounted(self):
        """Numbers asked for that are neither stored nor lost."""
        asked = set(range(1, self.times + 1))
        return sorted(asked - set(self.stored) - set(self.lost))
