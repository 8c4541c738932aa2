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

"""What fits into a terminal.

Widths are counted in cells of the screen, of which a character takes none,
one or two. Output that goes elsewhere, to a file or to another program, is
never cut, broken or turned: there, a line may have any length.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import typing as t

#: columns where the output goes elsewhere
UNLIMITED = 10_000
#: narrower ones are written to as if they had these
NARROWEST = 24
TAB = 4
ELLIPSIS = "..."

#: what a name may be broken after, if it has to be
_JOINTS = re.compile(r"(?<=[_./:,@-])(?=[^_./:,@-])")
#: moves the cursor, rings a bell, or worse
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


def is_terminal(stream: t.Any) -> bool:
    """Whether a person looks at *stream*."""
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):  # none, or it is closed
        return False


def discard_rest(stream: t.TextIO) -> None:
    """Let what is still buffered go nowhere: whoever flushes it would fail.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, stream.fileno())
    finally:
        os.close(nowhere)


def can_redraw(stream: t.Any) -> bool:
    """Whether lines that *stream* has got can be written over."""
    return is_terminal(stream) and os.environ.get("TERM") not in (
        None, "", "dumb", "unknown",
    )


def width(stream: t.Any = None) -> int:
    """Columns of the terminal; ``UNLIMITED`` if the output goes elsewhere.

    :param stream: standard output by default
    """
    if not is_terminal(sys.stdout if stream is None else stream):
        return UNLIMITED
    return max(NARROWEST, shutil.get_terminal_size().columns)


def cells(text: str) -> int:
    """Cells that a line takes."""
    if text.isascii():  # the rule, and there each takes one
        return len(text)
    import wcwidth

    return max(0, wcwidth.width(text, control_codes="ignore"))


def filled(text: str, width: int) -> str:
    """*text* with blanks up to *width*."""
    return text + " " * (width - cells(text))


def printable(text: str) -> str:
    """*text*, in which what would move the cursor can be seen instead."""
    return _CONTROLS.sub(
        lambda found: found[0].encode("unicode_escape").decode(),
        text.expandtabs(TAB),
    )


def shortened(text: str, width: int) -> str:
    """A name in *width* cells: its middle says the least."""
    if cells(text) <= width:
        return text
    if width <= len(ELLIPSIS):
        return _head(text, width)
    room = width - len(ELLIPSIS)
    tail = _end(text, room // 2)
    return _head(text, room - cells(tail)) + ELLIPSIS + tail


def shortened_alike(names: t.Sequence[str], width: int) -> list[str]:
    """Names in *width* cells that can still be told apart, if possible."""
    for way in (clipped, _without_head, shortened):
        found = [way(name, width) for name in names]
        if len(set(found)) == len(set(names)):
            return found
    return found


def clipped(text: str, width: int) -> str:
    """A sentence in *width* cells: its beginning."""
    if cells(text) <= width:
        return text
    return _head(text, width - len(ELLIPSIS)) + ELLIPSIS


def _without_head(text: str, width: int) -> str:
    if cells(text) <= width:
        return text
    return ELLIPSIS + _end(text, width - len(ELLIPSIS))


def _end(text: str, width: int) -> str:
    taken = ""
    for each in reversed(list(_graphemes(text))):
        if cells(each + taken) > width:
            break
        taken = each + taken
    return taken


def _head(text: str, width: int) -> str:
    taken = ""
    for each in _graphemes(text):
        if cells(taken + each) > width:
            break
        taken += each
    return taken


def _graphemes(text: str) -> t.Iterable[str]:
    if text.isascii():
        return text
    import wcwidth

    return wcwidth.iter_graphemes(text)


def broken(text: str, width: int, indent: str = "") -> list[str]:
    """Lines of at most *width* cells, broken between words if possible.

    :param indent: of the lines that follow one that was broken, beside the
        blanks which that begins with
    """
    lines: list[str] = []
    for line in text.split("\n"):
        lines += _broken(line, width, indent)
    return lines


def _broken(line: str, width: int, indent: str) -> list[str]:
    line = line.expandtabs(TAB)
    if cells(line) <= width:
        return [line]
    line = line.rstrip()
    words = line.lstrip(" ")
    begin = line[:len(line) - len(words)]
    indent = begin + indent
    if len(indent) > width // 2:  # too narrow for that
        begin = indent = ""
    lines, current, is_empty = [], begin, True
    for word in words.split(" "):
        if is_empty and not word:
            continue
        joined = current + word if is_empty else "%s %s" % (current, word)
        if cells(joined) <= width:
            current, is_empty = joined, False
            continue
        if not is_empty:
            lines.append(current.rstrip())
            current, is_empty = indent, True
        if not word:
            continue
        *full, rest = _cut(word, width - len(indent))
        for part in full:
            lines.append(current + part)
            current = indent
        current, is_empty = current + rest, False
    return [*lines, current]


def _cut(word: str, width: int) -> list[str]:
    """Parts of a word that is longer than a line, at its joints if it has
    any."""
    parts = [""]
    for piece in _JOINTS.split(word):
        if cells(parts[-1] + piece) <= width:
            parts[-1] += piece
            continue
        if parts[-1]:
            parts.append("")
        for each in _graphemes(piece):
            if cells(parts[-1] + each) > width:
                parts.append("")
            parts[-1] += each
    return parts


def longest_word(text: str) -> int:
    """Cells of the narrowest column that *text* can be broken into."""
    return max(map(cells, text.split()), default=0)


def say(text: str = "", indent: str = "") -> None:
    """Print a text for people, broken into lines that fit."""
    room = width()
    if room == UNLIMITED:
        print(text)
    else:
        print("\n".join(broken(text, room, indent)))


def command(line: str) -> str:
    """A command line to copy, broken as a shell understands it.

    It begins with a tab, as commands in what Rally prints do.
    """
    room = width()
    if cells(line) + 8 <= room:
        return "\t" + line
    join = " \\"
    room -= len(join)
    # a word that is cut could not be copied any more
    longest = longest_word(line)
    begin = " " * min(TAB, max(0, room - longest) // 2)
    lines = broken(line, max(room - 2 * len(begin), longest))
    return (join + "\n").join(
        begin * (1 if i == 0 else 2) + each for i, each in enumerate(lines)
    )
