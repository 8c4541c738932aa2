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

"""Where workers get iteration numbers from.

A source is made before the workers are forked. The parent process grants,
renews and stops; workers draw. Whatever the parent changes is one word of
shared memory, and it *rings* (``on_change``) so that workers which wait look
again; a worker passes the ring on to its threads with ``wake``.
"""

from __future__ import annotations

import threading
import time
import typing as t

from rally.task.load import lease_ring, shared
from rally.task.results.progressions import (
    Progression,
    follows,
    numbers_of,
    progressions,
)

#: a thread that waits looks again after this even if nobody rang
LONGEST_WAIT_S = 60.0
_STOPPED, _COUNT = 0, 1


class IterationSource(t.Protocol):
    """What workers and their pool need of a source."""

    def draw_many(self, limit: int, spare: int = 1) -> t.Sequence[int]:
        """Take up to *limit* numbers; waits for one. Empty: no more.

        :param spare: take no more than one of this many that are left
        """

    def draw_now(
        self, limit: int, spare: int = 1
    ) -> t.Sequence[int] | None:
        """Like ``draw_many``, without a wait. None: try after a ring."""

    def may_start(self, number: int) -> bool:
        """Whether a drawn number may start now; waits out a fence."""

    def may_start_now(self, number: int) -> bool | None:
        """Like ``may_start``, without a wait. None: try after a ring."""

    def wake(self) -> None:
        """Let the waiting threads of this process look again."""

    def held(self) -> t.Sequence[int]:
        """Numbers this process reserved but never gave out."""

    def stop(self) -> None:
        """Nothing is drawn or started from now on."""

    def give_back(self, numbers: t.Iterable[int]) -> None:
        """Drawn numbers that were not started (parent process)."""

    def take_granted(self) -> list[Progression]:
        """Numbers there are to draw that were not taken here before."""

    def undrawn(self) -> list[Progression]:
        """Numbers there are to draw that nobody has drawn."""

    def on_change(self, ring: t.Callable[[], None]) -> None:
        """Call *ring* whenever workers may have to look again."""

    @property
    def is_stopped(self) -> bool: ...

    @property
    def is_used_up(self) -> bool:
        """Nothing is left to draw, for ever."""


class _Source:
    """What both kinds of source have in common."""

    def __init__(self, words: int) -> None:
        self._counter = shared.Counter()
        self._words = shared.Words(_COUNT + words).view
        self._rings: list[t.Callable[[], None]] = []
        self._given_back: list[int] = []
        self._parent_lock = threading.Lock()
        self._changed = threading.Condition()
        self._end: int | None = None  # value of the counter at the stop

    def on_change(self, ring: t.Callable[[], None]) -> None:
        """Call *ring* whenever workers may have to look again."""
        self._rings.append(ring)

    def _ring(self) -> None:
        for ring in self._rings:
            ring()

    def wake(self) -> None:
        """Let the waiting threads of this process look again."""
        with self._changed:
            self._changed.notify_all()

    def draw_many(self, limit: int, spare: int = 1) -> t.Sequence[int]:
        """Take up to *limit* numbers; waits for one. Empty: no more."""
        raise NotImplementedError

    def draw(self) -> int | None:
        """Take one number; waits for it. None: no more."""
        drawn = self.draw_many(1)
        return drawn[0] if drawn else None

    def held(self) -> t.Sequence[int]:
        """Numbers this process reserved but never gave out."""
        return ()

    def stop(self) -> None:
        """Nothing is drawn or started from now on.

        The stop draws everything that is left itself, so no worker can draw
        after it, wherever it is in its own draw.
        """
        with self._parent_lock:
            if self._end is None:
                self._words[_STOPPED] = 1
                self._end = self._counter.take(shared.BEYOND)
        self._ring()

    @property
    def is_stopped(self) -> bool:
        return bool(self._words[_STOPPED])

    def give_back(self, numbers: t.Iterable[int]) -> None:
        """Drawn numbers that were not started (parent process)."""
        with self._parent_lock:
            self._given_back.extend(numbers)

    def _position(self) -> int:
        """How often something was drawn, or reserved."""
        return self._counter.value if self._end is None else self._end


