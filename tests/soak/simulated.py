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

"""A load agent without the load: the real state machine, invented results.

What it sends is what an agent sends that makes some thousand iterations per
second: snapshots of real aggregates that grow, chunks of real size, drawn
numbers. The rows inside a chunk are the same again and again, and so are the
times in them; their numbers are those that were drawn.
"""

from __future__ import annotations

import collections
import dataclasses
import random
import typing as t

import numpy as np

from rally.common import clock, version
from rally.task.distributed import commands
from rally.task.distributed.agent import machine as agent_module
from rally.task.distributed.wire import messages
from rally.task.distributed.wire.channels import Channel
from rally.task.results import aggregate, chunk, head, progressions, row

NS = 1_000_000_000
MS = 1_000_000
#: iterations of a chunk; an agent makes as many in a second, so that there
#: is a snapshot with each chunk
ROWS = 5000
#: different chunks there are
VARIETY = 8
#: agents are no more than so many units apart
KEPT_STATES = 10_000
SHAPE = (
    row.Node("nova.boot_server", 0, False),
    row.Node("nova.wait_for_server", 1, False),
    row.Node("nova.delete_server", 0, False),
)
Send: t.TypeAlias = t.Callable[[Channel, messages.Message], t.Any]


@dataclasses.dataclass(frozen=True)
class Unit:
    """Results of some iterations."""

    rows: chunk.Chunk
    learnt: aggregate.Aggregate

    @classmethod
    def of(cls, rows: chunk.Chunk, sla: t.Mapping[str, t.Any]) -> Unit:
        learnt = aggregate.Aggregate(sla)
        learnt.add_chunk(rows)
        return cls(rows, learnt)


class Stock:
    """Invented results, made once for all agents."""

    def __init__(
        self, sla: t.Mapping[str, t.Any], seed: int = 1, size: int = ROWS
    ) -> None:
        """:param size: iterations of a unit"""
        self.size = size
        self._sla = sla
        self._zero_ns = clock.now_ns()
        self._random = np.random.default_rng(seed)
        self.units = [
            Unit.of(chunk.Chunk.of_rows(self._rows()), sla)
            for _ in range(VARIETY)
        ]
        self._turns = 0
        self._learnt = aggregate.Aggregate(sla)
        self._states = {0: self._learnt.to_bytes()}
        self.failed = Unit.of(
            chunk.Chunk.of_rows(self._rows("it is to fail")), sla
        )
        self.slow = Unit.of(
            chunk.Chunk.of_rows(self._rows(slowest_ns=30 * NS)), sla
        )

    def _rows(
        self, error: str = "", slowest_ns: int = 0
    ) -> t.Iterator[row.Row]:
        """Lognormal durations around half a second, with a tail."""
        draw = self._random
        parts = draw.lognormal(19.2, 0.5, (self.size, 3)).astype(np.int64)
        starts = np.sort(draw.integers(0, NS, self.size))
        lags = draw.exponential(80_000, self.size).astype(np.int64)
        for i in range(self.size):
            boot, wait, delete = (int(x) for x in parts[i])
            wait = min(wait, boot - 1)
            duration = boot + delete
            if i == self.size - 1:
                duration += slowest_ns
            started = self._zero_ns + int(starts[i])
            yield row.Row(
                i + 1, started, duration, 0, int(lags[i]), SHAPE,
                (0, boot, 1, wait, boot, boot + delete),
                ("ValueError", error, error) if error else None, None,
            )

    def unit(self, turn: int, count: int) -> Unit:
        """One of the units, or the beginning of it."""
        unit = self.units[turn % VARIETY]
        if count == self.size:
            return unit
        return Unit.of(unit.rows.part(0, count), self._sla)

    def state_after(self, turns: int) -> bytes:
        """What an agent tells after so many whole units, one after another.

        All agents do the same, so it is made once for all.
        """
        while self._turns < turns:
            self._learnt.merge(self.units[self._turns % VARIETY].learnt)
            self._turns += 1
            self._states[self._turns] = self._learnt.to_bytes()
            self._states.pop(self._turns - KEPT_STATES, None)
        return self._states[turns]

    def learnt_after(self, turns: int) -> aggregate.Aggregate:
        """The same, as an aggregate that may be changed."""
        made = aggregate.Aggregate(self._sla)
        return made.restored_from(self.state_after(turns))


