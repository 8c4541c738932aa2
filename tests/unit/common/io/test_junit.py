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

"""Tests of JUnit XML."""

from __future__ import annotations

import typing as t
import xml.etree.ElementTree as ET

import hypothesis
from hypothesis import strategies as st

from rally.common.io import junit
from tests.unit import test


def make() -> tuple[junit.JUnitXML, t.Any]:
    document = junit.JUnitXML()
    return document, document.add_test_suite("id", "1.5", "2020-01-01")


class JUnitTestCase(test.TestCase):
    def test_counts_what_is_marked(self) -> None:
        document, suite = make()
        suite.add_test_case("c", "passed", id="1", time="0.1", timestamp="t")
        suite.add_test_case("c", "failed").mark_as_failed("why")
        suite.add_test_case("c", "skipped").mark_as_skipped(None)
        suite.add_test_case("c", "uxsuccess").mark_as_uxsuccess("bug")
        suite.add_test_case("c", "xfail").mark_as_xfail("bug", "details")

        (found,) = ET.fromstring(str(document))

        self.assertEqual(
            {
                "errors": "0",
                "failures": "2",
                "id": "id",
                "skipped": "1",
                "tests": "5",
                "time": "1.5",
                "timestamp": "2020-01-01",
            },
            found.attrib,
        )
        self.assertEqual("why", found[1][0].text)
        self.assertEqual("no reason given", found[2][0].text)
        self.assertIn("bug", found[3][0].text or "")
        self.assertEqual([], list(found[4]))
        self.assertIn("details", str(document))

    def test_given_numbers_go_first(self) -> None:
        document, suite = make()
        suite.setup_final_stats(tests="8", skipped="2", failures="1")

        (found,) = ET.fromstring(document.to_string())

        self.assertEqual(
            ("8", "2", "1"),
            tuple(found.attrib[k] for k in ("tests", "skipped", "failures")),
        )

    @hypothesis.given(st.text())
    def test_any_text_gives_well_formed_xml(self, text: str) -> None:
        document, suite = make()
        suite.add_test_case(text, text, id=text).mark_as_failed(text)
        suite.add_test_case("c", "n").mark_as_xfail(text, text)
        suite.add_test_case("c", "n").mark_as_skipped(text)

        self.assertEqual(3, len(ET.fromstring(str(document))[0]))
