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

"""The progress of a task while it runs.

On a terminal a block at its foot is redrawn; elsewhere a line goes to the
log now and then. A worker process is a fork of this one, perhaps while the
block is being drawn, so nothing here may be used in a child.
"""

from __future__ import annotations

import contextlib
import sys
import time
import typing as t

from rally.cli import fleet_lines, listing, terminal
from rally.common import logging
from rally.common.counting import counted
from rally.task.processing import records
from rally.task.reporting import progress as progress_module

if t.TYPE_CHECKING:
    from rich import text as rich_text

    from rally.cli import frame as frame_module

LOG = logging.getLogger(__name__)

#: seconds between two lines in a log
LINE_INTERVAL_S = 5.0
#: agents shown one by one; more would push the rest off the screen
AGENTS_SHOWN = 12
PROBLEMS_SHOWN = 3
#: lines of one problem
PROBLEM_LINES = 3
BAR_WIDTH = 60
#: of the name of a workload, however narrow the terminal is
LEAST_NAME = 12

STOPPING = (
    "Stopping: running iterations end and are stored. Press Ctrl-C again to "
    "give up on them."
)


@contextlib.contextmanager
def view() -> t.Iterator[progress_module.Listener]:
    """The listener to give to an engine: a block if there is a terminal."""
    if not terminal.can_redraw(sys.stderr):
        yield LogLines()
        return
    from rally.cli import frame as frame_module

    with frame_module.on_terminal(sys.stderr) as frame:
        yield LiveBlock(frame)


