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

"""Each check finds its offence, and nothing in what is written well."""

from __future__ import annotations

import pathlib
import tempfile
import typing as t

import ddt

from tests import style
from tests.unit import test

GOOD = style.NOTICE + '''
"""What this module is for."""

from __future__ import annotations

import dataclasses
import typing as t


def double(value: t.Any) -> t.Any:
    """Twice the value."""
    return 2 * value
'''

#: check -> offending text of a module
OFFENCES: t.Mapping[str, str] = {
    "license_notice": '"""A module."""\n',
    "no_copyright_line": GOOD + "# Copyright 2026 A, Inc.\n",
    "opening": GOOD.replace("from __future__ import annotations", ""),
    "modules_not_names": GOOD + "\n\nfrom typing import Any\n",
    "columns": GOOD + "#" + 30 * " abc" + "\n",
    "nothing_unfinished": GOOD + "# TO" + "DO: more\n",
    "whitespace": GOOD + "x = 1 \n",
    "function_size": (
        GOOD + "\n\ndef long():\n"
        + style.MAX_FUNCTION_LINES * "    print()\n"
    ),
    "plurals": GOOD + 'x = "%d agent(s) came"\n',
}


def found(text: str, path: str = "rally/a.py") -> dict[str, list[str]]:
    """What each check says to a file."""
    source = style.Source(pathlib.PurePath(path), text)
    said = {
        check.__name__: [each for _, each in check(source)]
        for check in style.CHECKS
    }
    return {name: texts for name, texts in said.items() if texts}


@ddt.ddt
class CheckTestCase(test.TestCase):
    def test_a_good_module_offends_nobody(self) -> None:
        self.assertEqual({}, found(GOOD))

    def test_each_check_has_an_offence_here(self) -> None:
        names = {check.__name__ for check in style.CHECKS}
        self.assertEqual(names, set(OFFENCES))

    @ddt.data(*sorted(OFFENCES))
    def test_an_offence_is_found_by_its_check_alone(self, name: str) -> None:
        self.assertEqual([name], list(found(OFFENCES[name])))

    @ddt.data(
        "from dataclasses import dataclass",
        "import typing",
        "if True:\n    from typing import Any",
    )
    def test_names_of_these_modules_are_not_taken(self, line: str) -> None:
        self.assertIn("modules_not_names", found(GOOD + line + "\n"))

    def test_an_empty_module_needs_no_notice(self) -> None:
        self.assertEqual({}, found(""))

    def test_a_script_may_begin_with_its_interpreter(self) -> None:
        self.assertEqual({}, found("#!/usr/bin/env python3\n" + GOOD))

    def test_a_long_address_may_pass_the_last_column(self) -> None:
        self.assertEqual({}, found(GOOD + "# https://" + 80 * "a" + "\n"))

    def test_what_a_line_says_to_a_tool_is_not_counted(self) -> None:
        line = "x = %s  # noqa: B009\n" % " + ".join(["1"] * 18)
        self.assertEqual({}, found(GOOD + line))

    def test_a_module_of_imports_alone_postpones_nothing(self) -> None:
        text = style.NOTICE + '"""Another place of it."""\nimport os\n'
        self.assertEqual({}, found(text))

    def test_sizes_are_judged_in_what_is_shipped_only(self) -> None:
        self.assertEqual(
            {}, found(OFFENCES["function_size"], "tests/unit/test_a.py")
        )

    def test_what_scripts_look_for_keeps_its_plural(self) -> None:
        self.assertEqual({}, found(GOOD + 'x = "Task has 1 error(s)"\n'))

    def test_a_word_that_only_contains_the_mark_is_no_mark(self) -> None:
        self.assertEqual({}, found(GOOD + "TO" + "DOS = 1\n"))

    def test_text_files_may_not_end_with_blanks(self) -> None:
        self.assertEqual(
            {"whitespace": ["ends with blanks"]},
            found("A title \n=======\n", "README.rst"),
        )


class SamplesTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.samples = self.root / "samples" / "tasks"
        self.samples.mkdir(parents=True)

    def offences(self) -> list[str]:
        return list(style.offences(self.root))

    def test_a_sample_in_both_forms_is_fine(self) -> None:
        (self.samples / "a.yaml").write_text("version: 2\n")
        (self.samples / "a.json").write_text('{"version": 2}\n')
        self.assertEqual([], self.offences())

    def test_a_sample_in_one_form_is_found(self) -> None:
        (self.samples / "a.yaml").write_text("version: 2\n")
        self.assertEqual(
            ["samples/tasks/a.yaml:1: has no .json beside it"],
            self.offences(),
        )

    def test_forms_that_differ_are_found(self) -> None:
        (self.samples / "a.yaml").write_text("version: 2\n")
        (self.samples / "a.json").write_text('{"version": 1}\n')
        self.assertEqual(
            ["samples/tasks/a.json:1: differs from its .yaml"],
            self.offences(),
        )

    def test_templates_are_not_compared(self) -> None:
        (self.samples / "a.yaml").write_text("times: {{ times }}\n")
        (self.samples / "a.json").write_text('{"times": {{times}}}\n')
        self.assertEqual([], self.offences())

    def test_every_offence_is_one_line_with_its_place(self) -> None:
        (self.root / "README.rst").write_text("a \nb\n\n")
        self.assertEqual(
            [
                "README.rst:1: ends with blanks",
                "README.rst:3: ends with empty lines",
            ],
            self.offences(),
        )
