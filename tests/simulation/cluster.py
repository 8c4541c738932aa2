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

"""A cluster in memory: simulated time, network and load; the rest is real.

Controller and agents are the state machines on their real ports, run by the
one loop there is (``serve``). Every message goes through codec and
``MemoryNetwork``; a seed repeats a run exactly. The load of an agent starts
iterations as a Runner does: at most its concurrency at once, nothing behind
the lease, nothing twice.
"""

from __future__ import annotations

import collections
import dataclasses
import heapq
import random

import msgspec

from rally.task.distributed import (
    agent_ports,
    controller_ports,
    endpoint_ports,
    fleet_page,
    notices,
    run_sink,
    serve,
    spool,
)
from rally.task.distributed import content as content_module
from rally.task.distributed.agent import machine as agent_module
from rally.task.distributed.controller import lobby
from rally.task.distributed.controller import machine as controller_module
from rally.task.distributed.controller import plan as plan_module
from rally.task.distributed.wire import channels, codec, messages
from rally.task.results import head, progressions
from rally.task.work import grants
from tests.simulation import clocks, network

NS = 1_000_000_000
VERSION = "6.0.0"
CONTENT = codec.encode_content(messages.LoadContent({}, {}, {}))


class Load:
    """What a load process does, in simulated time (agent's clock)."""

    def __init__(self, cluster, name, duration_s):
        self.cluster, self.name, self.duration_s = cluster, name, duration_s
        self.numbers = collections.deque()  # progressions
        self.held = 0  # how many numbers these are
        self.running = []  # heap of (end, progression, how long it takes)
        self.rows = []  # pairs of end and progression
        self.unspooled = 0  # how many numbers these are
        self.spooled = 0
        self.deadline = 0
        self.start_at = None
        self.low = 0
        self.is_asked = self.is_closed = self.is_stopped = False
        self.drawn = self.done = 0
        self.begun = []  # what was not told yet
        self.ended = False
        self.lease = 0
        self.longest_ns = 0
        self.concurrency = 1
        self.epoch = 0
        self.snapshot = 0
        self.snapshot_at = 0

    def obey(self, message, now):
        if isinstance(message, messages.Load):
            self.concurrency = message.prepare.runner["concurrency"]
            self.epoch = message.prepare.epoch
            self.spooled = message.prepare.first_chunk
            self.cluster.identities[self.name] = message.prepare.agent
            if self.name in self.cluster.refusing:
                return [messages.LoadRefused(
                    "it lacks a plugin", self.cluster.refusing[self.name]
                )]
            if self.name in self.cluster.stuck | self.cluster.hesitating:
                return []
            return [messages.LoadReady()]
        if self.ended:
            return []
        if isinstance(message, messages.Grant):
            self.lease = message.lease
            self.numbers.append(message.numbers)
            self.held += message.numbers[2]
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
            end, numbers, took_ns = heapq.heappop(self.running)
            self.longest_ns = max(self.longest_ns, took_ns)
            self.rows.append((end, numbers))
            self.unspooled += numbers[2]
            self.done += numbers[2]
            self._fill(end)
            if self.unspooled >= self.cluster.chunk_size:
                said += self._spool()
        self._fill(now)
        if self.begun and self.cluster.announces:
            begun, self.begun = self.begun, []
            said += [
                messages.Started((number,))
                for number in progressions.numbers_of(begun)
            ]
        if self.held <= self.low and not self.is_asked and (
            self.start_at is not None
        ):
            self.is_asked = True
            said.append(messages.LoadLow(self.drawn, self.held))
        if self.start_at is not None and now >= self.snapshot_at:
            self.snapshot_at = now + NS
            self.snapshot += 1
            said.append(self._snapshot())
            said.append(messages.LoadStatus(self.drawn, self.held))
            self.is_asked = False
        is_over = self.is_stopped or (self.is_closed and not self.numbers)
        if is_over and not self.running:
            said += self._spool()
            said.append(
                messages.LoadEnded(
                    returned=progressions.progressions(
                        progressions.numbers_of(self.numbers)
                    ),
                    spooled=self.spooled,
                    number=self.snapshot + 1,
                    aggregate=b"%d" % self.done,
                    lease=self.lease,
                    is_reusable=self.name not in self.cluster.littering,
                )
            )
            self.ended = True
        return said

    def _snapshot(self):
        return messages.Snapshot(
            self.cluster.run, self.snapshot, False,
            b"%d" % self.done, self.longest_ns, self.epoch,
        )

    def _fill(self, now):
        while (
            self.numbers and len(self.running) < self.concurrency
            and not self.is_stopped and self.start_at is not None
            and self.start_at <= now < self.deadline
        ):
            numbers = self._take()
            self.drawn += numbers[2]
            self.cluster.on_start(self.name, numbers, now)
            if self.cluster.announces:
                self.begun.append(numbers)
            spread = 0.5 + self.cluster.random.random()
            took_ns = int(self.duration_s * spread * NS)
            heapq.heappush(self.running, (now + took_ns, numbers, took_ns))

    def _take(self):
        """The next numbers, which start and end together."""
        first, step, count = self.numbers.popleft()
        taken = min(count, self.cluster.at_once)
        self.held -= taken
        if taken < count:
            rest = (first + step * taken, step, count - taken)
            self.numbers.appendleft(rest)
        return first, step, taken

    def _spool(self):
        if not self.rows:
            return []
        parts = [numbers for _, numbers in self.rows]
        if self.cluster.at_once == 1:
            parts = progressions.progressions(progressions.numbers_of(parts))
        spool = self.cluster.spools[self.name].setdefault(
            self.cluster.run, {}
        )
        spool[self.spooled] = messages.ChunkData(
            run=self.cluster.run,
            sequence=self.spooled,
            chunk=head.PackedChunk(
                head.ChunkHead(
                    count=self.unspooled,
                    failed=0,
                    first_ns=self.rows[0][0],
                    last_ns=self.rows[-1][0],
                    finished_ns=self.rows[-1][0],
                    numbers=tuple(parts),
                ),
                b"",
            ),
        )
        self.rows, self.unspooled = [], 0
        self.spooled += 1
        return [messages.LoadSpooled(self.spooled - 1)]