class CounterSource(_Source):
    """The numbers 1 to *times*, or without end."""

    def __init__(self, times: int | None) -> None:
        super().__init__(0)
        self._times = shared.BEYOND if times is None else times
        self._granted = [(1, 1, self._times)]

    def draw_many(self, limit: int, spare: int = 1) -> t.Sequence[int]:
        """Take up to *limit* numbers. Empty: no more."""
        return self.draw_now(limit, spare)

    def draw_now(self, limit: int, spare: int = 1) -> t.Sequence[int]:
        """Take up to *limit* numbers. Empty: no more."""
        if limit > 1:
            left = self._times - self._counter.value
            limit = max(1, min(limit, left // spare))
        start = self._counter.take(limit)
        return range(
            start + 1, max(start, min(start + limit, self._times)) + 1
        )

    def may_start(self, number: int) -> bool:
        """Whether a drawn number may start now."""
        return not self._words[_STOPPED]

    may_start_now = may_start

    @property
    def drawn_count(self) -> int:
        return min(self._position(), self._times)

    @property
    def is_used_up(self) -> bool:
        return self.is_stopped or self._position() >= self._times

    def take_granted(self) -> list[Progression]:
        """Numbers there are to draw that were not taken here before."""
        granted, self._granted = self._granted, []
        return granted

    def undrawn(self) -> list[Progression]:
        """Numbers there are to draw that nobody has drawn."""
        drawn = self.drawn_count
        return [(drawn + 1, 1, self._times - drawn)]


_GRANTED, _CLOSED, _FENCE, _LOW, _HEADER = range(_COUNT, _COUNT + 5)
NEVER_NS = 1 << 62


class LeaseFeed(_Source):
    """Numbers that the parent process grants while the run goes on.

    Number *i* of all that is granted is drawn by whoever moves the counter
    from *i* to *i + 1*; the leases say which number that is. Behind the
    *fence*, a moment the parent moves on with ``renew``, nothing is drawn or
    started: that holds even if the parent is frozen or dead, because workers
    compare it with the clock themselves.
    """

    def __init__(self, fence_ns: int = NEVER_NS) -> None:
        super().__init__(_HEADER - _COUNT + lease_ring.LeaseRing.WORDS)
        self._words[_FENCE] = fence_ns
        self._leases = lease_ring.LeaseRing(self._words[_HEADER:])
        self._untaken: list[Progression] = []  # of ``take_granted``
        self._low = shared.Bell()
        self._reserved: list[int] = []  # indices drawn before their lease
        self._held: list[int] = []  # what those stand for, once it is there

    # ---- the parent process

    def grant(self, first: int, step: int, count: int, low: int = 0) -> bool:
        """Add ``first, first + step ...`` (*count* numbers) to draw.

        :param low: ``wait_low`` returns once no more than this remains
        :returns: False if there are too many leases that are not drawn:
            nobody will draw these numbers
        """
        numbers = first, step, count
        with self._parent_lock:
            granted = self._words[_GRANTED]
            if not self._leases.add(numbers, granted, self._position()):
                return False
            before = self._untaken[-1] if self._untaken else (0, 0, 0)
            if follows(numbers, before):
                self._untaken[-1] = (*before[:2], before[2] + count)
            else:
                self._untaken.append(numbers)
            self._words[_LOW] = low
            self._words[_GRANTED] = granted + count
        self._ring()
        return True

    def take_granted(self) -> list[Progression]:
        """Numbers there are to draw that were not taken here before.

        Whoever has seen the result of a number gets that number by now.
        """
        with self._parent_lock:
            granted, self._untaken = self._untaken, []
        return granted

    def renew(self, deadline_ns: int) -> None:
        """Move the fence to *deadline_ns* of the monotonic clock."""
        before = self._words[_FENCE]
        self._words[_FENCE] = deadline_ns
        # a worker that met the old fence met it before this store, hence
        # before this look at the clock: it is rung for
        if time.monotonic_ns() >= before:
            self._ring()

    def close(self) -> None:
        """No more grants; what is there is still drawn."""
        self._words[_CLOSED] = 1
        self._ring()
        self._low.ring()

    def stop(self) -> None:
        """Nothing is drawn or started from now on."""
        super().stop()
        self._low.ring()

    @property
    def remaining(self) -> int:
        """Granted numbers that nobody has drawn."""
        return max(0, self._words[_GRANTED] - self._position())

    def wait_low(self, timeout_s: float) -> bool:
        """Wait until no more than the low-water mark remains, or a stop.

        :returns: False after *timeout_s*
        """
        return self._low.wait_for(self._is_low, timeout_s)

    def _is_low(self) -> bool:
        return (
            self.remaining <= self._words[_LOW]
            or self.is_stopped or bool(self._words[_CLOSED])
        )

    def undrawn(self) -> list[Progression]:
        """Numbers there are to draw that nobody has drawn."""
        return self._leases.numbers(
            self._position(), self._words[_GRANTED]
        )

    @property
    def drawn_count(self) -> int:
        return min(self._position(), self._words[_GRANTED])

    def returned(self) -> list[Progression]:
        """What was granted but never started: after the end of the run."""
        with self._parent_lock:
            back = progressions(self._given_back)
        return [*back, *self.undrawn()]

    # ---- the workers

    def draw_many(self, limit: int, spare: int = 1) -> t.Sequence[int]:
        """Take up to *limit* numbers; waits for one. Empty: no more."""
        while (drawn := self.draw_now(limit, spare)) is None:
            with self._changed:
                self._changed.wait_for(self._has_news, LONGEST_WAIT_S)
        return drawn

    def draw_now(
        self, limit: int, spare: int = 1
    ) -> t.Sequence[int] | None:
        """Like ``draw_many``, without a wait. None: try after a ring."""
        drawn = self._try_draw(limit, spare)
        return drawn if drawn or self._is_over() else None

    def _try_draw(self, limit: int, spare: int) -> t.Sequence[int]:
        if self._is_fenced():
            return []
        if self._reserved:
            self._look_up_reserved()
        try:
            drawn: t.Sequence[int] = [self._held.pop()]
        except IndexError:
            drawn = self._draw_new(limit, spare)
        if self._low.is_awaited and self._is_low():
            self._low.ring()
        return drawn

    def _draw_new(self, limit: int, spare: int) -> t.Sequence[int]:
        left = self._words[_GRANTED] - self._counter.value
        if left <= 0:
            return []
        limit = max(1, min(limit, left // spare))
        start = self._counter.take(limit)
        stop, granted = start + limit, self._words[_GRANTED]
        if stop > granted:
            with self._changed:
                self._reserved += range(max(start, granted), stop)
        return self._numbers(start, min(stop, granted))

    def _look_up_reserved(self) -> None:
        """Turn reserved indices into numbers, as far as there are leases.

        Soon after the grant: a lease that is drawn lasts only until its slot
        of the ring is needed.
        """
        with self._changed:
            granted = self._words[_GRANTED]
            for index in [i for i in self._reserved if i < granted]:
                self._held += self._numbers(index, index + 1)
                self._reserved.remove(index)

    def wake(self) -> None:
        """Let the waiting threads of this process look again."""
        self._look_up_reserved()
        super().wake()

    def _is_fenced(self) -> bool:
        return time.monotonic_ns() >= self._words[_FENCE]

    def _is_over(self) -> bool:
        if self._words[_STOPPED]:
            return True
        return bool(self._words[_CLOSED]) and not self._has_numbers()

    def _has_numbers(self) -> bool:
        granted = self._words[_GRANTED]
        return bool(self._held) or self._counter.value < granted or any(
            index < granted for index in self._reserved
        )

    def _has_news(self) -> bool:
        """Whether a look at the source may find more than before."""
        if self._is_over():
            return True
        return not self._is_fenced() and self._has_numbers()

    def may_start(self, number: int) -> bool:
        """Whether a drawn number may start now; waits out the fence."""
        while (may := self.may_start_now(number)) is None:
            with self._changed:
                self._changed.wait_for(
                    lambda: self.may_start_now(number) is not None,
                    LONGEST_WAIT_S,
                )
        return may

    def may_start_now(self, number: int) -> bool | None:
        """Like ``may_start``, without a wait. None: try after a ring."""
        words = self._words
        if words[_STOPPED]:
            return False
        return True if time.monotonic_ns() < words[_FENCE] else None

    def _numbers(self, start: int, stop: int) -> t.Sequence[int]:
        """Those with the indices *start* to *stop*, without *stop*.

        Not those of a lease that is gone, after a pause of this process for
        many leases: such a number is never started, and the pool, which
        knows that somebody drew it, counts it as lost.
        """
        parts = self._leases.numbers(start, stop)
        if len(parts) == 1:
            first, step, count = parts[0]
            return range(first, first + step * count, step)
        return list(numbers_of(parts))

    def held(self) -> t.Sequence[int]:
        """Numbers this process reserved but never gave out."""
        self._look_up_reserved()
        return list(self._held)

    @property
    def is_used_up(self) -> bool:
        """Nothing is left to draw, for ever."""
        return self.is_stopped or (
            bool(self._words[_CLOSED]) and self.remaining == 0
        )
