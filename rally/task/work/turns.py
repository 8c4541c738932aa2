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

"""Whose turn it is to start an iteration of an open model."""

from __future__ import annotations

import math
import typing as t

from rally.task.results.progressions import Progression


class InGroup(t.Protocol):
    """What dealing needs to know of an agent."""

    group: str | None


G = t.TypeVar("G", bound=InGroup)


class Turns:
    """Iterations are dealt out to groups by weight, in a fixed rhythm.

    Law: of any W iterations in a row, where W is the sum of the weights in
    lowest terms, each group gets exactly its weight, spread evenly. Within a
    group agents take turns. Which agent an iteration goes to follows from
    its number and from who is there, so windows of any size fit together.

    :param weights: by group; none: all agents are one group
    """

    def __init__(self, weights: t.Mapping[str, int] | None = None) -> None:
        divisor = math.gcd(*weights.values()) if weights else 1
        self._weights = {
            group: weight // divisor
            for group, weight in (weights or {"": 1}).items()
        }
        #: group of each slot of the rhythm, and how many slots of that group
        #: come before it
        self._slots = [
            (group, rank)
            for _, _, group, rank in sorted(
                ((2 * rank + 1) / (2 * weight), position, group, rank)
                for position, (group, weight) in enumerate(
                    self._weights.items()
                )
                for rank in range(weight)
            )
        ]
        self._is_divided = bool(weights)

    def deal(
        self, members: list[G], first: int, end: int
    ) -> t.Iterator[tuple[G, Progression]]:
        """Deal numbers *first* to *end* - 1 out, the earliest ones first.

        The slots of a group of which nobody is there go to all in turn: the
        load as a whole stays what was asked for.

        :param members: who may start iterations, at least one
        """
        groups = self._groups(members)
        length = len(self._slots)
        for start in range(first, min(first + length, end)):
            slot = (start - 1) % length
            group, rank = self._slots[slot]
            own, weight = groups.get(group), self._weights[group]
            if own is None:
                own, weight, rank = members, 1, slot
            yield from _strides(own, weight, rank, start, end, length)

    def group_members(self, members: list[G], number: int) -> list[G]:
        """Those of *members* whose group's turn it is; all, if none."""
        group, _ = self._slots[(number - 1) % len(self._slots)]
        return self._groups(members).get(group, members)

    def _groups(self, members: list[G]) -> dict[str, list[G]]:
        if not self._is_divided:
            return {"": members}
        groups: dict[str, list[G]] = {}
        for member in members:
            groups.setdefault(member.group or "", []).append(member)
        return groups


def _strides(
    own: list[G], weight: int, rank: int, start: int, end: int, length: int
) -> t.Iterator[tuple[G, Progression]]:
    """The numbers of one slot, dealt out to *own*.

    :param start: the first number of the slot
    :param length: between two numbers of the slot
    """
    count = -(-(end - start) // length)
    before = (start - 1) // length
    period = len(own) // math.gcd(weight, len(own))
    for i in range(min(period, count)):
        turn = ((before + i) * weight + rank) % len(own)
        yield own[turn], (
            start + i * length, length * period, -(-(count - i) // period)
        )
