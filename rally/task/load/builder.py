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

import typing as t

from rally.task.results import chunk as chunk_module

Chunk = chunk_module.Chunk
#: watermark of a worker that sends nothing more
DONE_NS = 1 << 62


class ChunkBuilder:
    """Blocks of some workers in, chunks of *chunk_size* rows out.

    A chunk goes out when that many rows started before every watermark: no
    earlier row can come any more, so chunks follow one another in time. At
    most *window_rows* rows are held for that; beyond, the oldest go out
    anyway, and a straggler goes into a later chunk (``late_rows``).
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
        self._blocks: list[Chunk] = []
        self.rows = 0  # held
        self._emitted_ns = 0
        self.late_rows = 0

    def join(self, worker: str) -> None:
        """Nothing goes out before this worker has delivered or left."""
        self._watermarks[worker] = 0

    def leave(self, worker: str) -> None:
        """This worker sends nothing more."""
        self._watermarks.pop(worker, None)
        self._emit_complete()

    def add(self, worker: str, block: Chunk, watermark_ns: int) -> None:
        """Take rows of *worker*; later ones start at *watermark_ns* or after.
        """
        if worker in self._watermarks:
            self._watermarks[worker] = watermark_ns
        if len(block):
            self.late_rows += int((block.started_ns < self._emitted_ns).sum())
            self._blocks.append(block)
            self.rows += len(block)
        self._emit_complete()

    def flush(self) -> None:
        """Let everything go that is held."""
        while self.rows:
            self._emit_rows(min(self.rows, self._size))

    def flush_complete(self) -> None:
        """Let the rows go that no earlier one can precede any more."""
        ready = self._count_before(self._watermark_ns)
        while ready > 0:
            self._emit_rows(min(ready, self._size))
            ready -= self._size

    @property
    def _watermark_ns(self) -> int:
        return min(self._watermarks.values(), default=DONE_NS)

    def _count_before(self, ns: int) -> int:
        return sum(
            int(block.started_ns.searchsorted(ns)) for block in self._blocks
        )

    def _emit_complete(self) -> None:
        if self.rows < self._size:
            return
        ready = self._count_before(self._watermark_ns)
        ready = max(ready, self.rows - self._window)
        while ready >= self._size:
            self._emit_rows(self._size)
            ready -= self._size

    def _emit_rows(self, count: int) -> None:
        """Let the *count* oldest rows go as one chunk."""
        self._blocks.sort(key=lambda block: block.first_ns)
        taken: list[Chunk] = []
        rows = limit = 0
        for block in self._blocks:  # as few as must hold the oldest rows
            if rows >= count and block.first_ns > limit:
                break
            taken.append(block)
            rows += len(block)
            limit = max(limit, block.last_ns)
        merged = Chunk.concatenate(taken)
        del self._blocks[:len(taken)]
        if len(merged) > count:
            self._blocks.append(merged.part(count, len(merged)))
            merged = merged.part(0, count)
        self.rows -= len(merged)
        self._emitted_ns = max(self._emitted_ns, merged.last_ns)
        self._emit(merged)
