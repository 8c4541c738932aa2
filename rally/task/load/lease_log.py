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

"""The leases of a run, read from the memory that workers share."""

from __future__ import annotations

import collections.abc
import typing as t

if t.TYPE_CHECKING:
    from rally.task.work.numbers import Progression

#: index after its last number, first number, step
PER_LEASE = 3


class LeaseLog(collections.abc.Sequence["Progression"]):
    """The leases as they were written, in order.

    A list of them would take eight times as much memory, and a run may take
    days.
    """

    def __init__(
        self, words: memoryview[int], length_at: int, first_at: int
    ) -> None:
        """:param length_at: index of the word that counts the leases
        :param first_at: index of the first word of the first lease
        """
        self._words = words
        self._length_at = length_at
        self._first_at = first_at

    def __len__(self) -> int:
        return self._words[self._length_at]

    @t.overload
    def __getitem__(self, index: int) -> Progression: ...

    @t.overload
    def __getitem__(self, index: slice) -> list[Progression]: ...

    def __getitem__(
        self, index: int | slice
    ) -> Progression | list[Progression]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        at = self._first_at + index * PER_LEASE
        start = self._words[at - PER_LEASE] if index else 0
        stop, first, step = self._words[at:at + PER_LEASE]
        return first, step, stop - start
