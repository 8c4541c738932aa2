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

"""Results of many chunks in the order of their start."""

from __future__ import annotations

import heapq
import itertools
import typing as t

if t.TYPE_CHECKING:
    from rally.task.results.chunk import Chunk

Result: t.TypeAlias = dict[str, t.Any]


def merge_ordered(
    chunks: t.Iterable[tuple[int, t.Callable[[], Chunk]]],
) -> t.Iterator[Result]:
    """Results of all *chunks* in the order of their start.

    A k-way merge: a chunk is loaded when its first row is due and dropped
    after its last, so memory is bounded by the chunks that overlap.

    :param chunks: pairs of a chunk's first start (ns) and its loader, in
        ascending order of the first start
    """
    order = itertools.count()
    waiting = iter(chunks)
    upcoming = next(waiting, None)
    open_rows: list[tuple[int, int, Result, t.Iterator[t.Any]]] = []
    while open_rows or upcoming is not None:
        while upcoming is not None and (
            not open_rows or upcoming[0] <= open_rows[0][0]
        ):
            chunk = upcoming[1]()
            upcoming = next(waiting, None)
            if not open_rows and (
                upcoming is None or not len(chunk)
                or upcoming[0] > chunk.last_ns
            ):
                yield from chunk
                continue
            opened = zip(chunk.started_ns.tolist(), chunk)
            for started_ns, result in opened:
                heapq.heappush(
                    open_rows, (started_ns, next(order), result, opened)
                )
                break
        if open_rows:
            _, tie, result, rows = open_rows[0]
            yield result
            for started_ns, following in rows:
                heapq.heapreplace(
                    open_rows, (started_ns, tie, following, rows)
                )
                break
            else:
                heapq.heappop(open_rows)
