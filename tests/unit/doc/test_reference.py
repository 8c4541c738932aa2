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

"""The documentation says what the code does."""

from __future__ import annotations

import enum
import importlib.util
import pathlib
import types

import ddt
import docutils.core
import docutils.utils

from tests.unit import test

ROOT = pathlib.Path(__file__).parent.parent.parent.parent


def load_reference() -> types.ModuleType:
    """The tool that writes parts of the documentation."""
    spec = importlib.util.spec_from_file_location(
        "rally_doc_reference", ROOT / "doc" / "ext" / "reference.py"
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


reference = load_reference()


class State(enum.Enum):
    OPEN = "open"  # may be entered
    SHUT = "shut"


class Event(enum.Enum):
    SLAMMED = "slammed"


class MakingTestCase(test.TestCase):
    def test_a_table_of_states_has_meanings_and_ways(self) -> None:
        self.assertEqual(
            """\
.. list-table::
   :header-rows: 1
   :widths: 14 43 43

   * - State
     - Meaning
     - Event → next state
   * - *open*
     - may be entered
     - | slammed → *shut*
   * - *shut*
     -
     - nothing: the end
""",
            reference.state_table(
                State, {(State.OPEN, Event.SLAMMED): State.SHUT}
            ),
        )

    def test_every_error_says_what_to_do(self) -> None:
        """In its message, or after "What to do:" in its docstring."""
        silent = [
            cls.__name__ for cls in reference.error_classes()
            if not reference.remedy(cls)
        ]
        self.assertEqual([], silent)

    def test_an_error_is_shown_with_what_is_filled_in(self) -> None:
        class Spoilt(Exception):
            msg_fmt = (
                "Milk in '%(box)s' is %(days)d days old.%(table)s Throw it. "
                "Run `drain %(box)s`, or wait."
            )

        said, advice = reference.sentences(Spoilt)
        self.assertEqual(
            ["Milk in '%(box)s' is %(days)d days old.", "Throw it."], said
        )
        self.assertEqual(["Run `drain %(box)s`, or wait."], advice)
        self.assertEqual(
            r"Milk in '\ *box*\ ' is *days* days old.",
            reference._message(said[0]),
        )
        self.assertEqual(
            "Run ``drain BOX``, or wait.",
            reference._message(reference.remedy(Spoilt)),
        )

    def test_what_stands_around_a_part_is_kept(self) -> None:
        page = (
            "before\n\n.. made from the code: agent_states\n\noutdated\n\n"
            ".. end of what is made from the code\n\nafter\n"
        )
        renewed = reference.renewed(page)
        self.assertTrue(renewed.startswith("before\n\n.. made from"))
        self.assertTrue(renewed.endswith("from the code\n\nafter\n"))
        self.assertNotIn("outdated", renewed)
        self.assertIn("*dialing*", renewed)

    def test_writing_twice_changes_nothing(self) -> None:
        page = (
            ".. made from the code: agent_states\n"
            ".. end of what is made from the code\n"
        )
        once = reference.renewed(page)
        self.assertEqual(once, reference.renewed(once))


@ddt.ddt
class UpToDateTestCase(test.TestCase):
    @ddt.data(*(
        str(path.relative_to(reference.SOURCE)) for path in reference.pages()
    ))
    def test_what_is_made_from_the_code_is_up_to_date(
        self, name: str
    ) -> None:
        text = (reference.SOURCE / name).read_text("utf-8")
        self.assertEqual(
            reference.renewed(text), text,
            "run `python doc/ext/reference.py`",
        )

    def test_every_part_stands_in_some_page(self) -> None:
        used = {
            match["name"]
            for path in reference.pages()
            for match in reference.PART.finditer(path.read_text("utf-8"))
        }
        self.assertEqual(set(reference.PARTS), used)


@ddt.ddt
class RenderingTestCase(test.TestCase):
    @ddt.data("README.rst", "CHANGELOG.rst", "CONTRIBUTING.rst")
    def test_a_page_outside_the_documentation_renders(
        self, name: str
    ) -> None:
        try:
            docutils.core.publish_doctree(
                (ROOT / name).read_text("utf-8"),
                settings_overrides={
                    "halt_level": 2, "report_level": 5,
                    "_disable_config": True,
                },
            )
        except docutils.utils.SystemMessage as e:
            self.fail("%s: %s" % (name, e))

    def test_the_readme_fits_two_screens(self) -> None:
        lines = (ROOT / "README.rst").read_text("utf-8").splitlines()
        self.assertLess(len(lines), 125)
