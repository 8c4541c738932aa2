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


"""Why agents cannot take part in a run that has not begun.

What is wrong on one agent is mostly wrong on others as well, so there is one
error for all of them. However many they are, it stays short.
"""

from __future__ import annotations

import collections
import typing as t

from rally import exceptions
from rally.common.counting import counted, listed
from rally.task.distributed import content
from rally.task.distributed.controller import failures
from rally.task.distributed.wire import messages

#: how long others may take to say whether they can, after the first refusal
GRACE_NS = 10_000_000_000
#: what an error has of each
LINES = 20
REASONS = 5
NAMES = 3
CHARACTERS = 1000


class Refusals:
    """Who refused, and why."""

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}  # by the name of the agent
        self._differences: dict[str, tuple[messages.Difference, ...]] = {}
        self._first_ns = 0

    def __bool__(self) -> bool:
        return bool(self._reasons)

    def add(
        self, agent: str, reason: str,
        differences: tuple[messages.Difference, ...], now: int,
    ) -> None:
        if not self:
            self._first_ns = now
        self._reasons[agent] = reason
        if differences:
            self._differences[agent] = differences

    def is_late(self, now: int) -> bool:
        """Whether the others have had their time to refuse."""
        return now >= self._first_ns + GRACE_NS

    @property
    def agents(self) -> str:
        return some(self._reasons)

    def failure(self) -> exceptions.RallyException:
        """What the run fails with."""
        others = [
            name for name in self._reasons if name not in self._differences
        ]
        if self._differences and not others:
            return failures.PluginsDiffer(
                table=self._table(), hint=self._hint()
            )
        return failures.AgentCannotRun(
            agent=some(self._reasons), reason=self._why()
        )

    def _why(self) -> str:
        by_reason = _grouped(
            (reason, agent) for agent, reason in self._reasons.items()
        )
        if len(by_reason) == 1:
            return by_reason[0][0][:CHARACTERS]
        told = [
            "%s (%s)" % (reason[:CHARACTERS], some(agents))
            for reason, agents in by_reason[:REASONS]
        ]
        return "; ".join([*told, *_rest(by_reason[REASONS:], "reason")])

    def _table(self) -> str:
        """A line for each difference, whatever number of agents has it."""
        by_difference = _grouped(
            (difference, agent)
            for agent, differences in self._differences.items()
            for difference in differences
        )
        lines = [
            "%s %s: %s here, %s on %s" % (
                "package" if difference.is_package else "file",
                difference.name,
                content.shown(difference, difference.wanted),
                content.shown(difference, difference.found), some(agents),
            )
            for difference, agents in by_difference[:LINES]
        ]
        lines += _rest(by_difference[LINES:], "difference")
        return "".join("\n  %s" % line for line in lines)

    def _hint(self) -> str:
        kinds = {
            difference.is_package
            for differences in self._differences.values()
            for difference in differences
        }
        hints = []
        if True in kinds:
            hints.append("install the same version of the packages on all "
                         "hosts")
        if False in kinds:
            hints.append("copy the plugin files to the agents' hosts, or let "
                         "`rally task start --ship-plugins` send them")
        return "; ".join(hints)


_Key = t.TypeVar("_Key", bound=t.Hashable)


def _grouped(
    pairs: t.Iterable[tuple[_Key, str]],
) -> list[tuple[_Key, list[str]]]:
    """Agents by what they share; what most of them have comes first."""
    groups: dict[_Key, list[str]] = collections.defaultdict(list)
    for key, agent in pairs:
        groups[key].append(agent)
    return sorted(groups.items(), key=lambda item: (-len(item[1]), str(item)))


def _rest(left: t.Sequence[t.Any], what: str) -> list[str]:
    if not left:
        return []
    return ["and %s" % counted(len(left), "other " + what)]


def some(agents: t.Iterable[str]) -> str:
    """The first names, and how many there are beyond."""
    return listed(sorted(agents), NAMES)
