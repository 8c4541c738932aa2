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

"""Pages of the documentation can be followed, command by command."""

from __future__ import annotations

import textwrap

import ddt
import testtools

from tests.functional import pages, sandbox

#: of the web server that pages test, and what it prints
SERVER = {"page_server.py": "http://"}

SHOWN = """\
Task 0e1c5a58-9e33-4ac8-9d3a-3a2f27d0b5ce: finished
...
+-------+-----------+
| name  | durations |
+-------+-----------+
| local | 0.25      |
+-------+-----------+
Load took 12.5 s; ... of it idle
"""
PRINTED = """\
Task 7b8c2f10-1d2e-4f3a-8b9c-0a1b2c3d4e5f: finished

Hints:
  read the report
+---------+-----------+
| name    | durations |
+---------+-----------+
| local   | 1.2e-05   |
+---------+-----------+
Load took 3 s; very much of it idle
"""


@ddt.ddt
class AgreementTestCase(testtools.TestCase):
    def test_what_differs_from_run_to_run_may_differ(self) -> None:
        self.assertTrue(pages.agrees(SHOWN, PRINTED))

    def test_dots_alone_are_any_lines(self) -> None:
        more = PRINTED.replace("Hints:", "| not | shown |\nHints:")
        self.assertTrue(pages.agrees(SHOWN, more))

    def test_another_word_is_noticed(self) -> None:
        other = PRINTED.replace("local", "locally")
        self.assertFalse(pages.agrees(SHOWN, other))

    @ddt.data("finished", "durations", "of it idle")
    def test_a_word_that_is_missing_is_noticed(self, word: str) -> None:
        self.assertFalse(pages.agrees(SHOWN, PRINTED.replace(word, "")))

    def test_a_line_that_is_not_shown_is_noticed(self) -> None:
        self.assertFalse(pages.agrees(SHOWN, PRINTED + "Problem: lost\n"))


class ParsingTestCase(testtools.TestCase):
    def test_files_and_commands_in_their_order(self) -> None:
        page = textwrap.dedent("""\
            Write

            ``~/.rally/plugins/one.py``:

            .. code-block:: python
               :emphasize-lines: 2

               def one():
                   return 1

            and run

            .. code-block:: console

               $ rally task start \\
                   one.yaml
               Task ...
               $ echo $?
               2

            but only read

            .. code-block:: text

               controller$ rally agent start
            """)
        self.assertEqual(
            [
                pages.File("~/.rally/plugins/one.py",
                           "def one():\n    return 1\n"),
                pages.Step("rally task start \\\n    one.yaml", "Task ..."),
                pages.Step("echo $?", "2"),
            ],
            pages.parse(page),
        )


class PlayingTestCase(pages.PageTestCase):
    """The player itself, with pages that it has to refuse."""

    def play_text(self, text: str) -> dict[str, str]:
        path = self.sandbox.write("page.rst", textwrap.dedent(text))
        return self.play(str(path), {"8080": str(sandbox.free_ports(1))})

    def test_one_shell_runs_a_page(self) -> None:
        printed = self.play_text("""\
            ``folder/one.txt``:

            .. code-block:: text

               one

            .. code-block:: console

               $ cd folder
               $ NAME=one
               $ cat $NAME.txt
               one
               $ false
               $ echo $?
               1
            """)
        self.assertEqual("one\n", printed["cat $NAME.txt"])

    def test_what_a_page_shows_has_to_be_true(self) -> None:
        for shown in (
            "echo one\n   two", "false", "false\n   $ echo $?\n   2",
        ):
            text = ".. code-block:: console\n\n   $ %s\n" % shown
            self.assertRaises(AssertionError, self.play_text, text)


class QuickstartTestCase(pages.PageTestCase):
    SERVERS = SERVER

    def test_each_step_succeeds(self) -> None:
        printed = self.play(
            "quickstart.rst", {"8080": str(sandbox.free_ports(1))}
        )

        for name in ("page", "agents"):
            self.assertIn(
                "500 asked, 500 stored, 0 lost, 0 not started",
                printed["rally task start %s.yaml" % name],
            )
        self.assertIn(
            "50 iterations failed", printed["rally task start missing.yaml"]
        )
        for name in ("report", "agents"):
            report = (self.here / name).with_suffix(".html").read_text()
            self.assertIn("</html>", report)


class TaskFileTestCase(pages.PageTestCase):
    def test_each_step_succeeds(self) -> None:
        printed = self.play("task/file.rst")

        whole = printed["rally task start task.yaml"]
        for times in (200, 50, 200):
            self.assertIn(
                "%d asked, %d stored, 0 lost" % (times, times), whole
            )


class EnvironmentsTestCase(pages.PageTestCase):
    SERVERS = SERVER

    def test_each_step_succeeds(self) -> None:
        self.play(
            "environments.rst", {"8080": str(sandbox.free_ports(1))}
        )