class LogLines:
    """A line in the log whenever the phase changes, else every 5 s.

    :param clock: seconds, never going back
    """

    def __init__(self, clock: t.Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told: tuple[str, int, str] | None = None
        self._next = 0.0

    def on_progress(self, progress: progress_module.Progress) -> None:
        state = (progress.workload, progress.position, progress.phase)
        now = self._clock()
        if state == self._told and now < self._next:
            return
        self._told, self._next = state, now + LINE_INTERVAL_S
        LOG.info(summary(progress))


def summary(progress: progress_module.Progress) -> str:
    """All of a progress that fits into one line."""
    parts = [
        "%s (position %d): %s"
        % (progress.workload, progress.position, progress.phase),
        _done(progress),
        "%.1f/s" % progress.rate,
        "%d failed" % progress.failed,
    ]
    if progress.lost:
        parts.append(_lost(progress))
    if progress.p50 is not None:
        parts.append("p50/p95/p99 %s s" % "/".join(_percentiles(progress)))
    failing = [name for name, holds, _ in progress.sla if not holds]
    if failing:
        parts.append("SLA failed: %s" % ", ".join(failing))
    if progress.agents:
        parts.append(counted(len(progress.agents), "agent"))
    return ", ".join(parts)


def _done(progress: progress_module.Progress) -> str:
    if progress.asked is None:
        return counted(progress.done, "iteration")
    return "%d of %s" % (progress.done, counted(progress.asked, "iteration"))


def _lost(progress: progress_module.Progress) -> str:
    """How many are lost, and why fewer may be done than a moment ago."""
    if not progress.withdrawn:
        return "%d lost" % progress.lost
    return "%d lost (%d of them had been counted as done)" % (
        progress.lost, progress.withdrawn
    )


def _percentiles(progress: progress_module.Progress) -> list[str]:
    values = (progress.p50, progress.p95, progress.p99)
    return [fleet_lines.seconds(x) for x in values]


class LiveBlock:
    """Draws what is told of a task into a frame.

    It is drawn by whoever calls ``on_progress``.
    """

    def __init__(self, frame: frame_module.Frame) -> None:
        self._frame = frame

    def on_progress(self, progress: progress_module.Progress) -> None:
        columns, lines = self._frame.size()
        self._frame.draw(block(progress, columns, lines))


def block(
    progress: progress_module.Progress, width: int, height: int = 1000
) -> list[rich_text.Text]:
    """Lines that a terminal shows of a progress.

    :param height: if the agents would take more, fewer of them are shown
    """
    lines = [_head(progress, width)]
    if progress.asked:
        lines.append(_bar(progress.done, progress.asked, width))
    lines += _numbers(progress, width)
    for criterion in progress.sla:
        lines += _criterion(progress, criterion, width)
    foot = [
        _styled(line, "yellow")
        for problem in progress.problems[-PROBLEMS_SHOWN:]
        for line in _clipped(problem, width, PROBLEM_LINES)
    ]
    if progress.phase == "stopping":
        foot += [
            _styled(line, "yellow") for line in terminal.broken(
                STOPPING, width
            )
        ]
    room = height - len(lines) - len(foot)
    return lines + _agents(progress, width, room)[:max(0, room)] + foot


def _styled(text: str, style: str = "") -> rich_text.Text:
    from rich import text as rich_text

    return rich_text.Text(text, style)


def _assembled(*parts: tuple[str, str]) -> rich_text.Text:
    from rich import text as rich_text

    return rich_text.Text.assemble(*parts)


def _clipped(text: str, width: int, most: int) -> list[str]:
    """The first lines of a long text."""
    text = terminal.printable(text)
    lines = terminal.broken(text, width)
    if len(lines) <= most:
        return lines
    rest = " ".join(line.strip() for line in lines[most - 1:])
    return [*lines[:most - 1], terminal.clipped(rest, width)]


def _head(progress: progress_module.Progress, width: int) -> rich_text.Text:
    position = " #%d" % progress.position
    rest = [
        (position, "dim"), ("  " + progress.phase, "cyan"),
        ("  " + _clock(progress.elapsed_s), "dim"),
    ]
    room = width - sum(terminal.cells(text) for text, _ in rest)
    while room < LEAST_NAME and rest:
        text, _ = rest.pop()
        room += terminal.cells(text)
    name = terminal.shortened(terminal.printable(progress.workload), room)
    return _assembled((name, "bold"), *rest)


def _bar(done: int, asked: int, width: int) -> rich_text.Text:
    width = min(BAR_WIDTH, width)
    filled = width * min(done, asked) // asked
    return _assembled(
        ("\N{BOX DRAWINGS HEAVY HORIZONTAL}" * filled, "green"),
        ("\N{BOX DRAWINGS LIGHT HORIZONTAL}" * (width - filled), "dim"),
    )


def _numbers(
    progress: progress_module.Progress, width: int
) -> list[rich_text.Text]:
    """As many in a line as it has room for."""
    parts = [
        (_done(progress), ""),
        ("%.1f/s" % progress.rate, ""),
        (
            "%d failed" % progress.failed,
            "bold red" if progress.failed else "dim",
        ),
    ]
    if progress.lost:
        parts.append((_lost(progress), "bold red"))
    if progress.p50 is not None:
        shown = zip(("p50", "p95", "p99"), _percentiles(progress))
        parts.append(("  ".join("%s %s s" % pair for pair in shown), ""))
    lines = [_styled("")]
    for text, style in parts:
        text = terminal.clipped(text, width)
        gap = "   " if lines[-1] else ""
        if terminal.cells(lines[-1].plain + gap + text) > width and gap:
            lines.append(_styled(""))
            gap = ""
        lines[-1].append(gap)
        lines[-1].append(text, style)
    return lines


def _criterion(
    progress: progress_module.Progress,
    criterion: tuple[str, bool, str],
    width: int,
) -> list[rich_text.Text]:
    """One line, and more of what does not hold."""
    name, holds, detail = criterion
    style, mark = ("green", "SLA holds") if holds else (
        "bold red", "SLA failed"
    )
    # nothing ran that it is about
    if holds and (
        not progress.done or records.NOTHING_TO_JUDGE in detail
    ):
        style, mark = "dim", "SLA open"
    text = "%s  %s  %s" % (mark, name, " ".join(detail.split()))
    first, *more = _clipped(text, width, 1 if holds else PROBLEM_LINES)
    line = _styled(first)
    line.stylize(style, 0, len(mark))
    line.stylize("dim", len(mark) + len(name) + 4)
    return [line, *(_styled(each, "dim") for each in more)]


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return "%d:%02d:%02d" % (hours, minutes, rest)


#: label, what it shows, and how early a narrow terminal does without it
_AGENT_COLUMNS: t.Sequence[
    listing.Column[progress_module.AgentProgress]
] = (
    ("agent", lambda agent: agent.name, 0),
    ("state", lambda agent: agent.state, 0),
    ("iterations", lambda agent: str(agent.iterations), 1),
    ("per s", lambda agent: "%.1f" % agent.rate, 0),
    ("clock offset", lambda agent: _offset(agent), 2),
    ("lost", lambda agent: str(agent.lost), 0),
)


def _agents(
    progress: progress_module.Progress, width: int, room: int
) -> list[rich_text.Text]:
    """One by one, or a fleet by label if they are too many."""
    agents = progress.agents
    if not agents:
        return []
    if len(agents) > AGENTS_SHOWN and progress.fleet is not None:
        return fleet_lines.block(agents, progress.fleet, width)
    if room < 3:
        return [_styled(counted(len(agents), "agent"), "dim")]
    # one line is for the labels, and one for how many more there are
    shown = agents if len(agents) < room else agents[:room - 2]
    head, *rows = listing.lines_of(shown, _AGENT_COLUMNS, width)
    lines = [_styled(head, "dim")] + [
        _styled(row, "red" if agent.lost else "")
        for row, agent in zip(rows, shown)
    ]
    if len(shown) < len(agents):
        lines.append(
            _styled("... and %d more" % (len(agents) - len(shown)), "dim")
        )
    return lines


def _offset(agent: progress_module.AgentProgress) -> str:
    if agent.offset_s is None:
        return "n/a"
    error = 0.0 if agent.error_s is None else agent.error_s
    return "%+.3f ms ± %.3f" % (agent.offset_s * 1e3, error * 1e3)
