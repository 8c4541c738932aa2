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

"""Tests of reading results out of a stream of subunit."""

from __future__ import annotations

import datetime as dt
import io
import logging as std_logging
import typing as t

import ddt
import hypothesis
import subunit
from hypothesis import strategies as st

from rally.common import logging
from rally.common.io import subunit_v2
from tests.unit import test

Event: t.TypeAlias = dict[str, t.Any]


def at(second: float) -> dt.datetime:
    start = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
    return start + dt.timedelta(seconds=second)


def ran(
    test_id: str, status: str, second: float = 0, took: float = 1,
    **more: t.Any,
) -> list[Event]:
    """Events of a test that ran."""
    texts = [
        {"test_id": test_id, "file_name": name, "file_bytes": value.encode()}
        for name, value in more.items()
    ]
    return [
        {"test_id": test_id, "test_status": "inprogress",
         "timestamp": at(second)},
        *texts,
        {"test_id": test_id, "test_status": status,
         "timestamp": at(second + took)},
    ]


def exist(*test_ids: str) -> list[Event]:
    return [{"test_id": x, "test_status": "exists"} for x in test_ids]


def stream_of(events: t.Iterable[Event | bytes]) -> io.BytesIO:
    stream = io.BytesIO()
    writer = subunit.StreamResultToBytes(stream)
    for event in events:
        if isinstance(event, bytes):
            stream.write(event)
        else:
            writer.status(**event)
    stream.seek(0)
    return stream


def parsed(*events: t.Any, **kwargs: t.Any) -> t.Any:
    return subunit_v2.parse(stream_of(events), **kwargs)


@ddt.ddt
class TestIDTestCase(test.TestCase):
    @ddt.data(
        ("a.b.T.x", "a.b.T.x", "a.b.T.x", []),
        ("a.b.T.x[id-1,smoke]", "a.b.T.x[id-1,smoke]", "a.b.T.x",
         ["id-1", "smoke"]),
        ("a.T.x(one,two)[id-1]", "a.T.x(one,two)[id-1]", "a.T.x(one,two)",
         ["id-1"]),
        ("setUpClass (a.b.T)", "a.b.T", "setUpClass (a.b.T)", []),
        ("tearDown (a.b.T)", "a.b.T", "tearDown (a.b.T)", []),
        ("[odd]", "[odd]", "[odd]", []),
    )
    @ddt.unpack
    def test_has_a_name_and_tags(self, text, value, name, tags):
        test_id = subunit_v2.TestID(text)
        self.assertEqual(
            (value, name, tags), (str(test_id), test_id.name, test_id.tags)
        )
        self.assertEqual(text.startswith(("setUp", "tear")),
                         test_id.is_fixture)


