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

"""Merges what the workers deliver into chunks ordered by time."""

from __future__ import annotations

import dataclasses
import heapq
import itertools
import typing as t

from rally.task.results import chunk as chunk_module

Chunk = chunk_module.Chunk
#: watermark of a worker that sends nothing more
DONE_NS = 1 << 62


@dataclasses.dataclass(eq=False, slots=True)
class _Held:
    """A block that waits, and how many of its rows are complete."""

    block: Chunk
    complete: int = 0

    def count(self, ns: int) -> int:
        """Count the rows that started before *ns*; how many are new."""
        before = self.complete
        self.complete = int(self.block.started_ns.searchsorted(ns))
        return self.complete - before

    @property
    def next_ns(self) -> int:
        """Start of the first row that is not counted."""
        return int(self.block.started_ns[self.complete])


class ChunkBuilder:
    """Blocks of some workers in, chunks of *chunk_size* rows out.

    A chunk goes out when that many rows started before every watermark: no
    earlier row can come any more, so chunks follow one another in time. At
    most *window_rows* rows are held for that; beyond, the oldest go out
    anyway, and a straggler goes into a later chunk (``late_rows``).

    A block is looked at when it comes, when the lowest watermark passes a
    part of it, and when chunks go out, that is once in *chunk_size* rows. So
    an iteration that never ends, which holds the watermark, costs nothing
    per block.
    """

    def __init__(
        self,
        chunk_size: int,
        emit: t.Callable[[Chunk], None],
        window_rows: int | None = None,
    ) -> None:
        self._size = max(1, chunk_size)
        self._window = window_rows or 10 * self._size
        self._emit = emit
        self._watermarks: dict[str, int] = {}
        self._held: list[_Held] = []
        #: those with rows that are not complete, by the first such row
        self._incomplete: list[tuple[int, int, _Held]] = []
        self._order = itertools.count()  # between those of one moment
        self._last_ns = -1  # last start of all rows that came
        #: the highest that the lowest watermark was: rows that started
        #: before are complete, whoever joins later. No higher than past the
        #: last row: who joins when all others have left still counts
        self._complete_ns = 0
        self._complete_rows = 0
        self.rows = 0  # held
        self._emitted_ns = 0
        self.late_rows = 0

    def join(self, worker: str) -> None:
        """Nothing goes out before this worker has delivered or left."""
        self._watermarks[worker] = 0

    def leave(self, worker: str) -> None:
        """This worker sends nothing more."""
        self._watermarks.pop(worker, None)
        self._note_watermarks()
        self._emit_complete()

    def add(self, worker: str, block: Chunk, watermark_ns: int) -> None:
        """Take rows of *worker*; later ones start at *watermark_ns* or after.
        """
        if worker in self._watermarks:
            self._watermarks[worker] = watermark_ns
        if len(block):
            self.late_rows += int((block.started_ns < self._emitted_ns).sum())
            self._hold(block)
            self.rows += len(block)
            self._last_ns = max(self._last_ns, block.last_ns)
        self._note_watermarks()
        self._emit_complete()

    def flush(self) -> None:
        """Emit everything that is held."""
        self._emit_rows(self.rows)

    def flush_complete(self) -> None:
        """Emit the rows that none still to come can precede."""
        self._count_complete()
        self._emit_rows(self._complete_rows)

    def _hold(self, block: Chunk) -> None:
        held = _Held(block)
        self._held.append(held)
        self._complete_rows += held.count(self._complete_ns)
        self._await(held)

    def _await(self, held: _Held) -> None:
        """Count the rest of a block as the watermark rises."""
        if held.complete < len(held.block):
            heapq.heappush(
                self._incomplete, (held.next_ns, next(self._order), held)
            )

    def _note_watermarks(self) -> None:
        lowest_ns = min(self._watermarks.values(), default=DONE_NS)
        self._complete_ns = max(
            self._complete_ns, min(lowest_ns, self._last_ns + 1)
        )

    def _count_complete(self) -> None:
        waiting = self._incomplete
        while waiting and waiting[0][0] < self._complete_ns:
            _, _, held = heapq.heappop(waiting)
            self._complete_rows += held.count(self._complete_ns)
            self._await(held)

    def _emit_complete(self) -> None:
        if self.rows < self._size:
            return
        self._count_complete()
        ready = max(self._complete_rows, self.rows - self._window)
        self._emit_rows(ready - ready % self._size)

    def _emit_rows(self, count: int) -> None:
        """Emit the *count* oldest rows."""
        if not count:
            return
        self._held.sort(key=lambda held: held.block.first_ns)
        taken: list[Chunk] = []
        rows = limit = 0
        for held in self._held:  # as few as must hold the oldest rows
            block = held.block
            if rows >= count and block.first_ns > limit:
                break
            taken.append(block)
            rows += len(block)
            self._complete_rows -= held.complete
            limit = max(limit, block.last_ns)
        gone = set(map(id, self._held[:len(taken)]))
        del self._held[:len(taken)]
        self._incomplete = [
            each for each in self._incomplete if id(each[2]) not in gone
        ]
        heapq.heapify(self._incomplete)
        merged = Chunk.concatenate(taken)
        if len(merged) > count:
            self._hold(merged.part(count, len(merged)))
        self.rows -= count
        last_ns = int(merged.started_ns[count - 1])
        self._emitted_ns = max(self._emitted_ns, last_ns)
        for start in range(0, count, self._size):
            stop = min(start + self._size, count)
            self._emit(merged.part(start, stop))
