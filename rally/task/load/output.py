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

"""What a runner produces: streams that whoever runs it reads."""

from __future__ import annotations

import collections
import itertools
import threading
import time
import typing as t

from rally.common import right_of_way
from rally.task.load import meter, outbox, stream_adapters
from rally.task.load.streams import Stream
from rally.task.results import aggregate as aggregate_module
from rally.task.results import board, head
from rally.task.results import row as row_module
from rally.task.results.chunk import Chunk
from rally.task.results.progressions import Lost

#: what goes out less often than this does not wait for a chunk to fill
MAX_AGE_S = 5.0
#: sentences kept for whoever watches; the log has them all
MAX_PROBLEMS = 1000


class RunnerOutput:
    """The streams of a runner, and what else it reports of a load.

    * ``result_queue``: stream of chunks; each is a sequence of results;
    * ``event_queue``: stream of ``{"type", "value"}``;
    * ``problems``: stream of sentences a user should read;
    * ``board``: the newest aggregate of each source, merged;
    * ``lost``: iterations that left no result;
    * ``shortfalls``: why the load was less than was asked for.
    """

    #: a lost iteration fails the workload
    is_loss_a_failure = True
    #: names the run to agents; empty without agents
    run_id = ""

    def __init__(self, batch_size: int) -> None:
        """:param batch_size: results per chunk; 0: each goes out at once"""
        super().__init__()
        self.result_batch: list[row_module.Row] = []
        self.result_queue: Stream[t.Any] = Stream()
        self.event_queue: Stream[dict[str, t.Any]] = Stream()
        self.problems: Stream[str] = Stream()
        self.lost: list[Lost] = []
        self.shortfalls: t.Sequence[str] = ()
        self.counters: collections.Counter[str] = collections.Counter()
        #: sources whose aggregates may differ from what they delivered
        self.inexact_sources: t.Collection[str] = ()
        #: what the run is at, if it is not simply running
        self.phase = ""
        #: of the thread that steers the load, if it is in this process
        self.right_of_way = right_of_way.RightOfWay()
        self._numbers = itertools.count(1)  # of results of a plugin's own
        self._count_lock = threading.Lock()
        self._told: set[str] = set()
        self._has_sent_event = False
        self._flushed_at = 0.0
        self._spool_wait_ns = 0
        self._outbox: outbox.Outbox | None = None
        self.configure_streams({}, batch_size, iteration_events=True)

    def configure_streams(
        self,
        sla_config: t.Mapping[str, t.Any],
        chunk_size: int,
        iteration_events: bool,
    ) -> None:
        """Say, before ``run``, what the streams should carry.

        :param sla_config: criteria that the aggregates judge
        :param chunk_size: results per chunk
        :param iteration_events: an event for each iteration; else only for
            the first
        """
        self.sla_config = sla_config
        self.batch_size = self.chunk_size = chunk_size
        self.iteration_events = iteration_events
        self.board = board.SnapshotBoard(sla_config, self.right_of_way)

    def close_streams(self) -> None:
        """Nothing more comes: whoever waits at a stream goes on."""
        self.result_queue.close()
        self.event_queue.close()
        self.problems.close()
        self.board.close()

    def lost_so_far(self) -> int:
        """How many iterations left no result, as known now."""
        return sum(lost.count for lost in self.lost)

    def done_and_lost(self, counted: int) -> tuple[int, int]:
        """How many iterations left a result, and how many left none.

        No iteration is both.

        :param counted: what the aggregates say that is done
        """
        return counted, self.lost_so_far()

    def chunk_stored(self, chunk_id: t.Any) -> None:
        """A chunk of the result queue is safe in the database."""

    def chunk_refused(
        self, chunk: head.DeliveredChunk, reason: str
    ) -> None:
        """A chunk that an agent delivered cannot be stored."""

    def cannot_store(self, reason: str) -> None:
        """No chunk will be stored any more; the load is being stopped."""
        self.result_queue.abandon()

    def _finish(self) -> None:
        """Send what is left, then close the streams."""
        try:
            if self._outbox is not None:
                self._outbox.close()
            self._flush_results()
            self.tell_spool_wait()
        finally:
            self.close_streams()

    # ---- for the runner

    def _send_row(self, row: row_module.Row) -> None:
        if self._outbox is None:
            # threads of the engine are not those that run iterations
            gauge = meter.Meter(lambda: 1, waits=dict)
            gauge.begin(time.monotonic_ns())
            self._outbox = outbox.Outbox(
                stream_adapters.BoardSink(self), self.sla_config,
                lambda: 0, gauge,
            )
            self._outbox.start()
        self._outbox.put(row)
        self.result_batch.append(row)
        is_old = time.monotonic() - self._flushed_at >= MAX_AGE_S
        if is_old or len(self.result_batch) >= self.batch_size:
            self._flush_results()

    def _flush_results(self) -> None:
        """Send the results that wait for a chunk to fill."""
        self._flushed_at = time.monotonic()
        if self.result_batch:
            batch, self.result_batch = self.result_batch, []
            before_ns = self.result_queue.held_ns
            self.result_queue.append(Chunk.of_rows(batch))
            held_ns = self.result_queue.held_ns - before_ns
            if held_ns and self._outbox is not None:
                self._outbox.held(held_ns)

    def row_of(self, result: t.Any) -> row_module.Row | None:
        """The result of one iteration, in Rally's form, as a row.

        From any thread. What is not a result is refused alone, and counted.
        """
        raise NotImplementedError

    def count(self, name: str, count: int = 1) -> None:
        """Add to a counter; from any thread."""
        with self._count_lock:
            self.counters[name] += count

    def send_event(self, type: str, value: t.Any = None) -> None:
        """Send an event to hooks.

        :param type: of the event: ``iteration``
        :param value: number of the iteration
        """
        if type == "iteration" and not self.iteration_events:
            if self._has_sent_event:
                return
            self._has_sent_event = True
        self.event_queue.append({"type": type, "value": value})

    def problem(self, text: str) -> None:
        """Tell whoever watches, once; a long run may have too many."""
        if text in self._told:
            return
        if len(self._told) >= MAX_PROBLEMS:
            text = "There were more problems; the log has them all."
            if text in self._told:
                return
        self._told.add(text)
        self.problems.append(text)

    def fail(self, type_name: str, message: str, trace: str) -> None:
        """Stop the load because judging its results failed."""
        raise NotImplementedError

    def tell_spool_wait(self) -> None:
        """Put on the board how long results have waited."""
        waited_ns = self.result_queue.held_ns
        if waited_ns > self._spool_wait_ns:
            self._spool_wait_ns = waited_ns
            told = aggregate_module.Aggregate(self.sla_config)
            told.saturation.spool_wait_ns = waited_ns
            self.board.put("results", waited_ns, told)

    # ---- what watches a run

    def problems_so_far(self) -> list[str]:
        return list(self.problems)

    def agents_progress(self) -> list[t.Any]:
        """State of the agents of a distributed run, for the live view."""
        return []

    def agents_info(self) -> list[dict[str, t.Any]]:
        """Statistics of the agents of a distributed run, for reports."""
        return []
