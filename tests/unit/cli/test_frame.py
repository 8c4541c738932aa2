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

"""Lines at the foot of a terminal, and what passes above them."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
import tempfile

import ddt

from rally.cli import detour, frame
from tests import screens
from tests.unit import test

LINES = ["a frame of two lines", "of which this is the second"]


@ddt.ddt
class FrameTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        self.terminal = screens.Emulator(40, 8)
        self.size = os.terminal_size((40, 8))
        self.writer = screens.Writer(self.terminal)
        self.frame = frame.Frame(self.writer, lambda: self.size)

    def test_is_drawn_over_what_it_was(self):
        for number in range(5):
            self.frame.draw([*LINES, str(number)])
        self.assertEqual([*LINES, "4"], self.terminal.lines())
        self.frame.draw(LINES[:1])
        self.assertEqual(LINES[:1], self.terminal.lines())

    @ddt.data(1, 30)
    def test_nothing_of_it_is_left_behind_by_lines_above(self, count):
        self.frame.draw(LINES)
        said = ["line %d" % i for i in range(count)]
        for line in said:
            self.frame.print_above(line + "\n")
        self.assertEqual([*said, *LINES], self.terminal.lines())
        self.frame.close()
        self.assertEqual(said, self.terminal.lines())

    def test_a_terminal_that_is_gone_fails_nothing(self):
        master, slave = pty.openpty()
        out = os.fdopen(slave, "w")
        drawn = frame.Frame(out, lambda: self.size)
        drawn.draw(LINES)

        os.close(master)

        for _ in range(3):
            drawn.draw(LINES)
            drawn.print_above("a line\n")
        drawn.close()
        out.close()

    def test_it_stays_if_that_is_wanted(self):
        self.frame.draw(LINES)
        self.frame.close(is_kept=True)
        self.frame.print_above("after it\n")
        self.assertEqual([*LINES, "after it"], self.terminal.lines())

    def test_no_more_lines_are_drawn_than_there_are(self):
        for _ in range(3):
            self.frame.draw([str(i) for i in range(20)])
        self.assertEqual(
            [str(i) for i in range(7)], self.terminal.lines()
        )

    def test_a_terminal_that_became_narrower_has_broken_it(self):
        self.frame.print_above("above\n")
        self.frame.draw(["x" * 35, "y" * 10])
        narrow = screens.Emulator(20, 8)
        narrow.feed("\n".join([*self.terminal.lines(), ""]))  # as it does
        self.size = os.terminal_size((20, 8))
        self.writer.emulator = narrow
        self.frame.draw(["z" * 50])
        self.assertEqual(["above", "z" * 20], narrow.lines())

    def test_texts_of_others_move_no_cursor(self):
        self.frame.draw(LINES)
        self.frame.print_above(
            "10 %\r50 %\r100 %\n\x1b[2J\x1b[31mred\x1b[0m\x07\n"
        )
        self.assertEqual(["100 %", "red", *LINES], self.terminal.lines())


class DetourTestCase(test.TestCase):
    """All that is written to a descriptor comes through."""

    def setUp(self):
        super().setUp()
        self.file = tempfile.TemporaryFile()  # noqa: SIM115
        self.addCleanup(self.file.close)
        self.taken = []

    def through(self):
        return detour.through(
            [self.file.fileno()], self.taken.append, lambda: None
        )

    def write(self, text):
        os.write(self.file.fileno(), text.encode())

    def test_also_of_children(self):
        with self.through():
            self.write("own\n")
            subprocess.run(
                [sys.executable, "-c", "print('of a program')"],
                stdout=self.file.fileno(), check=True,
            )
            pid = os.fork()
            if not pid:
                self.write("of a fork\n")
                os._exit(0)
            os.waitpid(pid, 0)
        self.write("later")
        self.assertEqual(
            "own\nof a program\nof a fork\n", "".join(self.taken)
        )
        self.file.seek(0)
        self.assertEqual(b"later", self.file.read())

    def test_an_unfinished_line_is_given_at_the_end(self):
        with self.through():
            self.write("no end")
        self.assertEqual(["no end\n"], self.taken)

    def test_much_is_not_lost(self):
        with self.through():
            for i in range(20_000):
                self.write("line %d\n" % i)
        self.assertEqual(
            ["line %d" % i for i in range(20_000)],
            "".join(self.taken).splitlines(),
        )

    def test_a_fork_does_not_hold_the_end_that_is_read(self):
        with self.through():
            pid = os.fork()
            if not pid:
                pipe = os.readlink("/proc/self/fd/%d" % self.file.fileno())
                ends = [
                    os.readlink("/proc/self/fd/" + name)
                    for name in os.listdir("/proc/self/fd")
                    if os.path.exists("/proc/self/fd/" + name)
                ]
                os._exit(ends.count(pipe))
            _, status = os.waitpid(pid, 0)
        self.assertEqual(1, os.waitstatus_to_exitcode(status))


class OnTerminalTestCase(test.TestCase):
    def test_prints_of_a_child_are_above_the_frame(self):
        ours, theirs = pty.openpty()
        stream = os.fdopen(theirs, "w")
        self.addCleanup(os.close, ours)
        with stream, frame.on_terminal(stream) as shown:
            shown.draw(LINES)
            subprocess.run(
                ["sh", "-c", "echo one; echo two"], check=True,
                stdout=stream.fileno(),
            )
        emulator = screens.Emulator(80)
        with contextlib.suppress(OSError):  # all was read
            while data := os.read(ours, 100_000):
                emulator.feed(data)
        self.assertEqual(["one", "two"], emulator.lines())
