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

"""Results that a runner plugin puts into the queue of results itself.

Plugins written for Rally 5.1 may append lists of results to
``result_queue``, instead of handing each to ``_send_result``. Whoever reads
the queue counts and judges those, as nobody else does.
"""

from __future__ import annotations

import collections.abc
import typing as t

from rally.task.load import iteration
from rally.task.results import aggregate as aggregate_module
from rally.task.results.chunk import Chunk
from rally.task.results.row import Row

if t.TYPE_CHECKING:
    from rally.task.load import output

#: its name on the board
SOURCE = "queue"


class QueuedResults:
    """What the queue of *runner* holds that is not a chunk; one thread."""

    def __init__(self, runner: output.RunnerOutput) -> None:
        self._runner = runner
        self._counted = aggregate_module.Aggregate(runner.sla_config)
        self._number = 0  # of the last snapshot
        self._is_behind = False
        self._is_failed = False

    def chunk_of(self, item: t.Any) -> Chunk:
        """The good ones of the results *item*; others are counted."""
        if not isinstance(item, collections.abc.Iterable) or isinstance(
            item, (str, bytes, dict)
        ):
            item = [item]  # which is refused, unless it is a result
        rows: list[Row] = []
        for result in item:
            row = self._runner.row_of(result)
            if row is not None:
                rows.append(row)
        chunk = Chunk.of_rows(rows)
        self._count(chunk)
        return chunk

    def _count(self, chunk: Chunk) -> None:
        if not len(chunk) or self._is_failed:
            return
        try:
            self._counted.add_chunk(chunk)
        except Exception as e:  # of a plugin: a criterion of the SLA
            self._is_failed = True
            self._runner.fail(*iteration.describe(e))
        self._is_behind = True

    def tell(self) -> None:
        """Put on the board what has been counted since."""
        if self._is_behind:
            self._is_behind = False
            self._number += 1
            known = self._counted.shifted(0)
            self._runner.board.put(
                SOURCE, self._number, known, urgent=not known.is_passing
            )