class ResultsTestCase(test.TestCase):
    def test_a_test_has_status_duration_time_and_texts(self):
        results = parsed(
            *exist("a.T.x[id-1]", "a.T.never"),
            *ran("a.T.x[id-1]", "fail", 1, 2.5, traceback="boom\u00e9"),
        )
        self.assertEqual(
            {
                "status": "fail", "name": "a.T.x", "duration": "2.500",
                "tags": ["id-1"], "timestamp": "2026-01-01T00:00:01+0000",
                "traceback": "boom\u00e9",
            },
            results.tests["a.T.x[id-1]"],
        )
        self.assertEqual("init", results.tests["a.T.never"]["status"])
        self.assertEqual(
            {
                "tests_count": 2, "tests_duration": "2.500", "failures": 1,
                "skipped": 0, "success": 0, "unexpected_success": 0,
                "expected_failures": 0,
            },
            results.totals,
        )
        self.assertEqual(["a.T.x[id-1]"], list(results.filter_tests("fail")))

    def test_a_text_comes_in_pieces_or_with_the_status(self):
        results = parsed(
            *exist("a.T.x"),
            {"test_id": "a.T.x", "file_name": "traceback",
             "file_bytes": "\u00e9".encode()[:1]},
            {"test_id": "a.T.x", "file_name": "traceback",
             "file_bytes": "\u00e9".encode()[1:]},
            {"test_id": "a.T.x", "file_name": "log", "file_bytes": b"no"},
            {"test_id": "a.T.x", "test_status": "skip",
             "file_name": "reason", "file_bytes": b"why"},
        )
        found = results.tests["a.T.x"]
        self.assertEqual(("\u00e9", "why"),
                         (found["traceback"], found["reason"]))
        self.assertEqual("0.000", found["duration"])

    def test_a_stream_without_announcements_has_results(self):
        results = parsed(*ran("a.T.x", "success"))
        self.assertEqual({"a.T.x": "success"}, statuses_of(results))

    def test_a_late_announcement_wipes_nothing(self):
        results = parsed(*ran("a.T.x", "fail"), *exist("a.T.x"))
        self.assertEqual({"a.T.x": "fail"}, statuses_of(results))

    def test_a_duration_is_never_negative(self):
        results = parsed(*ran("a.T.x", "success", 5, -2))
        self.assertEqual("0.000", results.tests["a.T.x"]["duration"])
        self.assertEqual("2.000", results.totals["tests_duration"])

    def test_what_befell_a_class_befell_its_tests(self):
        results = parsed(
            *exist("a.T.x[id-1]", "a.T.y", "a.U.z"),
            *ran("a.T.y", "success"),
            *ran("setUpClass (a.T)", "fail", traceback="no resources"),
            *ran("setUpClass (a.U)", "skip", reason="no service"),
        )
        self.assertEqual(
            {"a.T.x[id-1]": "fail", "a.T.y": "success", "a.U.z": "skip"},
            statuses_of(results),
        )
        tests = results.tests
        self.assertEqual("no resources", tests["a.T.x[id-1]"]["traceback"])
        self.assertEqual("no service", tests["a.U.z"]["reason"])

    def test_a_failure_of_a_class_is_never_lost(self):
        results = parsed(
            *exist("a.T.x"), *ran("a.T.x", "success"),
            *ran("tearDownClass (a.T)", "fail", traceback="left"),
            *ran("setUpClass (a.Unknown)", "fail"),
        )
        self.assertEqual(
            {"a.T.x": "success", "tearDownClass (a.T)": "fail",
             "setUpClass (a.Unknown)": "fail"},
            statuses_of(results),
        )
        self.assertEqual(2, results.totals["failures"])

    def test_what_is_expected_to_fail(self):
        results = parsed(
            *exist("a.T.x[id-1]", "a.T.y[id-2]"),
            *ran("a.T.x[id-1]", "fail", traceback="boom"),
            *ran("a.T.y[id-2]", "success"),
            expected_failures={"a.T.x": "bug 1", "a.T.y[id-2]": "bug 2"},
        )
        self.assertEqual(
            {"a.T.x[id-1]": "xfail", "a.T.y[id-2]": "uxsuccess"},
            statuses_of(results),
        )
        self.assertEqual(
            ["bug 1", "bug 2"],
            [each["reason"] for each in results.tests.values()],
        )

    def test_a_class_may_be_expected_to_fail(self):
        results = parsed(
            *exist("a.T.x", "a.U.y"), *ran("a.U.y", "success"),
            *ran("setUpClass (a.T)", "fail", traceback="boom"),
            *ran("tearDownClass (a.U)", "fail"),
            expected_failures={"a.T.x": "bug 1",
                               "tearDownClass (a.U)": "bug 2"},
        )
        self.assertEqual({"a.T.x": "xfail", "a.U.y": "success"},
                         statuses_of(results))
        found = results.tests["a.T.x"]
        self.assertEqual(("bug 1", "boom"),
                         (found["reason"], found["traceback"]))

    def test_what_was_skipped_and_did_not_run_is_added(self):
        results = parsed(
            *exist("a.T.x"), *ran("a.T.x", "success"),
            skipped_tests={"a.T.x": "no", "a.T.y[id-1]": "later"},
        )
        self.assertEqual(
            {"a.T.x": "success", "a.T.y[id-1]": "skip"}, statuses_of(results)
        )
        self.assertEqual(
            {"status": "skip", "name": "a.T.y", "duration": "0.000",
             "tags": ["id-1"], "reason": "later"},
            results.tests["a.T.y[id-1]"],
        )

    def test_the_words_of_a_launcher_are_kept(self):
        results = parsed(
            b"The cause\n" + b"x" * 10000, *exist("a.T.x"),
            b"y" * 10000 + b"\nNo module named zzz\n",
        )
        self.assertTrue(results.words.endswith("yyy\nNo module named zzz"))
        self.assertTrue(results.words.startswith("The cause\nxxx"))
        self.assertEqual(1, results.words.count("xxx\n[...]\nyyy"))
        self.assertLess(len(results.words), 2 * subunit_v2.WORDS_BYTES + 9)

    def test_a_broken_packet_costs_itself(self):
        good = stream_of(exist("a.T.x")).getvalue()
        broken = good[:-1] + bytes([good[-1] ^ 1])
        results = parsed(broken, *ran("a.T.y", "success"))
        self.assertEqual({"a.T.y": "success"}, statuses_of(results))

    def test_results_are_logged_as_they_come(self):
        logger = std_logging.getLogger("zzz-verifier")
        logger.setLevel(std_logging.INFO)
        events = ran("a.T.x", "skip", reason="why")
        events[-1]["test_tags"] = ["worker-3", "odd"]
        with logging.LogCatcher(logger) as catcher:
            parsed(*events, *ran("a.T.y[id-1]", "success"), live=True,
                   skipped_tests={"a.T.z": "no"}, logger_name="zzz-verifier")
        self.assertEqual(
            ["{-} a.T.z ... skip [0.000s]: no",
             "{3} a.T.x ... skip [1.000s]: why",
             "{-} a.T.y ... success [1.000s]"],
            catcher.fetchLogs(),
        )


