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

"""Results that wait in a temporary file, packed as in the database."""

from __future__ import annotations

import functools
import os
import tempfile
import typing as t
import weakref

from rally.task.results import cutting, ordered
from rally.task.results.chunk import Chunk


class _Place(t.NamedTuple):
    """Where a chunk is."""

    first_ns: int
    offset: int
    size: int
    failed: int


class SpooledResults(ordered.ChunkedResults):
    """Results of one workload; the file goes when nobody has them any more.
    """

    def __init__(self) -> None:
        handle, path = tempfile.mkstemp(prefix="rally-results-")
        os.unlink(path)
        weakref.finalize(self, os.close, handle)
        self._handle = handle
        self._end = 0
        self._count = 0
        self._places: list[_Place] = []

    def add(self, chunk: Chunk) -> None:
        """Keep the rows of *chunk*; what is too large in one is cut."""
        for part in cutting.parts(chunk):
            packed = part.packed()
            head, rest = packed.head, memoryview(packed.payload)
            place = _Place(head.first_ns, self._end, len(rest), head.failed)
            while rest:
                written = os.pwrite(self._handle, rest, self._end)
                self._end += written
                rest = rest[written:]
            self._places.append(place)
            self._count += head.count

    def __len__(self) -> int:
        return self._count

    def chunks(self, only_failures: bool = False) -> t.Iterator[Chunk]:
        places = [
            each for each in self._places if each.failed or not only_failures
        ]
        chunks = ordered.merge_ordered(
            (place.first_ns, functools.partial(self._load, place))
            for place in sorted(places)
        )
        if not only_failures:
            return chunks
        return (chunk.failures() for chunk in chunks if chunk.errors)

    def _load(self, place: _Place) -> Chunk:
        return Chunk.from_bytes(
            os.pread(self._handle, place.size, place.offset)
        )
