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

"""The newest snapshot of each source of results, and all of them merged."""

from __future__ import annotations

import dataclasses
import hashlib
import threading
import time
import typing as t

from rally.common import portable, right_of_way
from rally.task.results.aggregate import Aggregate


@dataclasses.dataclass(frozen=True, slots=True)
class PackedAggregate:
    """An aggregate as it came, which nobody has needed yet."""

    state: bytes  # ``Aggregate.to_bytes``
    shift_ns: int  # how far the clock of its source is ahead


class _SourceState:
    """What is known of one source."""

    __slots__ = (
        "epoch", "number", "aggregate", "packed", "is_foreign", "earlier",
        "digest", "read_number",
    )

    def __init__(self) -> None:
        self.epoch = 0  # of the newest snapshot
        #: what was counted in the epochs before
        self.earlier: tuple[Aggregate | PackedAggregate, ...] = ()
        self.number = -1  # of the newest snapshot
        self.aggregate: Aggregate | None = None  # the newest that was read
        self.packed: PackedAggregate | None = None  # a newer one
        self.is_foreign = False  # its snapshots come as bytes
        self.digest = b""  # of the bytes that were read
        self.read_number = -1  # of the snapshot that ``aggregate`` is

    def begin(self, epoch: int) -> None:
        """It counts anew: what it has counted so far stays."""
        self.epoch = epoch
        if self.packed is not None:
            self.earlier += self.packed,
        elif self.aggregate is not None:  # with all that was earlier
            self.earlier = self.aggregate,
        self.packed = None
        self.digest, self.read_number = b"", -1


