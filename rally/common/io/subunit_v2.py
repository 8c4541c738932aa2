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

"""Results of tests out of a stream in the format subunit, version 2.

A stream tells of each test that it exists, that it has begun and how it
ended, with texts such as a traceback in pieces in between. Tests run beside
each other, so what is told of them is mixed, and not always in order.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import functools
import importlib
import re
import typing as t

from rally import consts
from rally.common import logging
from rally.common.io.test_ids import TestID

__all__ = ["SubunitV2StreamResult", "TestID", "parse", "parse_file", "v2"]

LOG = logging.getLogger(__name__)

Lists: t.TypeAlias = t.Mapping[str, t.Any]
Test: t.TypeAlias = dict[str, t.Any]

#: final status of a test -> name of the count of such tests
COUNTS = {
    "success": "success", "skip": "skipped", "xfail": "expected_failures",
    "uxsuccess": "unexpected_success", "fail": "failures",
}
#: what becomes of a test that is expected to fail
_UNEXPECTED = {
    "fail": "xfail", "xfail": "xfail", "success": "uxsuccess",
    "uxsuccess": "uxsuccess",
}
#: names of attachments that are kept
_TEXTS = ("traceback", "reason")
#: how many bytes are kept of those that are none of subunit's, from the
#: beginning and from the end: the first ones mostly tell what the others are
#: a consequence of, the last ones why the stream ended
WORDS_BYTES = 4096
_OMITTED = b"\n[...]\n"
#: name that the parser gives those bytes
_WORDS = "non-subunit"
_WORKER = re.compile(r"worker-(\d+)")
#: id by which the parser tells of bytes that it cannot read
_PARSER = "subunit.parser"


def __getattr__(name: str) -> t.Any:
    if name != "v2":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # not everybody who loads plugins reads streams
    return importlib.import_module("subunit.v2")


if t.TYPE_CHECKING:
    v2: t.Any


def parse(
    stream: t.Any,
    expected_failures: Lists | None = None,
    skipped_tests: Lists | None = None,
    live: bool = False,
    logger_name: str | None = None,
) -> SubunitV2StreamResult:
    """Read a stream to its end.

    :param stream: file of bytes; those that are not subunit are dropped
    :param expected_failures: id or name of a test -> reason
    :param skipped_tests: id of a test that was not run -> reason
    :param live: log each result as it comes
    :param logger_name: logger to do that with
    """
    results = SubunitV2StreamResult(
        expected_failures, skipped_tests, live, logger_name
    )
    parser = __getattr__("v2")
    parser.ByteStreamToStreamResult(stream, _WORDS).run(results)
    return results


def parse_file(
    filename: str, *args: t.Any, **kwargs: t.Any
) -> SubunitV2StreamResult:
    """Read a stream in a file.

    :param args: as for ``parse``; so the keyword arguments
    """
    with open(filename, "rb") as stream:
        return parse(stream, *args, **kwargs)


@dataclasses.dataclass
class _Seen:
    """What a stream has told of a test, or of a class as a whole."""

    test_id: TestID
    is_known: bool = False  # by the words of whoever ran it
    status: str = "init"
    started: dt.datetime | None = None
    ended: dt.datetime | None = None
    worker: str = "-"
    texts: dict[str, bytearray] = dataclasses.field(
        default_factory=lambda: collections.defaultdict(bytearray)
    )
    expected: str | None = None  # why it was expected to fail

    def text(self, name: str) -> str:
        found = bytes(self.texts.get(name, b""))
        return found.decode("utf-8", "replace")

    @property
    def reason(self) -> str:
        return self.expected or self.text("reason")

    @property
    def duration_s(self) -> float:
        if self.started is None or self.ended is None:
            return 0.0
        # the events of one test may come out of order
        return max(0.0, (self.ended - self.started).total_seconds())

    def as_test(self, of_class: _Seen | None) -> Test:
        """It as results have it.

        :param of_class: what befell its class
        """
        test: Test = {
            "status": self.status,
            "name": self.test_id.name,
            "duration": "%.3f" % self.duration_s,
            "tags": self.test_id.tags,
        }
        if self.started is not None:
            test["timestamp"] = self.started.strftime(
                consts.TimeFormat.ISO8601
            )
        for name in _TEXTS:
            text = self.reason if name == "reason" else self.text(name)
            text = text or (of_class.text(name) if of_class else "")
            if text:
                test[name] = text
        return test


class SubunitV2StreamResult:
    """Receives the events of a stream, and makes results of them.

    :param expected_failures: id or name of a test -> reason
    :param skipped_tests: id of a test that was not run -> reason
    :param live: log each result as it comes
    :param logger_name: logger to do that with
    """

    def __init__(
        self,
        expected_failures: Lists | None = None,
        skipped_tests: Lists | None = None,
        live: bool = False,
        logger_name: str | None = None,
    ) -> None:
        self._expected_failures = expected_failures or {}
        self._skipped_tests = skipped_tests or {}
        self._live = live
        self._logger = logging.getLogger(logger_name or __name__)
        self._seen: dict[str, _Seen] = {}
        self._of_classes: dict[str, _Seen] = {}
        self._moments: list[dt.datetime] = []  # first and last
        self._first_words = bytearray()
        self._last_words = bytearray()
        for name, reason in self._skipped_tests.items():
            self._tell(_Seen(TestID(name), status="skip",
                             expected=reason or None))

    # ---- receiving

    def status(
        self,
        test_id: str | None = None,
        test_status: str | None = None,
        test_tags: t.Iterable[str] | None = None,
        runnable: bool = True,
        file_name: str | None = None,
        file_bytes: t.Any = None,
        eof: bool = False,
        mime_type: str | None = None,
        route_code: str | None = None,
        timestamp: dt.datetime | None = None,
    ) -> None:
        """One event; the parser of python-subunit calls this."""
        self.__dict__.pop("_tests", None)
        if test_id is None:
            if file_name == _WORDS and file_bytes:
                self._hear(bytes(file_bytes))
            return
        if test_id == _PARSER:
            return
        seen = self._of(TestID(test_id))
        if timestamp is not None:
            every = [*self._moments, timestamp]
            self._moments = [min(every), max(every)]
        if file_name in _TEXTS and file_bytes:
            seen.texts[file_name] += bytes(file_bytes)
        for tag in test_tags or ():
            worker = _WORKER.fullmatch(tag)
            if worker:
                seen.worker = worker[1]
        if test_status is not None:
            self._become(seen, test_status, timestamp)

    def _hear(self, words: bytes) -> None:
        room = WORDS_BYTES - len(self._first_words)
        self._first_words += words[:room]
        self._last_words += words[room:]
        if len(self._last_words) > WORDS_BYTES:
            self._last_words[:-WORDS_BYTES] = _OMITTED

    def startTestRun(self) -> None:  # noqa: N802 (name of testtools)
        """Results are those of one run, so there is nothing to do."""

    def stopTestRun(self) -> None:  # noqa: N802 (name of testtools)
        """Results can be read at any time, so there is nothing to do."""

    def _of(self, test_id: TestID) -> _Seen:
        if test_id.is_fixture:
            return self._of_classes.setdefault(
                test_id.name, _Seen(test_id)
            )
        return self._seen.setdefault(str(test_id), _Seen(test_id))

    def _become(
        self, seen: _Seen, status: str, timestamp: dt.datetime | None
    ) -> None:
        if status == "exists":
            seen.is_known = True
        elif status == "inprogress":
            seen.started = timestamp
        elif status in COUNTS:
            seen.ended = timestamp
            seen.status = status
            self._judge(seen)
            self._tell(seen)

    def _judge(self, seen: _Seen) -> None:
        """See a final status in the light of what was expected."""
        names = (str(seen.test_id), seen.test_id.name)
        reasons = [
            self._expected_failures[x] for x in names
            if x in self._expected_failures
        ]
        if reasons and seen.status in _UNEXPECTED:
            seen.status = _UNEXPECTED[seen.status]
            seen.expected = reasons[0]

    def _tell(self, seen: _Seen) -> None:
        if not self._live:
            return
        line = "{%s} %s ... %s [%.3fs]" % (
            seen.worker, seen.test_id.name, seen.status, seen.duration_s
        )
        if seen.status in ("skip", "xfail") and seen.reason:
            line += ": %s" % seen.reason.strip()
        self._logger.info("%s", line)

    # ---- results

    @property
    def words(self) -> str:
        """What was in the stream beside subunit: beginning and end."""
        words = self._first_words + self._last_words
        return words.decode("utf-8", "replace").strip()

    @property
    def tests(self) -> dict[str, Test]:
        """Id of a test -> what became of it."""
        return self._tests

    @functools.cached_property
    def _tests(self) -> dict[str, Test]:
        classes = self._by_class()
        tests = {}
        for name, seen in self._seen.items():
            of_class = classes.get(_class_of(seen.test_id))
            if of_class is not None and seen.status == "init":
                seen = dataclasses.replace(seen, status=of_class.status)
                self._judge(seen)
            if seen.is_known or seen.status != "init":
                tests[name] = seen.as_test(of_class)
        # classes that have a test to show what befell them
        shown = {
            _class_of(seen.test_id) for name, seen in self._seen.items()
            if name in tests and seen.status == "init"
        }
        for seen in self._of_classes.values():
            is_shown = (
                str(seen.test_id) in classes and str(seen.test_id) in shown
            )
            # a failure that no test has to its name is one all the same
            if seen.status == "fail" and not (
                is_shown and seen.test_id.name.startswith("setUp")
            ):
                tests[seen.test_id.name] = seen.as_test(None)
        for name, reason in self._skipped_tests.items():
            if tests.get(name, {"status": "init"})["status"] == "init":
                tests[name] = _skipped(TestID(name), reason)
        return tests

    def _by_class(self) -> dict[str, _Seen]:
        """What befell classes before their tests."""
        return {
            str(seen.test_id): seen for seen in self._of_classes.values()
            if seen.status != "init"
            and seen.test_id.name.startswith("setUp")
        }

    @property
    def totals(self) -> dict[str, t.Any]:
        """Counts of tests by what became of them, and the duration."""
        tests = self.tests.values()
        statuses = collections.Counter(x["status"] for x in tests)
        first, last = self._moments or (dt.datetime.min, dt.datetime.min)
        return {
            "tests_count": len(tests),
            "tests_duration": "%.3f" % (last - first).total_seconds(),
            **{name: statuses[key] for key, name in COUNTS.items()},
        }

    def filter_tests(self, status: str) -> dict[str, Test]:
        """The tests with this status."""
        return {
            name: test for name, test in self.tests.items()
            if test["status"] == status
        }


def _class_of(test_id: TestID) -> str:
    """Name of the class of a test, as the events of classes have it."""
    return test_id.name.partition("(")[0].rpartition(".")[0]


def _skipped(test_id: TestID, reason: str | None) -> Test:
    return {
        "status": "skip", "name": test_id.name, "duration": "0.000",
        "tags": test_id.tags, **({"reason": reason} if reason else {}),
    }
