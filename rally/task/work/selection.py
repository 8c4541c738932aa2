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

"""Which agents of a fleet a run uses, and how much each group of them does."""

from __future__ import annotations

import collections
import dataclasses
import typing as t

Labels: t.TypeAlias = t.Mapping[str, str]

#: in an open model an agent gets so many leases per window, at the most
MAX_WEIGHT = 10
#: groups of labels that an error shows
SHOWN = 8
_LABEL = {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,63}$"}
_VALUES = {
    "anyOf": [_LABEL, {"type": "array", "minItems": 1, "items": _LABEL}],
}
#: the option ``agents`` of a runner, where labels matter
AGENTS_SCHEMA: dict[str, t.Any] = {
    "type": "object",
    "description": "How many agents to wait for, of those that have all the "
                   "labels named in select; others stand by and are not "
                   "used.",
    "properties": {
        "count": {
            "type": "integer", "minimum": 1,
            "description": "How many agents to wait for.",
        },
        "select": {
            "type": "object", "minProperties": 1,
            "propertyNames": _LABEL, "additionalProperties": _VALUES,
            "description": "Names of labels, each with the value, or a list "
                           "of values, that an agent may have.",
        },
    },
    "required": ["count"],
    "additionalProperties": False,
}
#: and the option ``weights``
WEIGHTS_SCHEMA: dict[str, t.Any] = {
    "type": "object",
    "description": "How the load is shared among groups of agents: by one "
                   "label, a whole number for each of its values that takes "
                   "part.",
    "minProperties": 1,
    "maxProperties": 1,
    "propertyNames": _LABEL,
    "additionalProperties": {
        "type": "object", "minProperties": 1, "propertyNames": _LABEL,
        "additionalProperties": {
            "type": "integer", "minimum": 1, "maximum": MAX_WEIGHT,
        },
    },
}


def count_of(agents: t.Any) -> int | None:
    """How many agents the option ``agents`` says to wait for.

    :returns: None: they are to be started for the task
    """
    if isinstance(agents, dict):
        agents = agents.get("count")
    return agents if isinstance(agents, int) else None


@dataclasses.dataclass(frozen=True)
class Selection:
    """What an agent's labels must be, and what group they make it one of.

    With weights there is a group for each value of one label, and agents
    with another value, or without that label, are not used.
    """

    wanted: t.Mapping[str, t.Collection[str]] = dataclasses.field(
        default_factory=dict
    )
    by: str = ""  # the label that weights are by
    weights: t.Mapping[str, int] = dataclasses.field(default_factory=dict)

    @classmethod
    def of_config(cls, config: t.Mapping[str, t.Any]) -> Selection:
        """What the configuration of a distributed runner asks for."""
        agents = config.get("agents")
        select = agents.get("select", {}) if isinstance(agents, dict) else {}
        wanted = {
            key: (values,) if isinstance(values, str) else tuple(values)
            for key, values in select.items()
        }
        for by, weights in (config.get("weights") or {}).items():
            return cls(wanted, by, weights)
        return cls(wanted)

    def group_of(self, labels: Labels) -> str | None:
        """The group of an agent with these labels; None: it is not used."""
        for key, values in self.wanted.items():
            if labels.get(key) not in values:
                return None
        if not self.by:
            return ""
        value = labels.get(self.by)
        return value if value in self.weights else None

    def sizes(
        self, groups: t.Iterable[str], count: int
    ) -> dict[str, int] | None:
        """How many agents of each group are to begin.

        One of each group comes first, then those that were named first.

        :param groups: of the agents that there are, in the order of names
        :param count: how many are to begin
        :returns: None: there are too few, or none of some group
        """
        sizes = dict.fromkeys(self.weights or [""], 0)
        later: list[str] = []
        for group in groups:
            if sizes[group]:
                later.append(group)
            else:
                sizes[group] = 1
        left = count - len(sizes)
        if not all(sizes.values()) or len(later) < left:
            return None
        for group in later[:left]:
            sizes[group] += 1
        return sizes

    def shortfall(self, present: t.Sequence[Labels]) -> str:
        """What is wanted, and what labels the agents that came have.

        :returns: a part of a sentence; empty if labels do not matter
        """
        if not self.wanted and not self.by:
            return ""
        wanted = [
            "%s=%s" % (key, "|".join(values))
            for key, values in self.wanted.items()
        ]
        if self.by:
            wanted.append("%s=%s, one of each at least" % (
                self.by, "|".join(self.weights)
            ))
        return "; wanted are agents with %s, and these are there: %s" % (
            " and ".join(wanted), _counted(present)
        )


def _counted(present: t.Sequence[Labels]) -> str:
    """How many agents have which labels."""
    counts = collections.Counter(
        ",".join("%s=%s" % item for item in sorted(labels.items()))
        for labels in present
    )
    shown = [
        "%d with %s" % (count, text or "no label")
        for text, count in counts.most_common(SHOWN)
    ]
    if len(counts) > SHOWN:
        shown.append("others with %d more" % (len(counts) - SHOWN))
    return ", ".join(shown) or "none"
