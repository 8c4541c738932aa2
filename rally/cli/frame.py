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

"""Lines at the foot of a terminal that are drawn over, below what scrolls.

A ``Screen`` is what a command draws on. Whatever else this process and its
children write to the terminal meanwhile, logs and what plugins print, comes
to it through a ``detour`` and appears above the lines.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import threading
import typing as t

from rally.cli import detour, terminal

if t.TYPE_CHECKING:
    from rich import text as rich_text

    Line: t.TypeAlias = str | rich_text.Text

Size: t.TypeAlias = t.Callable[[], os.terminal_size]

#: colours may pass; what moves the cursor may not
_COLOURS = re.compile(r"\x1b\[[\d;]*m")
_SEQUENCES = re.compile(
    r"\x1b(\[[\x30-\x3f]*[\x20-\x2f]*[\x40-\x7e]"
    r"|[\]PX^_].*?(\x1b\\|\x07|$)|[\x20-\x2f]*[\x30-\x7e])"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f]")
_PLAIN = "\x1b[0m"


class Frame:
    """Draws lines over those that it drew before.

    The cursor is below them, where a terminal shows what is typed.

    :param out: of the terminal
    :param size: of it, now
    """

    def __init__(self, out: t.TextIO, size: Size) -> None:
        from rich import console as rich_console

        self._out = out
        self._size = size
        self._console = rich_console.Console(file=out)
        self._lock = threading.Lock()
        self._widths: list[int] = []  # of the lines that are to be seen
        self._drawn = ""

    def size(self) -> os.terminal_size:
        """Room that lines have."""
        columns, lines = self._size()
        return os.terminal_size((
            max(terminal.NARROWEST, columns), max(2, lines - 1)
        ))

    def draw(self, lines: t.Sequence[Line]) -> None:
        """Show these lines; what does not fit is left out."""
        most = self.size().lines
        columns = max(1, self._size().columns)
        shown = [self._styled(line, columns) for line in lines[:most]]
        with self._lock:
            erased = self._erasure()
            self._widths = [width for width, _ in shown]
            self._drawn = "".join("%s\n" % text for _, text in shown)
            self._write(erased + self._drawn)

    def print_above(self, text: str) -> None:
        """Show whole lines, which scroll away in time."""
        with self._lock:
            self._write(self._erasure() + _harmless(text) + self._drawn)

    def close(self, is_kept: bool = False) -> None:
        """Take the lines away, or let them stay where they are."""
        with self._lock:
            if not is_kept:
                self._write(self._erasure())
            self._widths, self._drawn = [], ""

    def _styled(self, line: Line, columns: int) -> tuple[int, str]:
        """Width of a line, and it with the codes for its colours."""
        from rich import text as rich_text

        text = rich_text.Text(line) if isinstance(line, str) else line
        text = text.copy()
        if terminal.cells(text.plain) > columns:
            text.truncate(columns)
        text.rstrip()
        with self._console.capture() as capture:
            self._console.print(
                text, end="", soft_wrap=True, markup=False, highlight=False,
                emoji=False,
            )
        return terminal.cells(text.plain), capture.get()

    def _erasure(self) -> str:
        """What takes the lines away.

        A terminal that has become narrower has broken them. They are erased
        one by one: some terminals, tmux for one, take what is cleared from
        the first line on for a screen to keep, and let it scroll away.
        """
        columns = max(1, self._size().columns)
        rows = sum(max(1, -(-width // columns)) for width in self._widths)
        return "\r\x1b[K" + rows * "\x1b[A\x1b[K"

    def _write(self, text: str) -> None:
        # a terminal that is gone is no reason to end a run
        try:
            self._out.write(text)
            self._out.flush()
        except (OSError, ValueError):
            with contextlib.suppress(OSError, ValueError):
                terminal.discard_rest(self._out)


def _harmless(text: str) -> str:
    """*text* as it may appear above a frame: it ends with a line, and does
    not leave the line that it is on.

    Of a progress bar, which returns to the begin of its line, the end stays.
    """
    lines = []
    for line in text.removesuffix("\n").split("\n"):
        line = line.rstrip("\r").rpartition("\r")[2]
        if "\x1b" in line:
            line = _SEQUENCES.sub(
                lambda found: found[0] if _COLOURS.fullmatch(found[0]) else "",
                line,
            ) + _PLAIN
        lines.append(_CONTROLS.sub("", line))
    return "".join("%s\n" % line for line in lines)


@contextlib.contextmanager
def on_terminal(
    stream: t.TextIO, is_kept: bool = False
) -> t.Iterator[Frame]:
    """A frame on the terminal of *stream*, below all that is written to it.

    :param is_kept: whether what was drawn last stays
    """
    fd = stream.fileno()
    fds = [fd] + [
        other.fileno() for other in (sys.stdout, sys.stderr)
        if other is not stream and terminal.is_terminal(other)
        and os.fstat(other.fileno()).st_rdev == os.fstat(fd).st_rdev
    ]
    out = os.fdopen(
        os.dup(fd), "w", encoding=stream.encoding, errors="replace"
    )
    frame = Frame(out, lambda: _size_of(out.fileno()))
    with detour.through(fds, frame.print_above, out.close):
        try:
            yield frame
        finally:
            frame.close(is_kept)


def _size_of(fd: int) -> os.terminal_size:
    """As it is now; COLUMNS and LINES of the environment do not change."""
    try:
        size = os.get_terminal_size(fd)
    except OSError:
        size = os.terminal_size((0, 0))
    return os.terminal_size((size.columns or 80, size.lines or 24))
