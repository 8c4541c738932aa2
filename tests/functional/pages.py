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

"""Plays a page of the documentation, as a reader would.

What a page has to look like:

* A file to write is a paragraph with its name, ````name````:, and the code
  block that follows. A name that begins with ``~/`` is below the home.
* A block of ``console`` has commands after ``$``, each followed by what it
  prints. All commands of a page run in one shell. One without output may
  print anything. What is shown has to be all that goes to standard output;
  ``...`` stands for anything in a line, and alone in a line for any lines.
  Figures, identifiers and widths are not compared.
* A command has to succeed, unless the next one is ``$ echo $?``, which shows
  the exit status.
* Blocks of any other language, ``text`` above all, are only read.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import select
import subprocess
import sys
import textwrap
import typing as t

from tests.functional import cluster, sandbox

SOURCE = sandbox.TREE / "doc" / "source"
BLOCK = re.compile(
    r"(?:^``(?P<name>[\w./~-]+)``:\n\n)?"
    r"^\.\. code-block:: (?P<language>[\w-]+)\n(?: +:[\w-]+:.*\n)*\n"
    r"(?P<text>(?:(?: {3,}.*)?\n)+)",
    re.MULTILINE,
)
PROMPT = "$ "
ANYTHING = "..."
INLINE = re.compile(r" ?\.\.\. ?")
SHOW_STATUS = "echo $?"
#: what a reader does once, and what has been done for the tests
INSTALLING = (
    "python3 -m venv", "python -m venv", ". ", "source ", "pip install",
)
STEP_S = 120.0
STOP_S = 30.0

UUID = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
HEX = re.compile(r"\b(?=[a-f]*\d)[0-9a-f]{8,}\b")
FIGURE = re.compile(r"((?<!\S)[-+])?\d+(\.\d+)?(e[-+]?\d+)?")
BLANKS = re.compile(r"[ \t]+")
RULE = re.compile(r"([-=+])[-=+]+")


@dataclasses.dataclass(frozen=True)
class File:
    """A file that the reader writes."""

    name: str
    text: str


@dataclasses.dataclass(frozen=True)
class Step:
    """A command that the reader runs."""

    command: str
    shown: str  # what the page says it prints; empty: it does not say


def parse(text: str) -> list[File | Step]:
    """What a page asks its reader to do, in order."""
    found: list[File | Step] = []
    for block in BLOCK.finditer(text):
        content = textwrap.dedent(block["text"]).rstrip() + "\n"
        if block["name"]:
            found.append(File(block["name"], content))
        elif block["language"] == "console":
            found += _steps(content)
    return found


def _steps(content: str) -> t.Iterator[Step]:
    """Commands of a console, each with the lines until the next one."""
    for part in re.split(r"^\$ ", content, flags=re.MULTILINE)[1:]:
        command, shown = _cut(part)
        yield Step(command, shown.strip("\n"))


def _cut(part: str) -> tuple[str, str]:
    """A command, which may go on in further lines, and its output."""
    lines = part.splitlines(keepends=True)
    count = 1
    while lines[count - 1].endswith("\\\n"):
        count += 1
    return "".join(lines[:count]).strip(), "".join(lines[count:])


def agrees(shown: str, printed: str) -> bool:
    """Whether a page may say that a command printed this."""
    pattern = "".join(
        r"(?:.*\n)*?" if line == ANYTHING
        else ".*?".join(map(re.escape, INLINE.split(line))) + "\n"
        for line in _lines(shown)
    )
    text = "".join(line + "\n" for line in _lines(printed))
    return re.fullmatch(pattern, text) is not None


def _lines(text: str) -> list[str]:
    """Lines without what differs from run to run, and blank ones."""
    for pattern, constant in (
        (UUID, "#"), (HEX, "#"), (FIGURE, "#"), (RULE, r"\1"), (BLANKS, " "),
    ):
        text = pattern.sub(constant, text)
    return [line.strip() for line in text.splitlines() if line.strip()]


class Shell:
    """A shell that lasts for a page: variables and folders stay."""

    def __init__(
        self, folder: pathlib.Path, environ: t.Mapping[str, str],
        output: pathlib.Path,
    ) -> None:
        self._out, self._err = output / "out", output / "err"
        self._status = 0
        self._shell = subprocess.Popen(
            ["sh"], cwd=folder, env=dict(environ), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )

    def run(self, command: str) -> sandbox.Done:
        """Run a command to its end.

        :raises TooLate: it still runs; the error has what it printed
        """
        assert self._shell.stdin and self._shell.stdout
        # it begins with the status of the command before
        self._shell.stdin.write(
            "(exit %d)\n{ %s\n} >'%s' 2>'%s' </dev/null\necho $?\n"
            % (self._status, command, self._out, self._err)
        )
        self._shell.stdin.flush()
        ready, _, _ = select.select([self._shell.stdout], [], [], STEP_S)
        out, err = self._out.read_text(), self._err.read_text()
        if not ready:
            raise sandbox.TooLate(
                "%s: still runs after %g s; it printed:\n%s\n%s"
                % (command, STEP_S, out, err)
            )
        status = self._shell.stdout.readline()
        if not status:
            raise AssertionError(
                "%s: the shell has ended\n%s\n%s" % (command, out, err)
            )
        self._status = int(status)
        return sandbox.Done(self._status, out, err)

    def close(self) -> None:
        self._shell.kill()
        self._shell.communicate()


class PageTestCase(cluster.PlainTestCase):
    """Pages are played in a folder of their own, in a home of their own."""

    #: commands, by a part of them, that go on while the reader does; with
    #: what they print once they can be used
    SERVERS: t.ClassVar[t.Mapping[str, str]] = {}
    #: beginnings of commands that are not run
    LEFT_OUT: t.ClassVar[tuple[str, ...]] = INSTALLING

    def setUp(self) -> None:
        super().setUp()
        self.sandbox = sandbox.Sandbox(with_database=False)
        self.addCleanup(self.sandbox.close)
        self.addCleanup(self._check_leftovers)
        self.here = self.sandbox.folder / "here"
        self.here.mkdir()

    def _check_leftovers(self) -> None:
        self.assertEqual([], self.sandbox.leftovers())

    def environ(self) -> dict[str, str]:
        """Variables of the reader; ``TREE`` is where Rally was cloned to."""
        known = self.sandbox.environ()
        known.pop("RALLY_ENV")
        return {
            **known, "COLUMNS": "80", "TREE": str(sandbox.TREE),
            "PATH": "%s:%s" % (
                os.path.dirname(sys.executable), known["PATH"]
            ),
        }

    def play(
        self, page: str, replace: t.Mapping[str, str] | None = None
    ) -> dict[str, str]:
        """Do what a page says, and compare what it shows.

        :param page: its path below ``doc/source``
        :param replace: texts of the page, and what is there instead: ports
            that are free, say
        :returns: what each command that was run has printed
        """
        text = (SOURCE / page).read_text("utf-8")
        for before, after in (replace or {}).items():
            text = text.replace(before, after)
        steps = parse(text)
        self.shell = Shell(self.here, self.environ(), self.sandbox.folder)
        self.addCleanup(self.shell.close)
        printed: dict[str, str] = {}
        for step, after in zip(steps, [*steps[1:], None]):
            if isinstance(step, File):
                self._write(step)
            elif not step.command.startswith(self.LEFT_OUT):
                may_fail = (
                    isinstance(after, Step) and after.command == SHOW_STATUS
                )
                printed[step.command] = self._do(step, may_fail)
        return printed

    def _write(self, file: File) -> None:
        folder, name = self.here, file.name
        if name.startswith("~/"):
            folder, name = self.sandbox.home, name.removeprefix("~/")
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text, "utf-8")

    def _do(self, step: Step, may_fail: bool) -> str:
        for part, ready in self.SERVERS.items():
            if part in step.command:
                return self._serve(step.command, ready)
        done = self.shell.run(step.command)
        told = "$ %s\n%s\n%s" % (step.command, done.out, done.err)
        if not may_fail:
            self.assertEqual(0, done.code, told)
        if step.command == SHOW_STATUS:  # figures count here
            self.assertEqual(step.shown, done.out.strip())
        elif step.shown and not agrees(step.shown, done.out):
            self.fail("%s\nThe page shows:\n%s" % (told, step.shown))
        return done.out

    def _serve(self, command: str, ready: str) -> str:
        """Start what has a terminal of its own."""
        output = self.sandbox.folder / "server-output"
        with output.open("w") as f:
            server = subprocess.Popen(
                # the shell would keep its standard input open
                "exec " + command, shell=True, cwd=self.here,
                env=self.environ(), stdin=subprocess.PIPE, stdout=f,
                stderr=subprocess.STDOUT,
            )
        self.addCleanup(server.communicate, timeout=STOP_S)
        self.addCleanup(server.terminate)
        sandbox.wait_until(
            lambda: ready in output.read_text(), STEP_S,
            "`%s` printed %r" % (command, ready),
        )
        return output.read_text()
