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

"""Chunks: iterations sorted by their start, kept as columns.

A chunk is the unit in which results travel, are spooled and are stored. It
reads like Rally's "list of results" (a sequence of dicts), but holds flat
integer columns: an iteration costs some 20 bytes when packed, and statistics
are computed over whole columns.
"""

from __future__ import annotations

import collections.abc
import itertools
import operator
import typing as t

import msgspec
import numpy as np

from rally.common.counting import counted
from rally.task.results import head as head_module
from rally.task.results import packed as packed_module
from rally.task.results import progressions
from rally.task.results.packed import (
    ChunkError,
    Ints,
    pack_column,
    unpack_column,
)
from rally.task.results.row import (
    NS,
    Error,
    Node,
    Row,
    Shape,
    result_of,
    row_of,
    times_of,
)

Result: t.TypeAlias = dict[str, t.Any]

#: names of the integer columns, in the order of the packed form
COLUMNS = ("numbers", "started_ns", "duration_ns", "idle_ns", "lag_ns")
_FIRST = operator.itemgetter(0)


class Chunk(collections.abc.Sequence[Result]):
    """Iterations sorted by (start, iteration number). Immutable.

    Integer columns are ``numpy.int64`` arrays of one value per row:
    ``numbers``, ``started_ns`` (since the epoch), ``duration_ns``,
    ``idle_ns``, ``lag_ns``. ``shape_index`` says which of ``shapes`` the
    atomic actions of a row have; ``times[s]`` is a matrix with one line per
    row of shape ``s``, in row order: start and finish of each action,
    nanoseconds after the start of its iteration. ``errors`` and ``outputs``
    map row indices.
    """

    __slots__ = (
        "numbers", "started_ns", "duration_ns", "idle_ns", "lag_ns",
        "shape_index", "shapes", "times", "errors", "outputs",
    )

    def __init__(
        self,
        integer_columns: t.Sequence[Ints],
        shape_index: np.ndarray[t.Any, np.dtype[np.int32]],
        shapes: tuple[Shape, ...],
        times: tuple[Ints, ...],
        errors: dict[int, Error],
        outputs: dict[int, dict[str, t.Any]],
    ) -> None:
        (self.numbers, self.started_ns, self.duration_ns, self.idle_ns,
         self.lag_ns) = integer_columns
        self.shape_index = shape_index
        self.shapes = shapes
        self.times = times
        self.errors = errors
        self.outputs = outputs

    # ---- making one

    @classmethod
    def of_rows(cls, rows: t.Iterable[Row]) -> Chunk:
        """A chunk of *rows*, in any order."""
        rows = list(rows)
        if not rows:
            return cls.concatenate(())
        (numbers, started, durations, idle, lags, row_shapes, row_times,
         row_errors, row_outputs) = zip(*rows)
        columns = [
            _column(column)
            for column in (numbers, started, durations, idle, lags)
        ]
        shapes, index, lines = _by_shape(row_shapes, row_times)
        starts = [columns[1]]
        if len(shapes) > 1:
            starts = [columns[1][index == s] for s in range(len(shapes))]
        count = len(rows)
        chunk = cls(
            columns,
            index,
            shapes,
            tuple(map(_times, shapes, lines, starts)),
            _set(row_errors, count),
            _set(row_outputs, count),
        )
        return chunk._sorted()

    @classmethod
    def of_results(
        cls, results: t.Iterable[t.Mapping[str, t.Any]], first_number: int = 1
    ) -> Chunk:
        """A chunk of results in Rally's form, numbered as they come."""
        return cls.of_rows(
            row_of(result, number)
            for number, result in enumerate(results, first_number)
        )

    @classmethod
    def concatenate(cls, chunks: t.Iterable[Chunk]) -> Chunk:
        """All rows of *chunks* in one."""
        parts = [chunk for chunk in chunks if len(chunk)]
        if len(parts) == 1:
            return parts[0]
        index_of: dict[Shape, int] = {}
        matrices: list[list[Ints]] = []
        indices, errors, outputs, base = [], {}, {}, 0
        for part in parts:
            renumbered = np.empty(len(part.shapes), dtype=np.int32)
            for s, shape in enumerate(part.shapes):
                renumbered[s] = index_of.setdefault(shape, len(index_of))
                if renumbered[s] == len(matrices):
                    matrices.append([])
                matrices[renumbered[s]].append(part.times[s])
            indices.append(renumbered[part.shape_index])
            errors.update({base + i: e for i, e in part.errors.items()})
            outputs.update({base + i: o for i, o in part.outputs.items()})
            base += len(part)
        none = np.zeros(0, dtype=np.int64)
        chunk = cls(
            [
                np.concatenate([none, *(getattr(p, name) for p in parts)])
                for name in COLUMNS
            ],
            np.concatenate([none.astype(np.int32), *indices]),
            tuple(index_of),
            tuple(np.concatenate(lines) for lines in matrices),
            errors,
            outputs,
        )
        return chunk._sorted()

    def _sorted(self) -> Chunk:
        started = self.started_ns
        if len(started) < 2 or bool(np.all(started[1:] > started[:-1])):
            return self
        return self._take(np.lexsort((self.numbers, started)))

    def _take(self, rows: np.ndarray[t.Any, np.dtype[np.int64]]) -> Chunk:
        """The rows with these indices, in this order."""
        if len(self.shapes) == 1 and len(rows):
            return self._of_one_shape(rows)
        rank = _rank_in_shape(self.shape_index)
        old_index = self.shape_index[rows]
        used, sizes = np.unique(old_index, return_counts=True)
        by_shape = rank[rows[np.argsort(old_index, kind="stable")]]
        lines = np.split(by_shape, np.cumsum(sizes)[:-1])
        renumbered = np.zeros(len(self.shapes), dtype=np.int32)
        renumbered[used] = np.arange(len(used), dtype=np.int32)
        return Chunk(
            [getattr(self, name)[rows] for name in COLUMNS],
            renumbered[old_index],
            tuple(self.shapes[s] for s in used),
            tuple(self.times[s][kept] for s, kept in zip(used, lines)),
            *self._moved(rows),
        )

    def _of_one_shape(self, rows: Ints | slice) -> Chunk:
        """``_take`` where all rows have the same actions: nearly always."""
        return Chunk(
            [getattr(self, name)[rows] for name in COLUMNS],
            self.shape_index[rows], self.shapes, (self.times[0][rows],),
            *self._moved(rows),
        )

    def _moved(
        self, rows: Ints | slice
    ) -> tuple[dict[int, Error], dict[int, dict[str, t.Any]]]:
        """Errors and outputs of the rows with these indices."""
        if not (self.errors or self.outputs):
            return {}, {}
        indices = np.arange(len(self))[rows]
        target = np.full(len(self), -1, dtype=np.int64)
        target[indices] = np.arange(len(indices))
        return _moved(self.errors, target), _moved(self.outputs, target)

    def part(self, start: int, stop: int) -> Chunk:
        """Rows *start* to *stop*, without *stop*."""
        if len(self.shapes) == 1 and 0 <= start < min(stop, len(self)):
            return self._of_one_shape(slice(start, stop))  # nothing copied
        return self._take(np.arange(len(self))[start:stop])

    def failures(self) -> Chunk:
        """The rows with an error."""
        return self._take(np.flatnonzero(self.is_failed))

    def shifted(self, offset_ns: int) -> Chunk:
        """The same with *offset_ns* taken off each start.

        :param offset_ns: how far the clock of the rows is ahead
        """
        if not offset_ns:
            return self
        return Chunk(
            [
                self.numbers, self.started_ns - offset_ns, self.duration_ns,
                self.idle_ns, self.lag_ns,
            ],
            self.shape_index, self.shapes, self.times, self.errors,
            self.outputs,
        )

    # ---- bytes

    def pack(self) -> bytes:
        """Uncompressed bytes, for a pipe between processes.

        :raises ChunkError: nobody could read them back
        """
        packed_module.check_values(self.value_count)
        if not all(map(_is_preorder, self.shapes)):
            raise ChunkError(problem="an action inside none")
        unique: dict[Error, int] = {}
        error_of_row = {
            row: unique.setdefault(error, len(unique))
            for row, error in self.errors.items()
        }
        return packed_module.encode(
            packed_module.Packed(
                version=packed_module.VERSION,
                count=len(self),
                columns=[pack_column(getattr(self, c)) for c in COLUMNS],
                shape_index=pack_column(self.shape_index),
                shapes=[
                    [(n.name, n.depth, n.failed) for n in shape]
                    for shape in self.shapes
                ],
                times=[pack_column(lines.ravel()) for lines in self.times],
                errors=list(unique),
                error_of_row=error_of_row,
                outputs=self.outputs,
            )
        )

    def to_bytes(self) -> bytes:
        """Compressed bytes, for the wire, the spool and the database.

        :raises ChunkError: nobody could read them back
        """
        return packed_module.compress(self.pack())

    def packed(self, data: bytes | None = None) -> head_module.PackedChunk:
        """The chunk, which is not empty, as it travels; see ``cutting``.

        :param data: what ``pack`` gave, if it has been called already
        :raises ChunkError: nobody could read it back
        """
        payload = packed_module.compress(self.pack() if data is None else data)
        return head_module.PackedChunk(self.head(), payload)

    def head(self) -> head_module.ChunkHead:
        """What is known of the chunk, which is not empty, without it."""
        return head_module.ChunkHead(
            count=len(self),
            failed=self.failed_count,
            first_ns=self.first_ns,
            last_ns=self.last_ns,
            finished_ns=self.finished_ns,
            numbers=progressions.progressions(self.numbers),
        )

    @property
    def value_count(self) -> int:
        """Integers in all columns together."""
        return len(COLUMNS) * len(self) + sum(m.size for m in self.times)

    @classmethod
    def unpack(cls, data: bytes) -> Chunk:
        """Inverse of ``pack``.

        :raises ChunkError: for any bytes that ``pack`` cannot have made
        """
        packed = packed_module.decode(data)
        try:
            return cls._of_packed(packed)
        except (ValueError, IndexError, OverflowError) as e:
            raise ChunkError(problem=str(e)) from None

    @classmethod
    def from_bytes(cls, data: bytes) -> Chunk:
        """Inverse of ``to_bytes``.

        :raises ChunkError: for any bytes that ``to_bytes`` cannot have made
        """
        return cls.unpack(packed_module.decompress(data))

    @classmethod
    def _of_packed(cls, packed: packed_module.Packed) -> Chunk:
        count = packed.count
        if len(packed.columns) != len(COLUMNS):
            raise ChunkError(problem="wrong number of columns")
        shapes = tuple(
            tuple(Node(*node) for node in nodes) for nodes in packed.shapes
        )
        if not all(map(_is_preorder, shapes)):
            raise ChunkError(problem="an action inside none")
        index = unpack_column(packed.shape_index, count).astype(np.int32)
        if count and not 0 <= index.min() <= index.max() < len(shapes):
            raise ChunkError(problem="an iteration of a shape it lacks")
        sizes = np.bincount(index, minlength=len(shapes))
        if len(sizes) != len(packed.times) or len(sizes) != len(shapes):
            raise ChunkError(problem="shapes and times do not agree")
        values = len(COLUMNS) * count + sum(
            int(size) * 2 * len(shape) for size, shape in zip(sizes, shapes)
        )
        packed_module.check_values(values)
        rows = [*packed.error_of_row, *packed.outputs]
        if rows and not 0 <= min(rows) <= max(rows) < count:
            raise ChunkError(problem="an error of a row it does not hold")
        return cls(
            [unpack_column(data, count) for data in packed.columns],
            index,
            shapes,
            tuple(
                unpack_column(data, int(size) * 2 * len(shape)).reshape(
                    int(size), 2 * len(shape)
                )
                for data, size, shape in zip(packed.times, sizes, shapes)
            ),
            {r: packed.errors[e] for r, e in packed.error_of_row.items()},
            packed.outputs,
        )

    # ---- reading

    def rows_of_shape(self, s: int) -> np.ndarray[t.Any, t.Any]:
        """Indices of the rows whose actions have shape number *s*."""
        return np.flatnonzero(self.shape_index == s)

    @property
    def is_failed(self) -> np.ndarray[t.Any, np.dtype[np.bool_]]:
        failed = np.zeros(len(self), dtype=np.bool_)
        if self.errors:
            failed[list(self.errors)] = True
        return failed

    @property
    def failed_count(self) -> int:
        return len(self.errors)

    @property
    def first_ns(self) -> int:
        """Start of the first iteration."""
        return int(self.started_ns[0])

    @property
    def last_ns(self) -> int:
        """Start of the last iteration."""
        return int(self.started_ns[-1])

    @property
    def finished_ns(self) -> int:
        """Latest end of an iteration."""
        ends = self.started_ns + self.duration_ns + self.idle_ns
        return int(ends.max())

    def __len__(self) -> int:
        return len(self.numbers)

    def __iter__(self) -> t.Iterator[Result]:
        lines = [iter(matrix.tolist()) for matrix in self.times]
        for i, (started, duration, idle, s) in enumerate(
            zip(
                self.started_ns.tolist(), self.duration_ns.tolist(),
                self.idle_ns.tolist(), self.shape_index.tolist(),
            )
        ):
            yield result_of(
                started, duration, idle, self.shapes[s], next(lines[s]),
                self.errors.get(i), self.outputs.get(i),
            )

    @t.overload
    def __getitem__(self, index: int) -> Result: ...

    @t.overload
    def __getitem__(self, index: slice) -> list[Result]: ...

    def __getitem__(self, index: int | slice) -> Result | list[Result]:
        if isinstance(index, slice):
            return list(self)[index]
        if not -len(self) <= index < len(self):
            raise IndexError("chunk index out of range")
        return next(iter(self._take(np.array([index % len(self)]))))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Chunk) and self.pack() == other.pack()

    def __hash__(self) -> int:
        return hash(self.pack())

    def __repr__(self) -> str:
        return "<Chunk of %s>" % counted(len(self), "iteration")


