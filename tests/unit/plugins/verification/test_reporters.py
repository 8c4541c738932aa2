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

"""Tests of the reports of verifications."""

from __future__ import annotations

import datetime as dt
import json
import re
import typing as t
import xml.etree.ElementTree as xml

import ddt
import jsonschema

from rally.common import objects
from rally.plugins.verification import reporters
from rally.verification import reporter
from tests.unit import test
from tests.unit.verification.tools import results_of, test_of

FIRST = {
    "a.T.ok[smoke,id-1]": test_of(
        "a.T.ok", "success", tags=["smoke", "id-1"],
        timestamp="2026-01-01T00:00:02+0000",
    ),
    "a.T.bad": test_of(
        "a.T.bad", "fail", traceback="\n  </script>\x00 -- boom\n",
        timestamp="2026-01-01T00:00:01+0000",
    ),
    "a.T.later": test_of(
        "a.T.later", "skip", reason="Skipped until Bug: 42 is resolved."
    ),
    "a.T.x": test_of("a.T.x", "xfail", reason="bug--", traceback="tb"),
    "a.T.u": test_of("a.T.u", "uxsuccess", reason="bug"),
    "nodot": test_of("nodot", "init"),
    "tearDownClass (a.T)": test_of("tearDownClass (a.T)", "fail"),
}
SECOND = {
    "a.T.bad": test_of("a.T.bad", "success") | {"duration": "0.30001"},
    "a.T.new": test_of("a.T.new", "success") | {"duration": "0.0001"},
}


def verification(
    uuid: str, tests: dict[str, t.Any]
) -> objects.Verification:
    totals = dict(results_of(tests).totals, tests_duration=1.5)
    return objects.Verification({
        "uuid": uuid, "env_uuid": "e", "status": "failed",
        "run_args": {"concurrency": 1}, "tests": tests, **totals,
        "created_at": dt.datetime(2026, 1, 1, 10, 0, 0),
        "updated_at": dt.datetime(2026, 1, 1, 10, 0, 9),
    })


def report(name: str, to: str | None = None, **of: t.Any) -> t.Any:
    plugin = reporter.VerificationReporter.get(name)
    plugin.validate(to)
    made = [verification(uuid, tests) for uuid, tests in of.items()]
    return reporter.VerificationReporter.make(plugin, made, to)


@ddt.ddt
class ReportersTestCase(test.TestCase):
    @ddt.data("json", "html", "html-static", "junit-xml")
    def test_print_or_write(self, name):
        self.assertEqual(["print"], list(report(name, u1=FIRST)))
        made = report(name, "/x/y", u1=FIRST, u2=SECOND)
        self.assertEqual({"files", "open"}, set(made))
        self.assertEqual("/x/y", made["open"])
        self.assertEqual(["/x/y"], list(made["files"]))

    def test_json_has_all_side_by_side(self):
        data = json.loads(report("json", u2=SECOND, u1=FIRST)["print"])
        self.assertEqual(["u2", "u1"], list(data["verifications"]))
        self.assertEqual(
            {
                "started_at": "2026-01-01T10:00:00",
                "finished_at": "2026-01-01T10:00:09", "status": "failed",
                "run_args": {"concurrency": 1}, "tests_count": 7,
                "tests_duration": 1.5, "skipped": 1, "success": 1,
                "expected_failures": 1, "unexpected_success": 1,
                "failures": 2,
            },
            data["verifications"]["u1"],
        )
        tests = data["tests"]
        self.assertEqual(["id-1", "smoke"],
                         tests["a.T.ok[smoke,id-1]"]["tags"])
        self.assertEqual(
            {
                "u2": {"status": "success", "duration": "0.30001"},
                "u1": {"status": "fail", "duration": "0.100",
                       "details": "</script>\x00 -- boom"},
            },
            tests["a.T.bad"]["by_verification"],
        )
        self.assertEqual(
            "Skipped until Bug: https://launchpad.net/bugs/42 is resolved.",
            tests["a.T.later"]["by_verification"]["u1"]["details"],
        )
        self.assertEqual(
            "bug--\n\ntb",
            tests["a.T.x"]["by_verification"]["u1"]["details"],
        )

    def test_the_page_needs_no_network_and_cannot_be_broken_out_of(self):
        page = report("html", u1=FIRST, u2=SECOND)["print"]
        self.assertEqual(page.count("<script"), page.count("</script>"))
        self.assertIsNone(re.search(r'(src|href)="(https?:)?//', page))
        data = json.loads(re.search(
            r'id="data">(.*?)</script>', page, re.DOTALL)[1])
        self.assertEqual(["u1", "u2"], data["uuids"])
        self.assertFalse(data["show_comparison_note"])
        bad = data["tests"]["a.T.bad"]
        self.assertTrue(bad["has_details"])
        self.assertEqual("0.300 (+0.200)",
                         bad["by_verification"]["u2"]["duration"])
        new = data["tests"]["a.T.new"]
        self.assertFalse(new["has_details"])
        self.assertEqual({"status": "success", "duration": "",
                          "details": None}, new["by_verification"]["u2"])

    def test_junit_is_xml_whatever_tests_said(self):
        root = xml.fromstring(report("junit-xml", u1=FIRST)["print"])
        suite = root.find("testsuite")
        self.assertEqual(
            {"id": "u1", "time": "1.5", "timestamp": "2026-01-01T10:00:00",
             "tests": "7", "skipped": "1", "failures": "4", "errors": "0"},
            suite.attrib,
        )
        found = [
            (x.get("classname"), x.get("name"), [y.tag for y in x])
            for x in suite
        ]
        self.assertEqual(
            [
                ("a.T", "later", ["skipped"]), ("a.T", "u", ["failure"]),
                ("a.T", "x", []), ("", "nodot", ["failure"]),
                ("a.T", "tearDownClass", ["failure"]),
                ("a.T", "bad", ["failure"]), ("a.T", "ok", []),
            ],
            found,
        )
        self.assertEqual("1", suite[-1].get("id"))


class MakeTestCase(test.TestCase):
    def test_what_is_no_report_is_refused(self):
        class Odd(reporter.VerificationReporter):
            @classmethod
            def validate(cls, output_destination):
                """All is well."""

            def generate(self):
                return {"text": "x"}

        self.assertRaises(
            jsonschema.ValidationError,
            reporter.VerificationReporter.make, Odd, [], None,
        )


class PlacesTestCase(test.TestCase):
    def test_names_of_released_rally(self):
        self.assertEqual("https://launchpad.net/bugs/7",
                         reporters.LP_BUG_LINK % 7)
        self.assertIsNotNone(
            reporters.SKIP_RE.match("Skipped until Bug: 7 is resolved.")
        )
