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

"""The agents of a run, as ``rally agent list`` shows them."""

from __future__ import annotations

import collections
import json
import pathlib
import sys
import time
import typing as t

import msgspec

from rally.cli import listing, terminal
from rally.common.counting import counted
from rally.task.distributed import (
    drain_request,
    fleet_folders,
    fleet_request,
)
from rally.task.distributed.fleet_request import Roster
from rally.task.distributed.security import labels
from rally.task.distributed.wire import messages

#: between two tables where there is no terminal
LINE_INTERVAL_S = 5.0
#: lines of a screen that are not agents
OTHER_LINES = 4

Row: t.TypeAlias = messages.AgentRow


def _offset(row: Row) -> str:
    if row.clock_offset_s is None:
        return "n/a"
    return "%+.3f±%.3f" % (
        row.clock_offset_s * 1e3, (row.clock_error_s or 0.0) * 1e3
    )


def _percent(row: Row) -> str:
    share = row.cpu_share
    return "n/a" if share is None else "%.0f%%" % (100 * share)


#: of the list, and how early a narrow terminal does without it
COLUMNS: t.Sequence[listing.Column[Row]] = (
    ("Name", lambda row: row.name, 0),
    ("State", lambda row: row.state, 0),
    ("Labels", lambda row: labels.text(row.labels), 2),
    ("Share", lambda row: str(row.share), 1),
    ("Done", lambda row: str(row.iterations), 4),
    ("Rate/s", lambda row: "%.1f" % row.rate, 0),
    ("CPU", _percent, 1),
    ("CPUs", lambda row: str(row.cpus), 6),
    ("Clock ms", _offset, 3),
    ("Spool", lambda row: str(row.spooled_chunks), 2),
    ("Lost", lambda row: str(row.lost), 1),
    ("Version", lambda row: row.version, 5),
    ("Host", lambda row: row.host, 7),
)


def table(
    rows: t.Sequence[Row], width: int = terminal.UNLIMITED
) -> list[str]:
    """Lines of a table.

    Columns that do not fit into *width* are left out, as are labels where
    nobody has one.
    """
    has_labels = any(row.labels for row in rows)
    columns = [
        each for each in COLUMNS if has_labels or each[0] != "Labels"
    ]
    return listing.lines_of(rows, columns, width)


def heading(fleet: Roster) -> str:
    """How many agents there are, and what they do together."""
    if fleet.problem:
        return "No controller answers (%s)." % fleet.problem
    states = collections.Counter(row.state for row in fleet.agents)
    return "%s: %s%s, %.1f/s" % (
        fleet.phase, counted(len(fleet.agents), "agent"),
        "".join(", %d %s" % (n, s) for s, n in states.most_common()),
        sum(row.rate for row in fleet.agents),
    )


def screen(fleet: Roster, width: int, height: int) -> list[str]:
    """What fits into a terminal; where not all do, the rare states do."""
    lines = [terminal.clipped(heading(fleet), width), ""]
    if not fleet.agents:
        return lines[:1]
    room = max(1, height - OTHER_LINES)
    more = len(fleet.agents) - room
    if more <= 0:
        return lines + table(fleet.agents, width)
    count = collections.Counter(row.state for row in fleet.agents)
    shown = sorted(fleet.agents, key=lambda row: count[row.state])[:room]
    return [*lines, *table(shown, width), "... and %d more" % more]


def as_json(fleet: Roster, address: str, task: str | None = None) -> str:
    """All that is known, on one line.

    :param address: of the controller
    :param task: uuid, if it is known
    """
    return json.dumps({
        "task": task,
        "controller": address,
        "phase": fleet.phase,
        "problem": fleet.problem or None,
        "agents": msgspec.to_builtins(fleet.agents),
    })


def show(
    address: str, keys: pathlib.Path | None, tojson: bool,
    busy: Exception | None = None, task: str | None = None,
) -> None:
    """Show the agents of the controller that runs on this host.

    :param busy: why this process cannot be the controller itself
    :param task: uuid of what it runs, if that is known
    :raises Exception: *busy*, if no controller answers
    :raises NoController: without *busy*
    """
    try:
        fleet = fleet_request.ask(address, keys)
    except drain_request.NoController as e:
        raise busy or e from None
    if tojson:
        print(as_json(fleet, address, task))
        return
    terminal.say(heading(fleet))
    print("\n".join(["", *table(fleet.agents, terminal.width())]))


def show_all(
    fleets: t.Sequence[fleet_folders.FleetInUse], tojson: bool
) -> None:
    """Show the agents that tasks on this host have started for themselves.

    :raises NoController: one does not answer; the others are shown
    """
    silent: list[drain_request.NoController] = []
    for number, fleet in enumerate(fleets):
        if len(fleets) > 1 and not tojson:
            print("\n" * (number > 0), end="")
            terminal.say("Task %s, %s" % (fleet.task, fleet.address))
        try:
            show(fleet.address, fleet.keys, tojson, task=fleet.task)
        except drain_request.NoController as e:
            silent.append(e)
    if silent:
        raise silent[0]


def watch(address: str, keys: pathlib.Path | None, tojson: bool) -> None:
    """Show the agents of runs until somebody presses Ctrl-C."""
    try:
        if tojson:
            fleet_request.watch(
                address, keys,
                lambda fleet: print(as_json(fleet, address), flush=True),
            )
        elif terminal.can_redraw(sys.stdout):
            _watch_on_screen(address, keys)
        else:
            fleet_request.watch(address, keys, Lines())
    except KeyboardInterrupt:
        return


def _watch_on_screen(address: str, keys: pathlib.Path | None) -> None:
    from rich import console as rich_console
    from rich import live as rich_live
    from rich import text as rich_text

    console = rich_console.Console()
    with rich_live.Live(
        console=console, auto_refresh=False, screen=True
    ) as live:
        def draw(fleet: Roster) -> None:
            lines = screen(fleet, console.width, console.height)
            text = rich_text.Text("\n".join(lines), no_wrap=True)
            live.update(text, refresh=True)

        fleet_request.watch(address, keys, draw)


class Lines:
    """Prints a table now and then, and at once if somebody comes or goes."""

    def __init__(self, clock: t.Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next_s = 0.0
        self._seen: t.Any = None

    def __call__(self, fleet: Roster) -> None:
        seen = fleet.problem, [(row.name, row.state) for row in fleet.agents]
        now = self._clock()
        if seen == self._seen and now < self._next_s:
            return
        self._seen, self._next_s = seen, now + LINE_INTERVAL_S
        lines = table(fleet.agents, terminal.width())
        print("\n".join([heading(fleet), *lines, ""]), flush=True)
