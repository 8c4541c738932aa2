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

"""Tests of YAML as task files are written."""

from __future__ import annotations

import json

import ddt
import yaml

from rally.cli import yamlutils
from tests.unit import test


@ddt.ddt
class SafeLoadTestCase(test.TestCase):
    def test_keeps_the_order(self) -> None:
        loaded = yamlutils.safe_load("b: 1\na: {d: 2, c: [x, {e: 3}]}")

        self.assertEqual(
            '{"b": 1, "a": {"d": 2, "c": ["x", {"e": 3}]}}',
            json.dumps(loaded),
        )
        self.assertEqual(json.dumps(loaded), str(loaded))

    @ddt.data(
        "a: 1\nb: 2\na: 3",
        '{"a": 1, "a": 2}',
        "x: [{a: 1, a: 2}]",
        "1: x\n1: y",
    )
    def test_repeated_key_is_refused(self, text: str) -> None:
        error = self.assertRaises(
            yaml.constructor.ConstructorError, yamlutils.safe_load, text
        )

        self.assertIn("second time", str(error))

    @ddt.data(
        "a: [1, 2",
        "- !!python/object:os.system x",
        "? [a, b]\n: 1",
        "? {a: b}\n: 1",
        "a: b: c",
        "\x00",
    )
    def test_what_is_no_plain_yaml_is_refused(self, text: str) -> None:
        self.assertRaises(yaml.YAMLError, yamlutils.safe_load, text)

    def test_same_text_of_another_type_is_another_key(self) -> None:
        self.assertEqual(
            {1: "a", "1": "b"}, yamlutils.safe_load("1: a\n'1': b")
        )

    def test_merged_keys_can_be_overridden(self) -> None:
        loaded = yamlutils.safe_load(
            "base: &x {b: 1, c: 1}\nmore: {<<: *x, c: 2}"
        )

        self.assertEqual({"b": 1, "c": 2}, loaded["more"])

    def test_scalars_are_fine(self) -> None:
        self.assertEqual(5, yamlutils.safe_load("5"))
        self.assertIsNone(yamlutils.safe_load(""))
