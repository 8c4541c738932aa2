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

"""Names of atomic actions, however many different ones there are.

A scenario that puts an id into the name of an action makes a new name in each
iteration. Statistics keep rows for a bounded number of names and count the
others together. Which ones is a function of the names alone, so that agents
which see different iterations agree on it.
"""

from __future__ import annotations

import hashlib
import string
import typing as t

from rally.common import portable

#: row of the statistics for failures outside of any action
NO_NAME = "<no-name-action>"
#: ... and for actions that have no row of their own
OTHER_ACTIONS = "<other actions>"

#: hashes that stand for a set of names
HELD = 1024
#: names that are told as examples of a set
EXAMPLES = 3

_HASH_BITS = 52  # a state may hold no larger numbers
_WITHOUT_DIGITS = str.maketrans("", "", string.digits)

Rank: t.TypeAlias = tuple[int, int, str, int]


def rank_of(name: str, repeats: int) -> Rank:
    """Sorts the rows of actions: those to be kept come first.

    Ids have digits, and the actions that a scenario always runs have few. So
    names with fewer digits come first, and those with as many are in the
    order of a hash, which nothing can have a part in.

    :param repeats: how often the action ran in an iteration
    """
    digits = len(name) - len(name.translate(_WITHOUT_DIGITS))
    if repeats > 1:
        digits += len(str(repeats))
    return digits, hash_of(name), name, repeats


def hash_of(name: str) -> int:
    """An integer that is the same on each host and in each process."""
    digest = hashlib.blake2b(
        name.encode("utf-8", "surrogatepass"), digest_size=8
    ).digest()
    return int.from_bytes(digest, "big") >> (64 - _HASH_BITS)


class NameSet:
    """How many different names there are, and a few of them.

    Holds the lowest hashes. As hashes are spread evenly, the highest of them
    tells how many names there are; below ``HELD`` names the number is exact,
    beyond it is off by 3 % (standard error).

    Merge law: holds exactly, for the estimate and for the examples.
    """

    __slots__ = ("_hashes", "_examples")

    def __init__(self) -> None:
        self._hashes: list[int] = []  # ascending
        self._examples: dict[int, str] = {}  # names of the first of them

    @property
    def is_exact(self) -> bool:
        """Is ``count`` the number itself?"""
        return len(self._hashes) < HELD

    @property
    def count(self) -> int:
        """How many different names there are, about."""
        if self.is_exact:
            return len(self._hashes)
        return round((HELD - 1) * 2.0 ** _HASH_BITS / self._hashes[-1])

    @property
    def examples(self) -> list[str]:
        return sorted(self._examples.values())

    def add_all(self, names: t.Iterable[str]) -> None:
        named = {hash_of(name): name for name in set(names)}
        self._keep(named, named)

    def merge(self, other: NameSet) -> None:
        """Add everything in *other*, which stays as it is."""
        if other._hashes:
            self._keep(other._hashes, other._examples)

    def _keep(
        self, hashes: t.Iterable[int], named: t.Mapping[int, str]
    ) -> None:
        self._hashes = sorted({*self._hashes, *hashes})[:HELD]
        known = {**self._examples, **named}
        self._examples = {
            each: known[each] for each in self._hashes[:EXAMPLES]
        }

    def to_state(self) -> dict[str, t.Any]:
        return {
            "hashes": list(self._hashes),
            "examples": list(self._examples.values()),
        }

    @classmethod
    def from_state(cls, state: t.Any) -> NameSet:
        self = cls()
        with portable.reading(cls.__name__):
            hashes = [portable.unpack_count(x) for x in state["hashes"]]
            names = [str(name) for name in state["examples"]]
            if (
                len(hashes) > HELD
                or hashes != sorted(set(hashes))
                or hashes[:EXAMPLES] != [hash_of(name) for name in names]
            ):
                raise ValueError("these are not the lowest hashes of names")
            self._hashes = hashes
            self._examples = dict(zip(hashes, names))
        return self