def _column(values: t.Sequence[int]) -> Ints:
    """A column of one integer per row; idle time and lag are mostly 0."""
    if not any(values):
        return np.zeros(len(values), dtype=np.int64)
    return np.array(values, dtype=np.int64)


def _by_shape(
    row_shapes: t.Sequence[Shape], row_times: t.Sequence[tuple[int, ...]]
) -> tuple[
    tuple[Shape, ...],
    np.ndarray[t.Any, np.dtype[np.int32]],
    list[t.Sequence[tuple[int, ...]]],
]:
    """The different shapes, which each row has, and the times for each."""
    count = len(row_shapes)
    first = row_shapes[0]
    if row_shapes.count(first) == count:  # nearly always; no hash is made
        return (first,), np.zeros(count, dtype=np.int32), [row_times]
    index_of: dict[Shape, int] = {}
    index = [index_of.setdefault(s, len(index_of)) for s in row_shapes]
    lines: list[list[tuple[int, ...]]] = [[] for _ in index_of]
    for s, times in zip(index, row_times):
        lines[s].append(times)
    return tuple(index_of), np.array(index, dtype=np.int32), [*lines]


def _times(
    shape: Shape, lines: t.Sequence[tuple[t.Any, ...]], started_ns: Ints
) -> Ints:
    """The matrix of the times of rows that have one shape; see ``Row``.

    Law: each line is what ``times_of`` makes of it.
    """
    size = len(lines), 2 * len(shape)
    if not shape:
        return np.zeros(size, dtype=np.int64)
    kinds = set(map(type, map(_FIRST, lines)))
    if len(kinds) > 1:
        lines = list(map(times_of, lines, started_ns.tolist()))
    is_stamps = kinds == {float}
    values: np.ndarray[t.Any, t.Any] = np.fromiter(
        itertools.chain.from_iterable(lines),
        dtype=np.float64 if is_stamps else np.int64, count=size[0] * size[1],
    ).reshape(size)
    if not is_stamps:
        return values
    whole_s, rest_ns = np.divmod(started_ns, NS)
    values -= whole_s[:, None]
    values *= 1e9
    values += 0.5
    return values.astype(np.int64) - rest_ns[:, None]


