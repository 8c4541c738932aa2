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

"""Collects the rows of one process, and sends blocks and snapshots."""

from __future__ import annotations

import collections
import threading
import time
import typing as t

from rally.task.load import meter as meter_module
from rally.task.load import snapshot_pace
from rally.task.results import aggregate as aggregate_module
from rally.task.results import chunk as chunk_module
from rally.task.results import saturation
from rally.task.results.traffic import Traffic

if t.TYPE_CHECKING:
    from rally.task.results import row as row_module

BLOCK_ROWS = 1_000
BLOCK_DELAY_S = 0.1
#: four of them and an urgent one make five a second at the most
SNAPSHOT_DELAY_S = 0.25
#: rows that wait for a slow reader; then iterations wait too
MAX_ROWS = 4_000
#: a thread that waits looks again after this even if nobody told it to
LONGEST_WAIT_S = 60.0


class OutboxSink(t.Protocol):
    """Where an outbox sends to; called by one thread."""

    def send_block(
        self, chunk: chunk_module.Chunk, watermark_ns: int
    ) -> None: ...

    def send_snapshot(
        self,
        number: int,
        aggregate: aggregate_module.Aggregate,
        urgent: bool,
    ) -> None:
        """*aggregate* goes on changing afterwards."""

    def send_failure(self, exc: BaseException) -> None:
        """Judging failed; the run must stop."""


