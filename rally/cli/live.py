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
import io
import logging as std_logging
import os
import sys
import time
import typing as t

from rally.cli import fleet_lines
from rally.common import logging
from rally.task.processing import records
from rally.task.reporting import progress as progress_module

if t.TYPE_CHECKING:
    from rich import console as rich_console
    from rich import live as rich_live
    from rich import table as rich_table

LOG = logging.getLogger(__name__)

#: seconds between two lines in a log
LINE_INTERVAL_S = 5.0
#: agents shown one by one; more would push the rest off the screen
AGENTS_SHOWN = 12
BAR_WIDTH = 60


@contextlib.contextmanager
def view() -> t.Iterator[progress_module.Listener]:
    """The listener to give to an engine: a block if there is a terminal."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield LogLines()
        return
    from rich import console as rich_console

    screen = Screen(rich_console.Console(stderr=True))
    with screen, _logs_beside(screen):
        yield screen


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
        parts.append("%d agent(s)" % len(progress.agents))
    return ", ".join(parts)


def _done(progress: progress_module.Progress) -> str:
    if progress.asked is None:
        return "%d iterations" % progress.done
    return "%d of %d iterations" % (progress.done, progress.asked)


def _lost(progress: progress_module.Progress) -> str:
    """How many are lost, and why fewer may be done than a moment ago."""
    if not progress.withdrawn:
        return "%d lost" % progress.lost
    return "%d lost (%d of them had been counted as done)" % (
        progress.lost, progress.withdrawn
    )


def _percentiles(progress: progress_module.Progress) -> list[str]:
    values = (progress.p50, progress.p95, progress.p99)
    return ["n/a" if x is None else "%.3f" % x for x in values]


class Screen:
    """A block at the foot of a terminal.

    It is drawn by whoever calls ``on_progress``: there is no thread.
    """

    def __init__(self, console: rich_console.Console) -> None:
        self._console = console
        self._live: rich_live.Live | None = None

    def __enter__(self) -> Screen:
        from rich import live as rich_live

        self._live = rich_live.Live(
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        live, self._live = self._live, None
        if live is not None:
            live.stop()

    def on_progress(self, progress: progress_module.Progress) -> None:
        if self._live is not None:
            self._live.update(block(progress), refresh=True)

    def print_above(self, text: str) -> None:
        """Print *text* so that the block stays below it."""
        self._console.print(
            text, end="", markup=False, highlight=False, soft_wrap=True
        )


def block(progress: progress_module.Progress) -> rich_console.Group:
    """What the terminal shows of a progress."""
    from rich import console as rich_console
    from rich import text as rich_text

    head = rich_text.Text.assemble(
        ("%s " % progress.workload, "bold"),
        ("#%d  " % progress.position, "dim"),
        (progress.phase, "cyan"),
        ("  %s" % _clock(progress.elapsed_s), "dim"),
    )
    lines: list[t.Any] = [head, _numbers(progress)]
    if progress.asked:
        lines.insert(1, _bar(progress.done, progress.asked))
    for name, holds, detail in progress.sla:
        style = "green" if holds else "bold red"
        mark = "SLA holds" if holds else "SLA failed"
        if holds and records.NOTHING_TO_JUDGE in detail:
            style, mark = "dim", "SLA open"  # nothing ran that it is about
        lines.append(
            rich_text.Text.assemble(
                ("%s  " % mark, style), "%s  " % name, (detail, "dim")
            )
        )
    if len(progress.agents) <= AGENTS_SHOWN:
        lines += [_agents(progress.agents)] if progress.agents else []
    elif progress.fleet is not None:
        lines += fleet_lines.block(progress.agents, progress.fleet)
    lines += [
        rich_text.Text(problem, style="yellow")
        for problem in progress.problems[-3:]
    ]
    if progress.phase == "stopping":
        lines.append(
            rich_text.Text(
                "Stopping: running iterations end and are stored. Press "
                "Ctrl-C again to give up on them.",
                style="yellow",
            )
        )
    return rich_console.Group(*lines)


def _bar(done: int, asked: int) -> t.Any:
    from rich import text as rich_text

    filled = BAR_WIDTH * min(done, asked) // asked
    return rich_text.Text.assemble(
        ("━" * filled, "green"), ("━" * (BAR_WIDTH - filled), "dim")
    )


def _numbers(progress: progress_module.Progress) -> t.Any:
    from rich import text as rich_text

    failed_style = "bold red" if progress.failed else "dim"
    parts: list[t.Any] = [
        _done(progress),
        "   %.1f/s" % progress.rate,
        ("   %d failed" % progress.failed, failed_style),
    ]
    if progress.lost:
        parts.append(("   %s" % _lost(progress), "bold red"))
    if progress.p50 is not None:
        names = ("p50", "p95", "p99")
        shown = zip(names, _percentiles(progress), strict=True)
        parts.append("   " + "  ".join("%s %s s" % pair for pair in shown))
    return rich_text.Text.assemble(*parts)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return "%d:%02d:%02d" % (hours, minutes, rest)


def _agents(
    agents: t.Sequence[progress_module.AgentProgress],
) -> rich_table.Table:
    from rich import table as rich_table

    table = rich_table.Table(
        "agent", "state", "iterations", "per s", "clock offset", "lost",
        box=None,
        padding=(0, 2, 0, 0),
        header_style="dim",
    )
    for agent in agents:
        table.add_row(
            agent.name,
            agent.state,
            str(agent.iterations),
            "%.1f" % agent.rate,
            _offset(agent),
            str(agent.lost),
            style="red" if agent.lost else None,
        )
    return table


def _offset(agent: progress_module.AgentProgress) -> str:
    if agent.offset_s is None:
        return "n/a"
    error = 0.0 if agent.error_s is None else agent.error_s
    return "%+.3f ms ± %.3f" % (agent.offset_s * 1e3, error * 1e3)


class _Beside(io.TextIOBase):
    """A stream for logs that keeps the block in one piece.

    A child of this process writes to the terminal directly: it has a copy of
    the block's lock, which may have been held when it was forked.
    """

    def __init__(self, screen: Screen, terminal: t.TextIO) -> None:
        self._screen = screen
        self._terminal = terminal
        self._pid = os.getpid()

    def write(self, text: str) -> int:
        if os.getpid() == self._pid:
            self._screen.print_above(text)
        else:
            self._terminal.write(text)
        return len(text)

    def flush(self) -> None:
        self._terminal.flush()


@contextlib.contextmanager
def _logs_beside(screen: Screen) -> t.Iterator[None]:
    """Let logs that go to the terminal appear above the block."""
    terminal = t.cast(t.TextIO, sys.stderr)
    changed = [
        handler
        for handler in std_logging.getLogger().handlers
        if isinstance(handler, std_logging.StreamHandler)
        and handler.stream is terminal
    ]
    for handler in changed:
        handler.setStream(t.cast(t.Any, _Beside(screen, terminal)))
    try:
        yield
    finally:
        for handler in changed:
            handler.setStream(terminal)
