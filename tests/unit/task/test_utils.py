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

"""Tests of the helpers of a task."""

from __future__ import annotations

import itertools
import typing as t

import ddt
import jsonschema

from rally.task import utils
from tests.unit import test


class FormatExceptionTestCase(test.TestCase):
    def test_type_message_and_traceback(self) -> None:
        try:
            raise KeyError("x")
        except KeyError as e:
            kind, message, trace = utils.format_exc(e)
        self.assertEqual(("KeyError", "'x'"), (kind, message))
        self.assertIn('raise KeyError("x")', trace)

    def test_an_exception_that_was_never_raised(self) -> None:
        self.assertEqual(
            ["ValueError", "x", "ValueError: x\n"],
            utils.format_exc(ValueError("x")),
        )

    def test_a_name_in_another_encoding_is_escaped(self) -> None:
        self.assertEqual(
            ["ValueError", "\\udcff", "ValueError: \\udcff\n"],
            utils.format_exc(ValueError("\udcff")),
        )


class ArgumentGeneratorTestCase(test.TestCase):
    def test_it_counts_from_zero_without_end(self) -> None:
        made = utils.infinite_run_args_generator(lambda i: (i, i * i))
        self.assertEqual(
            [(0, 0), (1, 1), (2, 4)], list(itertools.islice(made, 3))
        )


@ddt.ddt
class ActionBuilderTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.calls: list[t.Any] = []
        self.builder = utils.ActionBuilder(["pause", "reboot"])

    def note(self, *args: t.Any, **kwargs: t.Any) -> None:
        self.calls.append((args, kwargs))

    def test_actions_are_repeated_with_their_arguments(self) -> None:
        self.builder.bind_action("pause", self.note, "p", a=1)
        self.builder.bind_action("reboot", self.note, "r")
        built = self.builder.build_actions(
            [{"reboot": 1}, {"pause": 2}], "server", b=2
        )
        self.assertEqual([], self.calls)
        for action in built:
            action()
        pause = (("p", "server"), {"a": 1, "b": 2})
        self.assertEqual(
            [(("r", "server"), {"b": 2}), pause, pause], self.calls
        )

    @ddt.data(
        [{"fly": 1}], [{"pause": 0}], [{"pause": "1"}], {"pause": 1}, [1]
    )
    def test_wrong_lists_are_refused(self, actions: t.Any) -> None:
        self.assertRaises(
            jsonschema.ValidationError, self.builder.validate, actions
        )

    def test_only_known_actions_can_be_bound(self) -> None:
        self.assertRaises(
            jsonschema.ValidationError,
            self.builder.bind_action,
            "fly",
            self.note,
        )

    def test_an_action_without_function_is_an_error(self) -> None:
        error = self.assertRaises(
            ValueError, self.builder.build_actions, [{"pause": 1}]
        )
        self.assertIn("pause", str(error))

    def test_builders_do_not_share_their_keywords(self) -> None:
        utils.ActionBuilder(["fly"])
        self.assertEqual(
            {}, utils.ActionBuilder.SCHEMA_TEMPLATE["items"]["properties"]
        )
