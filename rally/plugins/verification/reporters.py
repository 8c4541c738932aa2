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

"""Reports of verifications: JSON, HTML, JUnit XML."""

from __future__ import annotations

import datetime as dt
import json
import re
import typing as t

from rally.common.io import subunit_v2, test_ids
from rally.verification import reporter

Data: t.TypeAlias = dict[str, t.Any]

SKIP_RE = re.compile(r"Skipped until [Bb]ug: ?(?P<bug_number>\d+) is resolved")
LP_BUG_LINK = "https://launchpad.net/bugs/%s"
TIME_FORMAT = "%Y-%m-%dT%H:%M:%S"


@reporter.configure("json")
class JSONReporter(reporter.VerificationReporter):
    """Verifications side by side, as JSON."""

    @classmethod
    def validate(cls, output_destination: str | None) -> None:
        """Any file will do."""

    def generate(self) -> Data:
        return self._answer(json.dumps(self._data(), indent=4))

    def _answer(self, text: str) -> Data:
        if self.output_destination:
            return {
                "files": {self.output_destination: text},
                "open": self.output_destination,
            }
        return {"print": text}

    def _data(self) -> Data:
        """All that there is to report."""
        tests: dict[str, Data] = {}
        for verification in self.verifications:
            for test_id, result in (verification.tests or {}).items():
                test = tests.setdefault(test_id, {
                    "name": result["name"],
                    "tags": _ids_first(result.get("tags") or ()),
                    "by_verification": {},
                })
                test["by_verification"][verification.uuid] = _outcome(result)
        return {
            "verifications": {x.uuid: _summary(x) for x in self.verifications},
            "tests": tests,
        }


def _summary(verification: t.Any) -> Data:
    return {
        "started_at": verification.created_at.strftime(TIME_FORMAT),
        "finished_at": verification.updated_at.strftime(TIME_FORMAT),
        "status": verification.status,
        "run_args": verification.run_args or {},
        "tests_duration": verification.tests_duration,
        "tests_count": verification.tests_count,
        **{name: verification[name] for name in subunit_v2.COUNTS.values()},
    }


def _outcome(result: t.Mapping[str, t.Any]) -> Data:
    outcome = {
        "status": result["status"], "duration": str(result["duration"]),
    }
    reason = SKIP_RE.sub(_with_link, result.get("reason") or "")
    parts = [x for x in (reason, (result.get("traceback") or "").strip()) if x]
    if parts:
        outcome["details"] = "\n\n".join(parts)
    return outcome


def _with_link(match: re.Match[str]) -> str:
    number = match["bug_number"]
    return match[0].replace(number, LP_BUG_LINK % number)


def _ids_first(tags: t.Iterable[str]) -> list[str]:
    return sorted(tags, key=lambda tag: (not tag.startswith("id-"), tag))


@reporter.configure("html")
class HTMLReporter(JSONReporter):
    """Verifications side by side, as one page that needs nothing else."""

    def generate(self) -> Data:
        from rally.common import version
        from rally.ui import utils as ui_utils

        now = dt.datetime.now(dt.timezone.utc)
        data = self._data()
        uuids = list(data["verifications"])
        for test in data["tests"].values():
            outcomes = test["by_verification"]
            test["has_details"] = any("details" in x for x in
                                      outcomes.values())
            _show_durations(list(outcomes.values()))
        data.update(
            uuids=uuids,
            show_comparison_note=len(uuids) > 2,
            generator={
                "version": version.version_string(),
                "generated_at": now.strftime("%Y-%m-%d %H:%M:%S UTC"),
            },
        )
        page = ui_utils.render_page("verification/report.html", data)
        return self._answer(page)


def _show_durations(outcomes: t.Sequence[Data]) -> None:
    """Durations as the page shows them, later ones beside the first."""
    first = float(outcomes[0]["duration"] or 0)
    for number, outcome in enumerate(outcomes):
        outcome.setdefault("details", None)
        duration = float(outcome["duration"] or 0)
        shown = "" if duration < 0.001 else "%.3f" % duration
        if number and shown:
            shown += " (%+.3f)" % (duration - first)
        outcome["duration"] = shown


@reporter.configure("html-static")
class HTMLStaticReporter(HTMLReporter):
    """The same page as ``html``, under the name of earlier releases."""


@reporter.configure("junit-xml")
class JUnitXMLReporter(JSONReporter):
    """JUnit XML, which build servers show: each verification is a suite."""

    def generate(self) -> Data:
        from rally.common.io import junit

        document = junit.JUnitXML()
        for verification in self.verifications:
            suite = document.add_test_suite(
                id=verification.uuid,
                time=str(verification.tests_duration),
                timestamp=verification.created_at.strftime(TIME_FORMAT),
            )
            tests = (verification.tests or {}).values()
            for test in sorted(tests, key=_by_time):
                _add_case(suite, test)
        return self._answer(document.to_string())


def _by_time(test: Data) -> tuple[str, str]:
    return test.get("timestamp") or "", test["name"]


def _add_case(suite: t.Any, test: Data) -> None:
    test_id = test_ids.TestID(test["name"])
    if test_id.is_fixture:
        class_name, name = str(test_id), test_id.name.split()[0]
    else:
        class_name, _, name = test["name"].rpartition(".")
    ids = [x for x in test.get("tags") or () if x.startswith("id-")]
    case = suite.add_test_case(
        classname=class_name,
        name=name,
        id=ids[0].removeprefix("id-") if ids else None,
        time=str(test["duration"]),
        timestamp=test.get("timestamp"),
    )
    reason = test.get("reason")
    details = (test.get("traceback") or "").strip()
    match test["status"]:
        case "fail":
            case.mark_as_failed(details or reason or "no details")
        case "uxsuccess":
            case.mark_as_uxsuccess(reason)
        case "skip":
            case.mark_as_skipped(reason)
        case "xfail":
            case.mark_as_xfail(reason, details)
        case "init":
            case.mark_as_failed("It was to run, and never came to an end.")