def _set(values: t.Sequence[t.Any], count: int) -> dict[int, t.Any]:
    """Those that are not None, by row."""
    if values.count(None) == count:
        return {}
    return {i: v for i, v in enumerate(values) if v is not None}


def check(packed: head_module.PackedChunk) -> None:
    """See ``PackedChunk.check``."""
    rows = Chunk.from_bytes(packed.payload)
    if not len(rows):
        raise ChunkError(problem="it is empty")
    claimed, found = packed.head, rows.head()
    numbers = claimed.numbers  # however they are split into progressions
    if found != claimed and (
        msgspec.structs.replace(found, numbers=numbers) != claimed
        or progressions.count_of(numbers) > len(rows)
        or set(progressions.numbers_of(numbers)) != set(rows.numbers.tolist())
    ):
        raise ChunkError(problem="it is not what its head says")
    if (rows.started_ns[1:] < rows.started_ns[:-1]).any():
        raise ChunkError(problem="its iterations are not in order")


def _rank_in_shape(
    shape_index: np.ndarray[t.Any, np.dtype[np.int32]]
) -> Ints:
    """How many rows of the same shape are before each row.

    Sorting, not a look at all rows for each shape: there may be as many
    shapes as rows.
    """
    order = np.argsort(shape_index, kind="stable")
    sizes = np.bincount(shape_index)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order)) - np.repeat(
        np.cumsum(sizes) - sizes, sizes
    )
    return rank


def _is_preorder(shape: Shape) -> bool:
    """Whether each action is at most one level below the one before."""
    deepest = 0
    for node in shape:
        if not 0 <= node.depth <= deepest:
            return False
        deepest = node.depth + 1
    return True


def _moved(
    of_row: dict[int, t.Any], target: np.ndarray[t.Any, t.Any]
) -> dict[int, t.Any]:
    moved = ((int(target[row]), value) for row, value in of_row.items())
    return dict(sorted((row, value) for row, value in moved if row >= 0))
