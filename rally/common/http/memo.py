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

"""Remembers what was made of arguments."""

from __future__ import annotations

import copy
import typing as t


class Memo:
    """What was made of the last few arguments; they are compared by value.
    """

    _LENGTH = 16

    def __init__(self) -> None:
        self._made: list[tuple[t.Any, t.Any]] = []

    def of(self, key: t.Any, make: t.Callable[[], t.Any]) -> t.Any:
        """What was made for an equal *key*, or is made now.

        :param key: copied, so that its owner may change it
        """
        for known, made in self._made:
            if known == key:
                return made
        made = make()
        del self._made[: 1 - self._LENGTH]
        self._made.append((copy.deepcopy(key), made))
        return made
