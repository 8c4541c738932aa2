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

"""Results as chunks in the order of time, however many there are.

Who counts reads whole columns; who shows iterations walks over the rows of a
chunk. Either way memory holds the chunks that overlap, and nothing else.
"""

from __future__ import annotations

import abc
import collections.abc
import itertools
import json
import typing as t

import numpy as np

from rally.task.results.chunk import Chunk

Result: t.TypeAlias = dict[str, t.Any]
#: start of a chunk (ns), not after its first row; and what loads it
Loader: t.TypeAlias = tuple[int, t.Callable[[], Chunk]]

#: rows that become a chunk, unless they are large
BLOCK_ROWS = 1000
BLOCK_BYTES = 4 << 20


def merge_ordered(chunks: t.Iterable[Loader]) -> t.Iterator[Chunk]:
    """Rows of all *chunks* in the order of their start.

    A chunk is loaded when its first row is due. Those that overlap are held
    until more is held than twice what was left at the last cut: so memory
    is bounded by the rows that overlap, and sorting is paid for by what it
    lets go.

    :param chunks: by their start, ascending
    """
    held: list[Chunk] = []
    rows, wanted, last_ns = 0, 0, 0
    for first_ns, load in chunks:
        if held and first_ns > last_ns:
            yield Chunk.concatenate(held)
            held, rows, wanted = [], 0, 0
        elif rows > wanted:
            whole = Chunk.concatenate(held)
            # what starts at this very moment stays with its equals
            cut = int(np.searchsorted(whole.started_ns, first_ns))
            if cut:
                yield whole.part(0, cut)
                whole = whole.part(cut, len(whole))
            held, rows, wanted = [whole], len(whole), 2 * len(whole)
        chunk = load()
        if len(chunk):
            last_ns = max(last_ns, chunk.last_ns) if held else chunk.last_ns
            held.append(chunk)
            rows += len(chunk)
    if held:
        yield Chunk.concatenate(held)


def blocks(results: t.Iterable[Result]) -> t.Iterator[list[Result]]:
    """*results* in lists that are bounded by their rows and their bytes."""
    block: list[Result] = []
    size = 0
    for result in results:
        block.append(result)
        size += _bytes_of(result)
        if len(block) >= BLOCK_ROWS or size >= BLOCK_BYTES:
            yield block
            block, size = [], 0
    if block:
        yield block


def _bytes_of(result: Result) -> int:
    """About how much the parts of a result take that may be large."""
    size = sum(len(str(part)) for part in result.get("error") or ())
    output = result.get("output") or {}
    if output.get("additive") or output.get("complete"):
        size += len(json.dumps(output, default=str))
    return size


def chunks_of(results: t.Iterable[Result]) -> t.Iterator[Chunk]:
    """*results* as chunks; rows that are none yet are taken as they come."""
    if isinstance(results, ChunkedResults):
        yield from results.chunks()
        return
    number = 1
    for block in blocks(results):
        yield Chunk.of_results(block, number)
        number += len(block)


class ChunkedResults(collections.abc.Sequence[Result]):
    """Results that are kept elsewhere, as a sequence that holds none.

    Each walk reads them anew.
    """

    @abc.abstractmethod
    def chunks(self, only_failures: bool = False) -> t.Iterator[Chunk]:
        """All results in the order of their start; none is empty.

        :param only_failures: those with an error
        """

    def __iter__(self) -> t.Iterator[Result]:
        return itertools.chain.from_iterable(self.chunks())

    def failures(self) -> t.Iterator[Result]:
        """Those with an error; quick if few have one."""
        return itertools.chain.from_iterable(self.chunks(only_failures=True))

    @t.overload
    def __getitem__(self, index: int) -> Result: ...

    @t.overload
    def __getitem__(self, index: slice) -> list[Result]: ...

    def __getitem__(self, index: int | slice) -> Result | list[Result]:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step > 0:
                return list(itertools.islice(self, start, stop, step))
            return list(self)[index]
        if index < 0:
            index += len(self)
        if index >= 0:
            for result in itertools.islice(self, index, None):
                return result
        raise IndexError("there is no result at this position")
