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

"""JUnit XML, which continuous integration shows as test results."""

from __future__ import annotations

import datetime
import re
import typing as t
import xml.etree.ElementTree as ET

from rally.common import version

_NOT_IN_XML = re.compile(
    "[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
_UNKNOWN = "no reason given"


class JUnitXML:
    """A document of test suites."""

    def __init__(self) -> None:
        self._root = ET.Element("testsuites")
        made_at = datetime.datetime.now(datetime.timezone.utc)
        self._root.append(
            _comment(
                f"Made by Rally {version.version_string()}, "
                f"{made_at.isoformat()}"
            )
        )
        self._suites: list[_TestSuite] = []

    def __str__(self) -> str:
        return self.to_string()

    def to_string(self) -> str:
        """The document; more can be added afterwards."""
        for suite in self._suites:
            suite.finalize()
        ET.indent(self._root)
        return ET.tostring(self._root, encoding="unicode") + "\n"

    def add_test_suite(self, id: str, time: str, timestamp: str) -> _TestSuite:
        """Begin a test suite.

        :param time: seconds it took, as text
        :param timestamp: when it began
        """
        suite = _TestSuite(self._root, id, time, timestamp)
        self._suites.append(suite)
        return suite


class _TestSuite:
    def __init__(
        self, parent: ET.Element, id: str, time: str, timestamp: str
    ) -> None:
        self._elem = ET.SubElement(
            parent,
            "testsuite",
            {
                "errors": "0",
                "id": _clean(id),
                "time": _clean(time),
                "timestamp": _clean(timestamp),
            },
        )
        self._cases: list[_TestCase] = []
        self._stats: dict[str, str] | None = None

    def add_test_case(
        self,
        classname: str,
        name: str,
        id: str | None = None,
        time: str | None = None,
        timestamp: str | None = None,
    ) -> _TestCase:
        """Add a test case, which has passed unless it is marked."""
        attributes = {
            "classname": classname,
            "id": id,
            "name": name,
            "time": time,
            "timestamp": timestamp,
        }
        given = {k: _clean(v) for k, v in attributes.items() if v is not None}
        case = _TestCase(ET.SubElement(self._elem, "testcase", given))
        self._cases.append(case)
        return case

    def setup_final_stats(
        self, tests: str, skipped: str, failures: str
    ) -> None:
        """Say the numbers, instead of having the cases counted."""
        self._stats = {
            "tests": tests,
            "skipped": skipped,
            "failures": failures,
        }

    def finalize(self) -> None:
        outcomes = [case.outcome for case in self._cases]
        counted = {
            "tests": str(len(outcomes)),
            "skipped": str(outcomes.count("skipped")),
            "failures": str(outcomes.count("failure")),
        }
        self._elem.attrib.update(self._stats or counted)
        attributes = sorted(self._elem.attrib.items())
        self._elem.attrib.clear()
        self._elem.attrib.update(attributes)


class _TestCase:
    def __init__(self, elem: ET.Element) -> None:
        self._elem = elem
        self.outcome = "passed"

    def mark_as_failed(self, details: str) -> None:
        self._add_details("failure", details)

    def mark_as_skipped(self, reason: str | None) -> None:
        self._add_details("skipped", reason or _UNKNOWN)

    def mark_as_uxsuccess(self, reason: str | None = None) -> None:
        """It passed, though it should have failed."""
        self._add_details(
            "failure",
            f"Passed, though it was expected to fail: {reason or _UNKNOWN}",
        )

    def mark_as_xfail(
        self, reason: str | None = None, details: str | None = None
    ) -> None:
        """It failed, as it should."""
        self._add_details(
            None,
            None,
            f"Failed, as expected: {reason or _UNKNOWN}",
            details,
        )

    def _add_details(
        self,
        tag: str | None = None,
        text: str | None = None,
        *comments: str | None,
    ) -> None:
        if tag is not None:
            self.outcome = tag
            ET.SubElement(self._elem, tag).text = _clean(text or "")
        for comment in comments:
            if comment:
                self._elem.append(_comment(comment))


def _clean(text: t.Any) -> str:
    """Text without the characters that XML cannot hold."""
    return _NOT_IN_XML.sub("", str(text))


def _comment(text: str) -> t.Any:
    """A comment; XML ends it at two dashes, so they are set apart."""
    safe = re.sub("-(?=-)", "- ", _clean(text))
    return ET.Comment(safe + " " if safe.endswith("-") else safe)