@dataclasses.dataclass(frozen=True)
class Spooled:
    """A chunk in memory; the spool of an agent is on disk."""

    unit: Unit
    numbers: tuple[messages.NumberRun, ...]

    def packed(self) -> head.PackedChunk:
        """The rows with these numbers: whoever stores them compares."""
        rows = self.unit.rows
        numbers = np.fromiter(
            progressions.numbers_of(self.numbers), np.int64, len(rows)
        )
        return chunk.Chunk(
            [numbers, rows.started_ns, rows.duration_ns, rows.idle_ns,
             rows.lag_ns],
            rows.shape_index, rows.shapes, rows.times, rows.errors,
            rows.outputs,
        ).packed()


class SimulatedLoad:
    """Stands for a load process: messages in, messages out."""

    def __init__(
        self, prepare: messages.Prepare, stock: Stock, per_second: int,
        phase: float,
    ) -> None:
        """:param phase: 0 to 1; spreads the agents over time"""
        self.drawn = 0
        self.remaining = 0
        self.spooled = 0
        #: what it has learnt, once that is not what all others have
        self._own: aggregate.Aggregate | None = None
        self.is_over = False
        self._run = prepare.run
        self._stock = stock
        self._makes_rows = bool(per_second)
        self._tick_ns = stock.size * NS // per_second if per_second else NS
        self._phase_ns = int(phase * self._tick_ns)
        self._turn = 0
        self._runs: collections.deque[messages.NumberRun] = (
            collections.deque()
        )
        self._low = 0
        self._has_asked = False
        self._is_closed = False
        self._fence_ns = 0
        self._due_ns: int | None = None
        self._number = 0
        self._culprit: Unit | None = None
        self._is_urgent = False
        #: when the snapshot with the violation went out
        self.told_ns = 0
        self.chunks: dict[int, Spooled] = {}

    @property
    def next_deadline(self) -> int | None:
        return None if self.is_over else self._due_ns

    def violate(self, unit: Unit) -> None:
        """The next iterations are *unit*, and one is urgent to be told."""
        self._culprit = unit

    # ---- what the agent says

    def tell(
        self, message: messages.LoadMessage, now: int
    ) -> list[t.Any]:
        """What the load answers to *message*."""
        if isinstance(message, messages.LoadRenew):
            self._fence_ns = message.deadline_ns
        elif isinstance(message, messages.Grant):
            self._runs.append(message.numbers)
            self.remaining += message.numbers[2]
            self._low = message.low
            self._has_asked = False
        elif isinstance(message, messages.LoadStart):
            self._due_ns = message.at_ns + self._tick_ns + self._phase_ns
        elif isinstance(message, messages.Close):
            self._is_closed = True
        elif isinstance(message, messages.Stop):
            return self._end()
        return []

    # ---- what time brings

    def expire(self, now: int) -> list[t.Any]:
        """What the load says by now."""
        if self._due_ns is None or self.is_over or now < self._due_ns:
            return []
        self._due_ns += self._tick_ns
        said: list[t.Any] = []
        if self._makes_rows and self.remaining and now < self._fence_ns:
            said += self._work()
        said += self._snapshot(now)
        if self.remaining <= self._low and not self._has_asked:
            self._has_asked = True
            said.append(messages.LoadLow(self.drawn, self.remaining))
        if self._is_closed and not self.remaining:
            said += self._end()
        return said

    def _work(self) -> list[t.Any]:
        """Iterations of one tick, as a chunk."""
        size = self._stock.size
        count = min(size, self.remaining)
        unit = self._stock.unit(self._turn, count)
        if self._culprit is not None and count == size:
            unit, self._culprit = self._culprit, None
            self._is_urgent = True
        numbers = tuple(self._draw(count))
        if self._own is None and unit is not self._stock.units[
            self._turn % VARIETY
        ]:
            self._own = self._stock.learnt_after(self._turn)
        self._turn += 1
        if self._own is not None:
            self._own.merge(unit.learnt)
        said: list[t.Any] = []
        if not self.spooled:
            said.append(messages.Started((numbers[0][0],)))
        self.chunks[self.spooled] = Spooled(unit, numbers)
        self.spooled += 1
        said.append(messages.LoadSpooled(self.spooled - 1))
        return said

    def _draw(self, count: int) -> t.Iterator[messages.NumberRun]:
        self.drawn += count
        self.remaining -= count
        while count:
            first, step, length = self._runs.popleft()
            taken = min(count, length)
            if taken < length:
                self._runs.appendleft(
                    (first + step * taken, step, length - taken)
                )
            count -= taken
            yield first, step, taken

    def _snapshot(self, now: int) -> list[t.Any]:
        self._number += 1
        urgent, self._is_urgent = self._is_urgent, False
        if urgent:
            self.told_ns = now
        return [
            messages.Snapshot(
                self._run, self._number, urgent, self._state()
            ),
            messages.LoadStatus(self.drawn, self.remaining),
        ]

    def _state(self) -> bytes:
        if self._own is not None:
            return self._own.to_bytes()
        return self._stock.state_after(self._turn)

    def _end(self) -> list[t.Any]:
        if self.is_over:
            return []
        self.is_over = True
        return [
            messages.LoadEnded(
                returned=tuple(self._runs), spooled=self.spooled,
                number=self._number + 1,
                aggregate=self._state(),
            )
        ]