class FallbackOfPluginsTestCase(test.TestCase):
    """What rally-openstack does with earlier releases."""

    def test_a_subclass_that_turns_views_into_bytes(self):
        class Result(subunit_v2.SubunitV2StreamResult):
            def status(self, *args, **kwargs):
                if isinstance(kwargs.get("file_bytes"), memoryview):
                    kwargs["file_bytes"] = kwargs["file_bytes"].tobytes()
                return super().status(*args, **kwargs)

        result = Result(None, None, live=False, logger_name="x")
        subunit_v2.v2.ByteStreamToStreamResult(
            stream_of(ran("a.T.x", "fail", traceback="t")), "non-subunit"
        ).run(result)
        self.assertEqual("t", result.tests["a.T.x"]["traceback"])


def statuses_of(results: t.Any) -> dict[str, str]:
    return {name: each["status"] for name, each in results.tests.items()}


class LawTestCase(test.TestCase):
    @hypothesis.given(
        st.dictionaries(
            st.sampled_from(["a.T.x", "a.T.y[id-1]", "a.U.z", "b.V.w"]),
            st.sampled_from(["success", "fail", "skip", "xfail",
                             "uxsuccess"]),
        ),
        st.randoms(use_true_random=False),
    )
    def test_the_order_between_tests_does_not_matter(self, ended, random):
        queues = [
            [*exist(test_id), *ran(test_id, status, number)]
            for number, (test_id, status) in enumerate(ended.items())
        ]
        mixed = []
        while any(queues):
            mixed.append(random.choice([q for q in queues if q]).pop(0))
        results = parsed(*mixed)
        self.assertEqual(ended, statuses_of(results))
        totals = dict(results.totals)
        totals.pop("tests_duration")
        self.assertEqual(len(ended), totals.pop("tests_count"))
        self.assertEqual(len(ended), sum(totals.values()))
