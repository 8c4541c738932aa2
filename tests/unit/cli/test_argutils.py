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

"""How commands take their arguments."""

from __future__ import annotations

import enum
import functools
import pathlib
import typing as t

import ddt
import hypothesis
import typer
import typer.main
from hypothesis import strategies as st

from rally.cli import argutils
from tests.unit import test

SYNTAX = argutils.Syntax(
    values=frozenset(["--out", "-o"]),
    lists=frozenset(["--tag"]),
    keywords={"--uuid": False},
    aliases={"--deployment": "--out"},
)
MANY = argutils.Syntax(keywords={"--uuid": True})


@ddt.ddt
class RewriteTestCase(test.TestCase):
    @ddt.data(
        (["x"], ["--", "x"]),
        (["--uuid", "x"], ["--", "x"]),
        (["--uuid=x"], ["--", "x"]),
        (["x", "--uuid", "x"], ["--", "x"]),
        (["--uuid", "x", "--flag"], ["--flag", "--", "x"]),
        (["--tag", "a", "b"], ["--tag", "a", "--tag", "b"]),
        (["--tag=a", "b"], ["--tag", "a", "--tag", "b"]),
        (["--tag", "a", "--", "x"], ["--tag", "a", "--", "x"]),
        (["x", "--tag", "a", "--tag", "b"],
         ["--tag", "a", "--tag", "b", "--", "x"]),
        (["--out", "-1", "x"], ["--out", "-1", "--", "x"]),
        (["--out=p=q"], ["--out", "p=q"]),
        (["-", "--flag"], ["--flag", "--", "-"]),
        (["--nope", "--help"], ["--nope", "--help"]),
        (["--deployment", "d"], ["--out", "d"]),
    )
    @ddt.unpack
    def test_turns_our_form_into_that_of_typer(self, given, expected):
        self.assertEqual(expected, argutils.rewrite(given, SYNTAX))

    def test_keyword_of_a_list_takes_all_words_up_to_the_next_flag(self):
        self.assertEqual(
            ["--json", "--", "a", "b"],
            argutils.rewrite(["--uuid", "a", "b", "--json"], MANY),
        )

    def test_words_before_the_keyword_of_a_list_count_as_well(self):
        self.assertEqual(
            ["--", "a", "b", "c"],
            argutils.rewrite(["a", "--uuid", "b", "a", "c"], MANY),
        )

    def test_arguments_without_a_keyword_may_be_alike(self):
        self.assertEqual(
            ["--json", "--", "a", "a"],
            argutils.rewrite(["a", "a", "--json"], argutils.Syntax()),
        )

    def test_a_single_value_must_not_be_given_twice(self):
        error = self.assertRaises(
            ValueError, argutils.rewrite, ["y", "--uuid", "x"], SYNTAX
        )
        self.assertIn("y and --uuid say different things", str(error))

    @ddt.data(
        (["--uuid", "--flag"], SYNTAX),
        (["--uuid"], MANY),
        (["x", "--out"], SYNTAX),
        (["x", "--tag", "--flag"], SYNTAX),
    )
    @ddt.unpack
    def test_a_missing_value_is_an_error(self, words, syntax):
        error = self.assertRaises(
            ValueError, argutils.rewrite, words, syntax
        )
        self.assertIn("requires an argument", str(error))

    @hypothesis.given(st.lists(st.text("abc", min_size=1), min_size=1))
    def test_position_and_keyword_mean_the_same(self, words):
        self.assertEqual(
            argutils.rewrite(words, MANY),
            argutils.rewrite(["--uuid", *words], MANY),
        )

    @hypothesis.settings(max_examples=200)
    @hypothesis.given(
        st.lists(
            st.sampled_from(
                ["--tag", "a", "-o", "--out", "b", "--flag", "-", "--x=1"]
            )
        )
    )
    def test_what_is_rewritten_stays_so(self, words):
        try:
            once = argutils.rewrite(words, SYNTAX)
        except ValueError:
            hypothesis.reject()
        self.assertEqual(once, argutils.rewrite(once, SYNTAX))


def command(
    uuid: t.Annotated[
        list[str],
        argutils.ArgumentOrKeyword("--uuid", envvar="RALLY_TEST_UUID"),
    ],
    env: t.Annotated[
        str,
        argutils.DeprecatedAlias("--env", deprecated="--deployment"),
    ] = "default",
    tags: t.Annotated[list[str] | None, typer.Option("--tag", "-t")] = None,
    quick: t.Annotated[bool, typer.Option("--quick")] = False,
) -> None:
    print(uuid, env, tags, quick)


class SyntaxTestCase(test.TestCase):
    def test_is_read_from_the_signature(self):
        self.assertEqual(
            argutils.Syntax(
                values=frozenset(["--env"]),
                lists=frozenset(["--tag", "-t"]),
                keywords={"--uuid": True},
                aliases={"--deployment": "--env"},
            ),
            argutils.syntax_of(command),
        )

    def _run(self, *words: str) -> list[t.Any]:
        seen: list[t.Any] = []
        app = typer.Typer()

        @app.command()
        def one() -> None:
            """Only there to make a group."""

        def wanted(**values: t.Any) -> None:
            seen.append(values)

        app.command("wanted")(_with_signature_of(command, wanted))
        group = typer.main.get_group(app)
        argutils.install(group)
        group(args=["wanted", *words], standalone_mode=False)
        return seen

    def test_installed_in_a_group_its_commands_take_it(self):
        self.assertEqual(
            [
                {
                    "uuid": ["a", "b"],
                    "env": "lab",
                    "tags": ["x", "y"],
                    "quick": True,
                }
            ],
            self._run(
                "--tag", "x", "y", "--uuid", "a", "b", "--quick",
                "--deployment", "lab",
            ),
        )


class Colour(enum.Enum):
    RED = "red"


def typed(
    text: str,
    maybe: t.Optional[str] = None,  # noqa: UP045 - typer evaluates it
    many: t.Optional[list[str]] = None,  # noqa: UP045
    number: int = 3,
    ratio: t.Optional[float] = None,  # noqa: UP045
    colour: t.Optional[Colour] = None,  # noqa: UP045
    path: t.Optional[pathlib.Path] = None,  # noqa: UP045
    quick: bool = False,
) -> None:
    """All kinds of parameters."""


@ddt.ddt
class SpareAdaptersTestCase(test.TestCase):
    def _parsed(self, words: t.Sequence[str], is_spared: bool) -> t.Any:
        seen: list[t.Any] = []
        app = typer.Typer(add_completion=False)
        app.command()(
            _with_signature_of(typed, lambda **values: seen.append(values))
        )
        command = typer.main.get_command(app)
        if is_spared:
            argutils.spare_adapters(command)
        try:
            command(args=list(words), standalone_mode=False)
        except Exception as e:
            return type(e).__name__, str(e)
        return seen

    @ddt.data(
        [], ["x"], ["x", "--maybe", ""], ["--maybe", "y", "x"],
        ["x", "--many", "a", "--many", "b"], ["x", "--number", "5"],
        ["x", "--number", "many"], ["x", "--ratio", "0.5"],
        ["x", "--colour", "red"], ["x", "--colour", "blue"],
        ["x", "--path", "/tmp"], ["x", "--quick"], ["x", "y"],
    )
    def test_values_are_those_of_typer(self, words: list[str]) -> None:
        self.assertEqual(
            self._parsed(words, False), self._parsed(words, True)
        )


def _with_signature_of(
    model: t.Callable[..., t.Any], function: t.Callable[..., t.Any]
) -> t.Callable[..., t.Any]:
    return functools.wraps(model)(function)