class SimulatedAgent:
    """The real state machine; a load and a spool that are not."""

    def __init__(
        self, name: str, send: Send, stock: Stock, per_second: int,
        phase: float, now: int,
    ) -> None:
        self.name = name
        #: of the run it works for, or worked for last
        self.load: SimulatedLoad | None = None
        self.stopped_ns = 0
        self.problems: list[str] = []
        self._send = send
        self._stock = stock
        self._per_second = per_second
        self._phase = phase
        self._spools: dict[str, dict[int, Spooled]] = {}
        self._machine = agent_module.Agent(
            instance="%032x" % random.getrandbits(128),
            rally_version=version.__version__, host=name, cpus=2, now=now,
        )

    @property
    def is_running(self) -> bool:
        return self._machine.state is agent_module.LoadState.RUNNING

    @property
    def next_deadline(self) -> int:
        deadline = self._machine.next_deadline()
        due = self.load and self.load.next_deadline
        return min(deadline, due) if due else deadline

    def handle(self, message: t.Any, now: int) -> None:
        """Something came from the controller or from the load."""
        self._execute(self._machine.handle(message, now), now)

    def expire(self, now: int) -> None:
        if self.load is not None:
            for said in self.load.expire(now):
                self.handle(said, now)
        self._execute(self._machine.expire(now), now)

    def _execute(self, todo: t.Iterable[commands.Command], now: int) -> None:
        for command in todo:
            match command:
                case commands.Send(channel=channel, message=message):
                    self._send(channel, message)
                case commands.Say(text=text, is_problem=True):
                    self.problems.append(text)
                case commands.StartLoad(prepare=prepare):
                    self._start(prepare, now)
                case commands.TellLoad(message=message):
                    self._tell(message, now)
                case commands.SendChunk(run=run, sequence=sequence):
                    self._send_chunk(run, sequence)
                case commands.RemoveChunk(run=run, sequence=sequence):
                    self._spools.get(run, {}).pop(sequence, None)
                case commands.DiscardSpool(run=run):
                    self._spools.pop(run, None)

    def _start(self, prepare: messages.Prepare, now: int) -> None:
        self.stopped_ns = 0
        self.load = SimulatedLoad(
            prepare, self._stock, self._per_second, self._phase
        )
        self._spools[prepare.run] = self.load.chunks
        self.handle(messages.LoadReady(), now)

    def _tell(self, message: t.Any, now: int) -> None:
        if isinstance(message, messages.Stop) and not self.stopped_ns:
            self.stopped_ns = now
        if self.load is not None:
            for said in self.load.tell(message, now):
                self.handle(said, now)

    @property
    def spooled(self) -> int:
        """Chunks that wait."""
        return sum(map(len, self._spools.values()))

    def _send_chunk(self, run: str, sequence: int) -> None:
        kept = self._spools.get(run, {}).get(sequence)
        if kept is None:
            return
        self._send(
            Channel.RESULTS,
            messages.ChunkData(run, sequence, kept.packed()),
        )
