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

"""Tests of commands that are made when they are needed."""

from __future__ import annotations

import typing as t

import typer

from rally.cli import groups
from tests.unit import test


class LazyGroupTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.app = typer.Typer(help="Some commands.", no_args_is_help=True)
        self.seen: list[t.Any] = []

        @self.app.command()
        def second_one(
            name: str,
            tag: t.Annotated[
                list[str] | None, typer.Option("--tag")
            ] = None,
        ) -> None:
            self.seen.append((name, tag))

        @self.app.command("first", hidden=True)
        def whatever() -> None:
            self.seen.append("first")

        self.group = groups.of_app(self.app, "some")

    def run_words(self, *words: str) -> None:
        self.group(args=list(words), standalone_mode=False)

    def test_commands_are_listed_in_their_order(self) -> None:
        names = ["second-one", "first"]
        self.assertEqual(names, self.group.list_commands(None))

        self.group.get_command(None, "first")

        self.assertEqual(names, self.group.list_commands(None))

    def test_only_what_is_run_is_made(self) -> None:
        self.run_words("first")

        self.assertEqual(["first"], list(self.group.commands))
        self.assertEqual(["first"], self.seen)

    def test_commands_are_as_they_were_declared(self) -> None:
        self.assertTrue(self.group.get_command(None, "first").hidden)
        self.assertFalse(self.group.get_command(None, "second-one").hidden)
        self.assertEqual("Some commands.", self.group.help)
        self.assertTrue(self.group.no_args_is_help)

    def test_they_take_arguments_as_those_of_rally_do(self) -> None:
        self.run_words("second-one", "--tag", "a", "b", "--", "x")

        self.assertEqual([("x", ["a", "b"])], self.seen)

    def test_of_a_word_that_is_none_all_are_made(self) -> None:
        """So that what was meant can be named."""
        self.assertIsNone(self.group.get_command(None, "frist"))
        self.assertEqual({"second-one", "first"}, set(self.group.commands))