class Outbox:
    """Sends rows in blocks: 1,000 of them, or those of a tenth of a second.

    Every block is counted in the aggregate of the process, of which a
    snapshot follows at most every 0.25 s, and at once when a criterion
    first ceases to hold. ``put`` may be called by any thread.
    """

    def __init__(
        self,
        sink: OutboxSink,
        sla_config: t.Mapping[str, t.Any] | None,
        watermark_ns: t.Callable[[], int],
        meter: meter_module.Meter | None = None,
    ) -> None:
        """:param sla_config: None: whoever gets the blocks counts them

        :param meter: of this process; read for each snapshot
        """
        self._sink = sink
        self._aggregate = (
            None if sla_config is None
            else aggregate_module.Aggregate(sla_config)
        )
        self._watermark_ns = watermark_ns
        self._rows: collections.deque[row_module.Row] = collections.deque()
        self._counts: collections.deque[str] = collections.deque()
        self._meter = meter
        self._traffic = meter_module.TrafficMeter()
        self._rung_ns = 0  # when the thread was told to send a block
        #: of this thread, and of an event loop
        self._lags_ns: collections.deque[int] = collections.deque()
        self._slot_waits_ns: collections.deque[int] = collections.deque()
        self._held_ns: collections.deque[int] = collections.deque()
        self._changed = threading.Condition()
        self._tell_room: t.Callable[[], None] | None = None
        self._wake_at = MAX_ROWS
        self._closing = False
        self._number = 0  # of the last snapshot
        self._pace = snapshot_pace.SnapshotPace(SNAPSHOT_DELAY_S)
        self._is_behind = False  # blocks were sent after the last snapshot
        self._failed = False
        self._thread = threading.Thread(
            target=self._serve, name="outbox", daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def put(self, row: row_module.Row) -> None:
        """Take a row; waits only if the reader is far behind."""
        self._rows.append(row)
        # read after the append: with the one who waits storing before it
        # looks at the rows, one of the two sees the other
        if len(self._rows) >= self._wake_at:
            self._wake()

    def offer(self, row: row_module.Row) -> None:
        """Take a row without waiting; for whoever checks ``has_room``."""
        self._rows.append(row)
        if len(self._rows) >= self._wake_at:  # see ``put``
            with self._changed:
                self._ring()

    def has_room(self, tell: t.Callable[[], None]) -> bool:
        """Whether the reader is near enough for more iterations to start.

        :param tell: called once if not: when that has changed; by the
            thread of the outbox
        """
        if len(self._rows) < MAX_ROWS:
            return True
        with self._changed:
            if len(self._rows) < MAX_ROWS or self._failed:
                return True
            self._tell_room = tell
            return False

    def count(self, name: str) -> None:
        """Add one to a counter of the aggregate."""
        self._counts.append(name)

    def traffic(self) -> Traffic:
        """What HTTP requests of this process have brought so far."""
        return self._traffic.read()

    def late_for_a_slot(self, late_ns: int) -> None:
        """An iteration was due this long before a thread was free for it."""
        self._slot_waits_ns.append(late_ns)

    def ran_late(self, late_ns: int) -> None:
        """An event loop was this late to run what was ready."""
        self._lags_ns.append(late_ns)

    def held(self, waited_ns: int) -> None:
        """A thread that runs iterations waited until results were taken."""
        self._held_ns.append(waited_ns)

    def _wake(self) -> None:
        with self._changed:
            if len(self._rows) >= MAX_ROWS:
                began_ns = time.monotonic_ns()
                self._changed.wait_for(
                    lambda: len(self._rows) < MAX_ROWS or self._failed,
                    LONGEST_WAIT_S,
                )
                self.held(time.monotonic_ns() - began_ns)
            else:
                self._ring()

    def _ring(self) -> None:
        if len(self._rows) >= self._wake_at:
            self._wake_at = MAX_ROWS
            self._rung_ns = time.monotonic_ns()
            self._changed.notify_all()

    def _say_room(self) -> None:
        """Let iterations that wait for room go on."""
        with self._changed:
            self._changed.notify_all()
            tell, self._tell_room = self._tell_room, None
        if tell is not None:
            tell()

    def close(self) -> None:
        """Send all that is left, and the last snapshot; then return."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()

    def _serve(self) -> None:
        try:
            while not self._closing:
                self._await_rows(1, self._idle_wait_s())
                if self._rows:
                    self._await_rows(BLOCK_ROWS, BLOCK_DELAY_S)
                self._send_block()
                self._maybe_send_snapshot()
            self._send_block()
            if self._aggregate is not None:
                self._send_snapshot(is_last=True)
        except OSError:  # the reader is gone, nobody wants the rest
            self._failed = True
        except Exception as e:  # of a plugin: a criterion of the SLA
            self._failed = True
            self._sink.send_failure(e)
        self._say_room()

    def _idle_wait_s(self) -> float:
        if not self._is_behind:
            return LONGEST_WAIT_S
        return max(0.0, self._pace.due_at - time.monotonic())

    def _await_rows(self, count: int, timeout_s: float) -> None:
        due_ns = time.monotonic_ns() + int(timeout_s * 1e9)
        with self._changed:
            self._rung_ns = 0
            self._wake_at = count
            is_told = self._changed.wait_for(
                lambda: len(self._rows) >= count or self._closing, timeout_s
            )
            self._wake_at = MAX_ROWS
        wanted_ns = self._rung_ns if is_told else due_ns
        if wanted_ns and timeout_s:  # it slept, and should have run then
            self._lags_ns.append(max(0, time.monotonic_ns() - wanted_ns))

    def _send_block(self) -> None:
        # the watermark first: rows that come after it are not in the block
        watermark_ns = self._watermark_ns()
        while self._rows:
            taken = [
                self._rows.popleft()
                for _ in range(min(len(self._rows), 2 * BLOCK_ROWS))
            ]
            chunk = chunk_module.Chunk.of_rows(taken)
            self._sink.send_block(chunk, 0 if self._rows else watermark_ns)
            if self._aggregate is not None:
                self._aggregate.add_chunk(chunk)
                self._is_behind = True
            self._say_room()

    def _maybe_send_snapshot(self) -> None:
        if self._aggregate is None:
            return
        has_news = self._is_behind or self._counts
        if has_news and self._pace.is_due(
            self._aggregate.is_passing, time.monotonic()
        ):
            self._send_snapshot()

    def _send_snapshot(self, is_last: bool = False) -> None:
        assert self._aggregate is not None
        while self._counts:
            self._aggregate.counters[self._counts.popleft()] += 1
        self._measure(self._aggregate.saturation, is_last)
        self._aggregate.traffic = self.traffic()
        self._number += 1
        is_urgent = self._pace.sent(
            self._aggregate.is_passing, time.monotonic()
        )
        self._sink.send_snapshot(self._number, self._aggregate, is_urgent)
        self._is_behind = False

    def _measure(self, measured: saturation.Saturation, is_last: bool) -> None:
        """Read what the load has cost this process so far."""
        if self._meter is not None:
            self._meter.read(measured, is_last)
        measured.scheduler_lag.add_all(list(_taken(self._lags_ns)))
        measured.slot_wait.add_all(list(_taken(self._slot_waits_ns)))
        for held_ns in _taken(self._held_ns):
            measured.held_ns += held_ns
            measured.held += 1


def _taken(values: collections.deque[int]) -> t.Iterator[int]:
    """Take what is there from a deque that others append to."""
    for _ in range(len(values)):
        yield values.popleft()