class SnapshotBoard:
    """The newest aggregate of each source, and all of them merged.

    Snapshots are cumulative: a lost, repeated or late one costs nothing. An
    aggregate that was put here belongs to the board. Those that come as
    bytes are restored by whoever judges: ``look`` does so as long as its
    budget lasts, and takes what it knew before of the other sources, whose
    turn comes next; ``merged`` restores them all. All methods may be called
    from any thread.
    """

    def __init__(
        self, sla_config: t.Mapping[str, t.Any],
        way: right_of_way.RightOfWay | None = None,
    ) -> None:
        """:param sla_config: criterion name -> its value
        :param way: of a thread that does not judge
        """
        self._way = way or right_of_way.RightOfWay()
        self._blank = Aggregate(sla_config)
        lock = threading.RLock()
        self._changed = threading.Condition(lock)
        #: whoever waits for what is urgent sleeps through all else
        self._turned = threading.Condition(lock)
        self._sources: dict[str, _SourceState] = {}
        #: sources with something to be restored, in the order of their turns
        self._unread: dict[str, None] = {}
        self._urgent: set[str] = set()  # those of them that come first
        #: sources whose snapshots made no sense, and why
        self.malformed: dict[str, str] = {}
        self._version = 0  # of what was put
        self._read_version = 0  # of what was restored
        self._merged: tuple[int, Aggregate] = 0, self._blank.blank()
        self._has_urgent = False
        self._is_closed = False

    @property
    def is_closed(self) -> bool:
        return self._is_closed

    def put(
        self,
        source: str,
        number: int,
        aggregate: Aggregate | PackedAggregate,
        urgent: bool = False,
        epoch: int = 0,
    ) -> bool:
        """Keep *aggregate* unless a newer one of its source is here.

        :param number: grows from snapshot to snapshot of an epoch
        :param urgent: wake up who waits in ``wait_urgent``
        :param epoch: of a source that counts from zero in each
        :returns: whether it was newer
        """
        with self._changed:
            known = self._sources.setdefault(source, _SourceState())
            if (epoch, number) <= (known.epoch, known.number):
                return False
            if epoch > known.epoch:
                known.begin(epoch)
            known.number = number
            if isinstance(aggregate, PackedAggregate):
                known.packed, known.is_foreign = aggregate, True
                self._unread.setdefault(source)
                if urgent:
                    self._urgent.add(source)
            else:
                self._adopt(known, aggregate)
            self._version += 1
            self._changed.notify_all()
            if urgent:
                self._has_urgent = True
                self._turned.notify_all()
        return True

    def _adopt(self, known: _SourceState, aggregate: Aggregate) -> None:
        known.aggregate, known.packed, known.digest = aggregate, None, b""
        known.read_number = known.number
        self._read_version += 1

    def _forget_unread(self, source: str) -> None:
        self._unread.pop(source, None)
        self._urgent.discard(source)

    def replace(self, source: str, aggregate: Aggregate) -> None:
        """Put *aggregate* in the place of whatever *source* said."""
        with self._changed:
            known = self._sources.setdefault(source, _SourceState())
            known.number += 1
            known.earlier = ()
            self._forget_unread(source)
            self._adopt(known, aggregate)
            self._version += 1
            self._changed.notify_all()

    def drop(self, source: str) -> None:
        """Forget a source and what it has counted."""
        with self._changed:
            self._forget_unread(source)
            if self._sources.pop(source, None):
                self._version += 1
                self._read_version += 1
                self._changed.notify_all()

    def look(self, budget_s: float) -> Aggregate:
        """All sources as one, as far as they are read by now.

        :param budget_s: CPU time to restore snapshots in; at least one is
        """
        self._read(budget_s)
        return self._merge()

    def merged(self) -> Aggregate:
        """All sources as one; to be read, not changed."""
        self._read(None)
        return self._merge()

    def sources(self) -> dict[str, Aggregate]:
        """The aggregate of each source, as far as they are read by now; to
        be read, not changed."""
        with self._changed:
            return {
                name: known.aggregate
                for name, known in self._sources.items()
                if known.aggregate is not None
            }

    def _read(self, budget_s: float | None) -> None:
        """Restore what came as bytes, those first that wait for longest.

        What is urgent comes before; the rest has to wait for the next time
        then, unless there is no limit.
        """
        began_s = time.thread_time()
        while True:
            with self._changed:
                is_urgent = bool(self._urgent)
                sources: t.Iterable[str] = self._urgent or self._unread
                source = next(iter(sources), None)
                if source is None:
                    return
                self._urgent.discard(source)
                self._unread.pop(source, None)
                known = self._sources[source]
                is_last = is_urgent and not self._urgent
            if not is_urgent:
                self._way.give_way()
            self._restore(source, known)
            if budget_s is not None and (
                is_last or time.thread_time() - began_s >= budget_s
            ):
                return

    def settled(self) -> dict[str, int]:
        """Of sources that began anew: iterations of the epochs before, as
        far as they are read by now."""
        with self._changed:
            return {
                name: sum(
                    each.iterations for each in known.earlier
                    if isinstance(each, Aggregate)
                )
                for name, known in self._sources.items() if known.earlier
            }

    def _restore(self, source: str, known: _SourceState) -> None:
        """Restore the newest snapshot of a source, unless that was done."""
        with self._changed:  # at once: it may begin anew at any time
            packed, which = known.packed, (known.epoch, known.number)
            earlier, read_digest = known.earlier, known.digest
        if packed is None:
            return
        digest = hashlib.blake2b(packed.state, digest_size=16).digest()
        if digest == read_digest:  # it has learnt nothing since
            self._has_read(known, packed)
            return
        try:
            aggregate = self._unpacked(packed)
            if earlier:
                whole = self._blank.blank()
                whole.merge_all([
                    each if isinstance(each, Aggregate)
                    else self._unpacked(each)
                    for each in earlier
                ])
                earlier = whole,
                aggregate.merge_all([whole])
        except portable.MalformedState as e:
            self._reject(source, str(e))
            return
        with self._changed:
            if which <= (known.epoch, known.read_number):
                return  # it began anew, or others have read a newer one
            known.earlier, known.read_number = earlier, which[1]
            known.aggregate = aggregate
            known.digest = digest
            self._read_version += 1
            self._has_read(known, packed)

    def _has_read(self, known: _SourceState, packed: PackedAggregate) -> None:
        with self._changed:
            if known.packed is packed:
                known.packed = None

    def _unpacked(self, packed: PackedAggregate) -> Aggregate:
        """:raises MalformedState: it makes no sense"""
        aggregate = self._blank.restored_from(packed.state)
        aggregate.shift(packed.shift_ns)
        return aggregate

    def _merge(self) -> Aggregate:
        while True:
            with self._changed:
                version = self._read_version
                if self._merged[0] == version:
                    return self._merged[1]
                parts = self.sources()
            aggregate = self._blank.blank()
            try:  # unlocked: this calls into plugins
                aggregate.merge_all(list(parts.values()))
            except Exception:  # of a criterion: perhaps of one source's
                if not self._drop_culprits(parts):
                    raise
                continue
            with self._changed:
                if version > self._merged[0]:
                    self._merged = version, aggregate
            return aggregate

    def _drop_culprits(self, parts: t.Mapping[str, Aggregate]) -> bool:
        """Reject what came from others and cannot be merged; was there any?
        """
        found = False
        for source, aggregate in parts.items():
            if not self._sources[source].is_foreign:
                continue
            try:
                aggregate.checker.try_out()
            except portable.MalformedState as e:
                self._reject(source, str(e))
                found = True
        return found

    def _reject(self, source: str, problem: str) -> None:
        """Forget what *source* said; its rows will be counted."""
        with self._changed:
            self.malformed[source] = problem
            known = self._sources[source]
            known.aggregate = known.packed = None
            known.earlier, known.digest = (), b""
            self._forget_unread(source)
            self._version += 1
            self._read_version += 1

    def wait(self, version: int, timeout_s: float | None) -> int:
        """Block until there is a version other than *version*, or close.

        :returns: the version there is now; the first one is 0
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._version != version or self._is_closed, timeout_s
            )
            return self._version

    def wait_urgent(self, timeout_s: float | None) -> bool:
        """Block until an urgent snapshot comes, or close.

        :returns: whether one came since the last call
        """
        with self._turned:
            self._turned.wait_for(
                lambda: self._has_urgent or self._is_closed, timeout_s
            )
            has_urgent, self._has_urgent = self._has_urgent, False
            return has_urgent

    def close(self) -> None:
        """Nothing more will come: nobody waits here any longer."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
            self._turned.notify_all()
