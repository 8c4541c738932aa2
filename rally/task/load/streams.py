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

"""Streams: what a runner produces, for one consumer each."""

from __future__ import annotations

import collections
import threading
import time
import typing as t

T = t.TypeVar("T")


class Stream(collections.deque[T]):
    """A deque whose consumer can wait.

    Runner plugins in the field append to it like to the deque it used to
    be. One or more threads append, one thread gets.

    ``limit`` may be set to how many items wait at the most: whoever appends
    one more is held up until there is room. So a consumer that is slower
    than the load slows the load down, and memory stays bounded.
    """

    def __init__(self, items: t.Iterable[T] = ()) -> None:
        super().__init__(items)
        self._changed = threading.Condition()
        self._closed = False
        self.limit: int | None = None
        #: for how long whoever appends was held up
        self.held_ns = 0

    def append(self, item: T) -> None:
        with self._changed:
            if not self._has_room():
                began_ns = time.monotonic_ns()
                self._changed.wait_for(self._has_room)
                self.held_ns += time.monotonic_ns() - began_ns
            super().append(item)
            self._changed.notify_all()

    def extend(self, items: t.Iterable[T]) -> None:
        with self._changed:
            super().extend(items)
            self._changed.notify_all()

    def get(self, timeout_s: float | None = None) -> T | None:
        """Take the first item; wait for it if there is none.

        :param timeout_s: longest wait; None: until there is one or ``close``
        :returns: None if nothing came, or nothing will come any more
        """
        with self._changed:
            self._changed.wait_for(lambda: self or self._closed, timeout_s)
            if not self:
                return None
            self._changed.notify_all()
            return self.popleft()

    def gather(self, most: int, linger_s: float) -> list[T]:
        """Wait for an item, and then a little for up to *most* of them.

        :returns: nothing if nothing will come any more
        """
        with self._changed:
            self._changed.wait_for(lambda: self or self._closed)
            self._changed.wait_for(
                lambda: len(self) >= most or self._closed, linger_s
            )
        return self.take(most)

    def take(self, most: int) -> list[T]:
        """Take up to *most* items of those that are there."""
        with self._changed:
            self._changed.notify_all()
            return [self.popleft() for _ in range(min(most, len(self)))]

    def abandon(self) -> None:
        """Nobody reads here any more: do not hold up whoever appends."""
        with self._changed:
            self.limit = None
            self._changed.notify_all()

    def _has_room(self) -> bool:
        return self.limit is None or len(self) < self.limit or self._closed

    def close(self) -> None:
        """Say that nothing more comes; what is there can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def is_closed(self) -> bool:
        return self._closed

    __hash__ = None  # type: ignore[assignment]