class Process:
    """A load process: what ``load_process.parent`` is to a real agent."""

    def __init__(self, agent):
        self._agent = agent
        self.load = None
        self.said = []
        self.is_alive = True
        self._is_let_go = False
        agent.cluster.processes[agent.name] += 1

    def filenos(self):
        return (1,)

    def send(self, message):
        agent = self._agent
        if not self.is_alive:
            return False
        if isinstance(message, messages.LoadWarm):
            return True
        if isinstance(message, messages.Load):
            if self.load is not None and not self.load.ended:
                raise AssertionError("its load process is at work")
            codec.decode_content(message.content)
            agent.content = message.content
            agent.shipped = message.shipped
            self.load = Load(agent.cluster, agent.name, agent.duration_s)
        if self.load is not None:
            self.said += self.load.obey(message, agent.now())
        return True

    def advance(self, now):
        """Let time pass; it runs on when its agent is frozen."""
        if self.load is not None and self.is_alive:
            self.said += self.load.advance(now)

    @property
    def is_readable(self):
        return not self._is_let_go and (
            bool(self.said) or not self.is_alive
        )

    def receive(self):
        said, self.said = self.said, []
        return said if said or self.is_alive else None

    def kill(self, reason):
        self.is_alive = False

    def exit_reason(self):
        return "it was killed"

    def end(self):
        self.is_alive, self._is_let_go = False, True


class Spools:
    """What is kept, in memory: what ``spool_store`` is to a real agent."""

    folder = ""

    def __init__(self, runs):
        self._runs = runs
        self.failed_removals = 0
        self.is_read_only = False

    def begin(self, run):
        self._runs.setdefault(run, {})

    def is_written(self, run):
        return False

    def settled(self, run):
        return None

    def read(self, run, sequence):
        try:
            return self._runs[run][sequence]
        except KeyError:
            raise spool.ChunkUnreadable("gone") from None

    def left(self, run):
        return max(self._runs.get(run, ()), default=-1) + 1, 0

    def remove(self, run, sequence):
        self._runs.get(run, {}).pop(sequence, None)

    def discard(self, run):
        self._runs.pop(run, None)


