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

"""A fleet by label, and the agents that stand out, in words."""

from __future__ import annotations

import dataclasses
import typing as t

from rally.cli import listing, terminal
from rally.common.counting import counted, listed

if t.TYPE_CHECKING:
    from rich import text as rich_text

    from rally.task.reporting import progress as progress_module

Values: t.TypeAlias = t.Mapping[str, t.Any]

#: of a group, as records have them
GROUP_FIELDS = (
    "label", "value", "agents", "iterations", "failed", "lost", "p50", "p95",
    "p99",
)
#: durations below are told to ten microseconds: a request in a data centre
SHORT_S = 0.01
#: agents named in one line, and groups in a block
NAMED = 5
GROUPS = 12
#: before what continues a sentence
GAP = "  "



#: of a group, and how early a narrow terminal does without it
_COLUMNS: t.Sequence[listing.Column[progress_module.GroupProgress]] = (
    ("group", lambda group: _name(group.label, group.value), 0),
    ("agents", lambda group: str(group.agents), 2),
    ("iterations", lambda group: str(group.iterations), 3),
    ("per s", lambda group: "%.1f" % group.rate, 0),
    ("failed", lambda group: str(group.failed), 0),
    ("p50", lambda group: seconds(group.p50), 1),
    ("p95", lambda group: seconds(group.p95), 1),
    ("p99", lambda group: seconds(group.p99), 1),
    ("lost", lambda group: str(group.lost), 0),
)


def block(
    agents: t.Sequence[progress_module.AgentProgress],
    fleet: progress_module.FleetView,
    width: int,
) -> list[rich_text.Text]:
    """What a terminal shows of a fleet that does not fit in."""
    from rich import text as rich_text

    shown = fleet.groups[:GROUPS]
    head, *rows = listing.lines_of(shown, _COLUMNS, width)
    lines = [rich_text.Text(head, "dim")] + [
        rich_text.Text(row, "red" if group.lost else "")
        for row, group in zip(rows, shown)
    ]
    more = len(fleet.groups) - len(shown)
    if more:
        lines.append(rich_text.Text(counted(more, "more group"), "dim"))
    lost = [agent.name for agent in agents if agent.state == "lost"]
    said = [
        *([("Lost: %s" % names(lost))] if lost else []),
        *_standing_out(
            ["%s (median %s s)" % (name, seconds(median))
             for name, median in fleet.slowest],
            fleet.saturated,
            [dataclasses.asdict(each) for each in fleet.odd],
        ),
    ]
    return lines + [
        rich_text.Text(line, "yellow")
        for sentence in said
        for line in terminal.broken(terminal.printable(sentence), width, GAP)
    ]


def of_record(info: Values) -> list[str]:
    """A fleet as it was stored with a workload."""
    groups = info.get("by_label") or ()
    lines = [
        "%s: %s, %s, %d failed, p50/p95/p99 %s s%s" % (
            _name(group["label"], group["value"]),
            counted(group["agents"], "agent"),
            counted(group["iterations"], "iteration"), group["failed"],
            "/".join(seconds(group[key]) for key in ("p50", "p95", "p99")),
            ", %d lost" % group["lost"] if group["lost"] else "",
        )
        for group in groups[:GROUPS]
    ]
    if len(groups) > GROUPS:
        lines.append(counted(len(groups) - GROUPS, "more group"))
    return lines + standing_out(info)


def standing_out(info: Values) -> list[str]:
    """Sentences on agents that stand out, from what was stored."""
    return _standing_out(
        info.get("slowest_agents") or (),
        info.get("generator_limited") or () if info.get("agents") else (),
        info.get("odd_agents") or (),
    )


def _standing_out(
    slowest: t.Sequence[str], saturated: t.Sequence[str],
    odd: t.Sequence[Values],
) -> list[str]:
    found = [
        ("Slowest: %s", slowest),
        ("Saturated, so they limit the load: %s", saturated),
        ("Odd, beyond chance: %s", [
            "%s (%s, %.0f %%)" % (
                each["name"],
                "slower" if each["effect"] > 0 else "faster",
                100 * (0.5 + abs(each["effect"])),
            )
            for each in odd
        ]),
    ]
    return [text % names(who) for text, who in found if who]


def names(all_: t.Sequence[str]) -> str:
    """A few names, and how many more there are."""
    return listed(all_, NAMED)


def _name(label: str, value: str) -> str:
    return "%s=%s" % (label, value) if label else "all"


def seconds(value: float | None) -> str:
    """A duration: to the millisecond, or more exactly if it is short."""
    if value is None:
        return "n/a"
    return "%.3f" % value if value >= SHORT_S or not value else "%.5f" % value
