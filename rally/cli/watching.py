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

"""Shows something that changes, until it is over or Ctrl-C is pressed."""

from __future__ import annotations

import sys
import threading
import typing as t

from rally.cli import terminal
from rally.common.counting import counted

#: between two looks
INTERVAL_S = 1.0

#: what to say in how many columns -> lines, and whether they will not change
#: any more
Look: t.TypeAlias = t.Callable[[int], tuple[list[str], bool]]


def watch(look: Look, interval_s: float = INTERVAL_S) -> None:
    """Call *look* once in a while and show what it returns.

    On a terminal the lines are drawn over those before; elsewhere they are
    printed if they have changed.
    """
    try:
        if terminal.can_redraw(sys.stdout):
            _draw(look, interval_s)
        else:
            _print(look, interval_s)
    except KeyboardInterrupt:
        return


def _draw(look: Look, interval_s: float) -> None:
    from rally.cli import frame as frame_module

    with frame_module.on_terminal(sys.stdout, is_kept=True) as frame:
        for lines in _looks(look, lambda: frame.size().columns, interval_s):
            frame.draw(_shown(lines, frame.size().lines))


def _shown(lines: list[str], most: int) -> list[str]:
    """The first lines and the last ones, which are about what runs now."""
    if len(lines) <= most:
        return lines
    last = most // 2
    first = most - last - 1
    return [
        *lines[:first],
        "... %s ..." % counted(len(lines) - first - last, "more line"),
        *lines[len(lines) - last:],
    ]


def _print(look: Look, interval_s: float) -> None:
    before: list[str] = []
    for lines in _looks(look, terminal.width, interval_s):
        if lines != before:
            print("\n".join(lines), flush=True)
        before = lines


def _looks(
    look: Look, width: t.Callable[[], int], interval_s: float
) -> t.Iterator[list[str]]:
    pause = threading.Event()  # nobody sets it: a database tells nothing
    while True:
        lines, is_last = look(width())
        yield lines
        if is_last:
            return
        pause.wait(interval_s)