class SimulatedAgent:
    """An agent process: the real machine and its real ports."""

    def __init__(self, cluster, name, offset_ns=0, duration_s=0.1, ppm=0.0):
        self.cluster, self.name = cluster, name
        self.duration_s = duration_s
        self.process = None
        self.content = self.shipped = None  # of its last load
        self.frozen_until = 0
        self.clock = cluster.clock_of(name, offset_ns, ppm)
        self.end = cluster.network.agent(name)
        self.end.is_readable = self._is_readable
        cluster.instances += 1
        self.ports = agent_ports.AgentPorts(
            name, endpoint_ports.AgentEndpoint(self.end, self.now),
            Spools(cluster.spools[name]), self._new_process,
        )
        self.machine = agent_module.Agent(
            "instance-%d" % cluster.instances, cluster.version_of(name),
            "host", 2, self.now(),
            {
                run: max(chunks, default=-1) + 1
                for run, chunks in cluster.spools[name].items()
            },
            takes_plugins=name not in cluster.declining,
        )

    @property
    def load(self):
        has_load = self.process is not None and self.process.is_alive
        return self.process.load if has_load else None

    def now(self):
        return self.clock.now_ns()

    @property
    def offset_ns(self):
        """How far its clock is ahead now."""
        return self.now() - self.cluster.clock.now_ns()

    def _new_process(self):
        if self.process is not None and self.process.is_alive:
            raise AssertionError("there is a load process already")
        self.process = Process(self)
        return self.process

    def _is_readable(self, fd):
        return self.process is not None and self.process.is_readable

    @property
    def is_still(self):
        """Whether its machine stands still."""
        return self.clock.is_paused

    def next_event(self):
        """When to ``step`` again, in true time."""
        if self.is_still:
            return self.clock.resumes_ns
        at = max(
            self.clock.true_of(self.machine.next_deadline()),
            self.frozen_until,
        )
        load_at = self.load and self.load.next_event(self.now())
        return min(at, self.clock.true_of(load_at)) if load_at else at

    def step(self):
        """Handle what has come and what is due."""
        if self.is_still:
            return
        if self.process is not None:
            self.process.advance(self.now())
        if self.cluster.clock.now_ns() < self.frozen_until:
            return
        serve.step(self.machine, self.ports, 0)
        while self._is_readable(1) and not self.machine.finished:
            serve.step(self.machine, self.ports, 0)

    def lose_process(self):
        """SIGKILL of its load process."""
        self.process.is_alive = False

    def shut_down(self):
        """SIGTERM."""
        self.ports.ask_to_shut_down()
        self.step()

    def die(self):
        """SIGKILL of the agent and of its load."""
        self.end.close()
        del self.cluster.agents[self.name]


class Sink:
    """Stores what comes after a while, as an engine does."""

    has_leases = True

    def __init__(self, cluster):
        self._cluster = cluster

    def store(self, delivered):
        self._cluster.keep(delivered)

    def observe(self, seen):
        self._cluster.observed[seen.agent] = int(seen.state)

    def announce(self, numbers):
        self._cluster.announced.extend(numbers)

    def say(self, text, is_problem):
        self._cluster.log.append("controller: %s" % text)

    def fleet(self, after):
        members = self._cluster.machine.members
        views = [
            run_sink.describe(each) for _, each in sorted(members.items())
        ]
        return fleet_page.page_of("simulated", views, {}, after)

    def refresh(self, now):
        """Nobody watches."""


