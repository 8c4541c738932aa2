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

"""Actions that have no row of their own in the statistics, and why."""

from __future__ import annotations

import typing as t

from rally.task.results import durations, names

#: characters of a name that is told as an example
_SHOWN = 60

_ADVICE = (
    "Put ids into the arguments or the output of a scenario, not into the "
    "name of an action."
)

Facts: t.TypeAlias = dict[str, t.Any]


def facts_of(table: durations.DurationsTable) -> Facts | None:
    """What ``load_info`` has of them; None if each action has a row."""
    folded = table.folded
    if not folded.count:
        return None
    return {
        "names": folded.count,
        "is_exact": folded.is_exact,
        "examples": [_brief(name) for name in folded.examples],
    }


def problems_of(table: durations.DurationsTable) -> list[str]:
    """What to tell somebody whose names of actions are too many."""
    facts = facts_of(table)
    if facts is None:
        return []
    return [
        "%s%d names of atomic actions, such as %s, are more than the %d "
        "rows that statistics have. The rows %s count these actions "
        "together, so durations of one of them are not shown. %s"
        % (
            "" if facts["is_exact"] else "About ", facts["names"],
            ", ".join(repr(name) for name in facts["examples"]),
            durations.MAX_ROWS, names.OTHER_ACTIONS, _ADVICE,
        )
    ]


def is_problem(text: str) -> bool:
    """Whether ``problems_of`` some table said it."""
    return text.endswith(_ADVICE)


def _brief(name: str) -> str:
    return name if len(name) <= _SHOWN else name[:_SHOWN - 3] + "..."
