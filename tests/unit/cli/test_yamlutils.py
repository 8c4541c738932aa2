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
from unittest import mock

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

        self.assertIn("given twice", str(error))

    @ddt.data(
        ({"a": "\U0001f600 \\ud83d \u2028"}, "ascii"),
        ({"a": 1e3, "b": -0.5e-7, "c": 10 ** 30, "d": [None, True]}, "ascii"),
        (["\u20ac", {"yes": "on", "1": "2020-01-01"}, []], "utf-8"),
        ("\U0001f600", "ascii"),
    )
    @ddt.unpack
    def test_json_means_what_it_means_to_others(self, value, form) -> None:
        text = json.dumps(value, ensure_ascii=form == "ascii", indent=1)

        self.assertEqual(value, yamlutils.safe_load(text))
        self.assertEqual(value, yamlutils.safe_load(text.encode()))

    def test_a_date_is_the_text_that_is_there(self) -> None:
        self.assertEqual(
            {"a": "2020-01-01", "2020-01-02": ["2001-12-14 21:59:43.10 -5"]},
            yamlutils.safe_load(
                "a: 2020-01-01\n2020-01-02: [2001-12-14 21:59:43.10 -5]"
            ),
        )

    @ddt.data(
        ("a: !!binary aGVsbG8=", "!!binary"),
        ("a: !!set {x, y}", "!!set"),
        ("a: !!timestamp 2020-01-01", "!!timestamp"),
        ("a: !!omap [x: 1]", "!!omap"),
        ("a: .nan", ".nan is not a number"),
        ("a: -.inf", "-.inf is not a number"),
        ('{"a": NaN}', "NaN is not a number"),
        ('{"a": -Infinity}', "-Infinity is not a number"),
        (r'{"a": "\ud83d"}', "surrogate"),
        ("a: !!int hunter22", "!!int"),
        ("[" * 3000, "nest"),
        ("[%s]" % ("9" * 5000), "!!int"),
    )
    @ddt.unpack
    def test_what_cannot_be_stored_is_refused(self, text, reason) -> None:
        error = self.assertRaises(yaml.YAMLError, yamlutils.safe_load, text)

        self.assertIn(reason, str(error))

    @ddt.data(
        "password: hunter22: x", "{password: hunter22\n a: b: c",
        '{"password": "hunter22" "b"}', "password: !!int hunter22",
        "password: !!set hunter22",
    )
    def test_no_error_quotes_the_file(self, text) -> None:
        for loader in (yamlutils._Loader, yaml.SafeLoader):
            with mock.patch.object(yamlutils, "_Loader", loader):
                error = self.assertRaises(
                    yaml.YAMLError, yamlutils.safe_load, text
                )
            self.assertNotIn("hunter22", str(error))

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