class Cluster:
    """One controller and its agents."""

    run = "run-1"

    def __init__(
        self, seed=0, agents=2, times=200, concurrency=4, duration_s=0.1,
        weather=None, chunk_size=10, store_delay_s=0.01, schedule=None,
        offsets_s=(), versions=None, duration_of_run_s=None, task="",
        content=CONTENT, ppms=(), announces=False, at_once=1, labels=None,
        packed=None,
        **plan,
    ):
        """:param at_once: numbers that a load starts together, as one

        :param labels: of agents, by name
        :param packed: what is shipped with each run
        """
        self.random = random.Random(seed)
        self.clock = network.FakeClock(1_790_000_000.0)
        self.network = network.MemoryNetwork(
            self.clock, codec.encode, codec.decode, seed, weather
        )
        self.network.labels.update(labels or {})
        self.chunk_size, self.store_delay_s = chunk_size, store_delay_s
        self.times, self.concurrency = times, concurrency
        self.announces = announces  # an event for each iteration
        self.at_once = at_once
        self.versions = versions or {}
        self.refusing = {}  # names of agents -> differences of plugins
        self.stuck = set()  # names of agents
        self.declining = set()  # they take no plugins
        self.hesitating = set()  # they refuse once they were told to stop
        self.identities = {}  # of agents that prepared, as they were told
        self.littering = set()  # their loads leave something behind
        self.processes = collections.Counter()  # load processes of agents
        self.lobby = lobby.Lobby(VERSION)
        self._clocks = {}
        self.controller_frozen_until = 0
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
            run=self.run, scenario="Dummy.dummy",
            content=content_module.described(content),
            runner_type="constant", runner={}, sla={},
            chunk_size=chunk_size, iteration_events=False,
            code=messages.Code(task, is_shipped=packed is not None),
            shipment=packed and packed.shipment,
        )
        if packed is not None:
            plan["shipped"] = packed.contents
        self.lobby.expect(prepare.code)
        self.controller_clock = self.clock_of(channels.CONTROLLER)
        self._attach(controller_module.Controller(
            plan_module.RunPlan(
                prepare=prepare,
                content=content,
                shares=[
                    {"concurrency": each} if each else None
                    for each in concurrencies
                ],
                concurrencies=concurrencies,
                rally_version=VERSION,
                address="tcp://controller:9790",
                **plan,
            ),
            grants.OpenGranting(
                times, schedule, plan["selection"].weights
                if "selection" in plan else None,
            )
            if schedule is not None
            else grants.ClosedGranting(times, duration_of_run_s),
            self.controller_clock.now_ns(),
        ))
        self.agents = {}
        for i in range(agents):
            offset_s = offsets_s[i] if i < len(offsets_s) else 0
            ppm = ppms[i] if i < len(ppms) else 0.0
            self.add_agent("a%d" % i, int(offset_s * NS), duration_s, ppm)

    def _attach(self, machine, end=None, hellos=()):
        """*machine* is the controller from now on."""
        self.machine = machine
        self.end = end or self.network.controller()
        self.ports = controller_ports.ControllerPorts(
            self.end, Sink(self), hellos, self.controller_clock.now_ns
        )

    def clock_of(self, name, offset_ns=0, ppm=0.0):
        """The clock of a host, which outlives the processes there."""
        if name not in self._clocks:
            self._clocks[name] = clocks.HostClock(
                self.clock.now_ns, offset_ns, ppm
            )
        return self._clocks[name]

    def version_of(self, name):
        return self.versions.get(name, VERSION)

    def add_agent(self, name, offset_ns=0, duration_s=0.1, ppm=0.0):
        agent = SimulatedAgent(self, name, offset_ns, duration_s, ppm)
        self.agents[name] = agent
        return agent

    def at(self, seconds, action):
        """Do *action* that long after the beginning of the run."""
        self._order += 1
        moment = self.clock.now_ns() + int(seconds * NS)
        heapq.heappush(self._todo, (moment, self._order, action))

    def revoke(self, name):
        """What the transport does about a key that is refused now."""
        self.end.revoke(name)
        serve.step(self.machine, self.ports, 0)

    def tell(self, event):
        """Something happened on the controller's host."""
        self.ports.tell(event)
        serve.step(self.machine, self.ports, 0)

    def on_start(self, name, numbers, now):
        for number in progressions.numbers_of([numbers]):
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
        if not self._is_controller_still:
            while self._storing and self._storing[0][0] <= now:
                self._store(heapq.heappop(self._storing)[2])
            serve.step(self.machine, self.ports, 0)
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

    @property
    def _is_controller_still(self):
        return self.controller_clock.is_paused or (
            self.clock.now_ns() < self.controller_frozen_until
        )

    def _controller_event(self):
        """When the controller wants to run again, in true time."""
        clock = self.controller_clock
        if clock.is_paused:
            return clock.resumes_ns
        at = clock.true_of(self.machine.next_deadline())
        if self._storing:
            at = min(at, self._storing[0][0])
        return max(at, self.controller_frozen_until)

    def _sleep(self):
        moments = [self._controller_event()]
        moments += [agent.next_event() for agent in self.agents.values()]
        moments += [self._todo[0][0]] if self._todo else []
        before = self.clock.now_ns()
        self.network.sleep_until(*moments)
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
        ports = endpoint_ports.ControllerEndpoint(
            self.end, self.controller_clock.now_ns
        )
        while (now := self.clock.now_ns()) < until:
            while self._todo and self._todo[0][0] <= now:
                heapq.heappop(self._todo)[2]()
            serve.step(self.lobby, ports, 0)
            for agent in list(self.agents.values()):
                agent.step()
            moments = [agent.next_event() for agent in self.agents.values()]
            moments += [until, *(each[0] for each in self._todo[:1])]
            self.network.sleep_until(*moments)
            if self.clock.now_ns() == now:
                self.clock.advance_to_ns(now + 1_000_000)

    def unsettled(self):
        """Names of agents that may hold the run that is over."""
        return [
            member.name for member in self.machine.members.values()
            if member.state not in run_sink.SETTLED
        ]

    def next_run(self, run, task="", limit_s=600.0):
        """Another run on the same transport, played to its end."""
        plan = self.machine.run.plan
        prepare = msgspec.structs.replace(
            plan.prepare, run=run, code=messages.Code(task)
        )
        self.started.clear()
        self.stored.clear()
        self.stored_by.clear()
        self.chunks, self.kept_chunks, self._storing = [], [], []
        self.run = run
        self._attach(
            controller_module.Controller(
                dataclasses.replace(plan, prepare=prepare, before=plan.run),
                grants.ClosedGranting(self.times, None),
                self.controller_clock.now_ns(),
            ),
            self.end,
            [
                said for name, said in self.lobby.present.items()
                if said.message.instance
                == self.agents[name].machine.hello().instance
            ],
        )
        return self.play(limit_s)

    def recover(self, wait_s=30):
        """A new controller collects the spools of this run."""
        kept = collections.defaultdict(set)
        for agent, sequence in self.kept_chunks:
            kept[agent].add(sequence)
        plan = dataclasses.replace(
            self.machine.run.plan, shares=[], concurrencies=[], wait_s=wait_s,
            kept={name: kept[name] for name in self.spools},
        )
        self._is_storing = True
        self._attach(controller_module.Controller.for_recovery(
            plan, self.controller_clock.now_ns()
        ))
        return self.play()

    def stop(self, reason="asked"):
        self.tell(notices.StopAsked(reason))

    def fail_storing(self):
        """The database is gone for good."""
        self._is_storing = False
        self.tell(notices.StoringFailed("gone"))

    def drain(self, name):
        """An operator asks for it; the answer."""
        return self.hear(
            channels.operator("01"), messages.DrainAsked(name)
        )

    def hear(self, peer, message):
        """The controller hears *message*; the last answer to an operator."""
        todo = self.machine.handle(
            channels.Received(peer, channels.Channel.CONTROL, message),
            self.controller_clock.now_ns(),
        )
        self.answers += [
            command.message for command in todo
            if isinstance(
                getattr(command, "message", None), messages.DrainAnswer
            )
        ]
        serve.carry_out(self.machine, self.ports, todo)
        return self.answers[-1] if self.answers else None

    def keep(self, delivered):
        """A chunk has come, and will be stored soon."""
        self._order += 1
        due = self.clock.now_ns() + int(self.store_delay_s * NS)
        heapq.heappush(self._storing, (due, self._order, delivered))

    def _store(self, delivered):
        if not self._is_storing:
            return
        self.on_stored(delivered)
        self.ports.tell(
            notices.Stored(delivered.agent, delivered.sequence)
        )

    def on_stored(self, delivered):
        numbers = list(progressions.numbers_of(delivered.chunk.head.numbers))
        self.stored.update(numbers)
        self.stored_by[delivered.agent] += len(numbers)
        self.chunks.append(delivered.chunk.head)
        self.kept_chunks.append((delivered.agent, delivered.sequence))

    # ---- what came of it

    @property
    def lost(self):
        return collections.Counter(
            number
            for lost in self.machine.registry.lost()
            for number in progressions.numbers_of(lost.numbers)
        )

    @property
    def losers(self):
        """Agents of which something is lost."""
        return [lost.agent for lost in self.machine.registry.lost()]

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
