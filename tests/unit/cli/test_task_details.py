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

"""Tests of what is printed of the load itself."""

from __future__ import annotations

import contextlib
import io
import typing as t

from rally.cli import cliutils, task_details, task_iterations
from tests.unit import test
from tests.unit.task.processing import fakes


class LoadInfoTestCase(test.TestCase):
    def printed(self, **more: object) -> str:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            task_details._print_load_info(fakes.load_info(**more))
        return out.getvalue()

    def test_agents_that_limited_the_load_or_were_late_are_named(
        self
    ) -> None:
        out = self.printed()
        self.assertIn("Limited by the generator: node2\n", out)
        self.assertIn("\tnode2: its threads ran 43 ms late (p95)\n", out)
        self.assertIn(
            "Agents began within 31.0 ms of each other; late: node2\n", out
        )
        self.assertIn("| cpu_wait_share |", out)
        self.assertIn("Last start after the stop: 0.700 s\n", out)

    def test_nobody_is_shown_as_nobody(self) -> None:
        out = self.printed(
            agents=[], generator=fakes.generator_facts(),
            generator_limited=[], start_spread_s=None, late_agents=[],
        )
        self.assertIn("Limited by the generator: no\n", out)
        self.assertNotIn("cpu_wait_share", out)
        self.assertNotIn("Agents began", out)

    def test_traffic_is_told_if_there_were_requests(self) -> None:
        self.assertNotIn("HTTP", self.printed())
        self.assertIn(
            "HTTP: 3 requests (1.5/s), 0 B sent (0 B/s), 3 MiB received "
            "(1.5 MiB/s)\n",
            self.printed(traffic={
                "requests": 3, "sent_bytes": 0, "received_bytes": 3 << 20,
                "requests_per_s": 1.5, "sent_bytes_per_s": 0.0,
                "received_bytes_per_s": 1.5 * (1 << 20), "history": [],
            }),
        )

    def test_what_an_earlier_version_recorded_is_no_problem(self) -> None:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            task_details._print_load_info({"asked": 3, "stored": 3})
        self.assertNotIn("generator", out.getvalue())


class IterationsTestCase(test.TestCase):
    def test_actions_beyond_the_columns_share_one(self) -> None:
        rows = [
            fakes.iteration(i, atomic_actions=[
                fakes.action("port-%d" % i, 0.0, 0.25),
                fakes.action("disk-%d" % i, 0.0, 0.5),
            ])
            for i in range(60)
        ]
        with contextlib.redirect_stdout(io.StringIO()) as out:
            task_iterations.print_table(rows)
        head = out.getvalue().splitlines()[3]
        self.assertIn("50. disk-24 | 51. <other actions> |", head)
        self.assertIn("| 0.75 ", out.getvalue().splitlines()[-3])

    def test_a_table_without_lines_of_its_own_is_as_others_are(self) -> None:
        rows = [
            fakes.iteration(i, 100.0 if i == 5 else 0.25, atomic_actions=[
                fakes.action("a", 0.0, 0.12345),
                *[fakes.action("a long name", 0.0, 1000.0)] * (i == 7),
                fakes.action("a", 0.0, 1.0),
            ])
            for i in range(12)
        ]
        labels = ["iteration", "duration", "1. a", "2. a long name"]
        with contextlib.redirect_stdout(io.StringIO()) as expected:
            cliutils.print_table(labels, [
                [i + 1, 100.0 if i == 5 else 0.25, 1.123,
                 1000.0 if i == 7 else "N/A"]
                for i in range(12)
            ], "Atomics per iteration")
            print()
        with contextlib.redirect_stdout(io.StringIO()) as out:
            task_iterations.print_table(rows)
        self.assertEqual(expected.getvalue(), out.getvalue())

    def test_a_table_of_nothing_has_a_head(self) -> None:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            task_iterations.print_table([])
        self.assertIn("| iteration | duration |\n", out.getvalue())


class ShortenedTestCase(test.TestCase):
    def test_errors_of_megabytes_lose_their_middle(self) -> None:
        rows = [
            fakes.iteration(
                i, error=["E", "<%s>" % ("x" * 2**21), "t" * 10**6]
            )
            for i in range(24)
        ]
        task = fakes.task(fakes.workload(
            rows, failed_iteration_count=24, pass_sla=False,
            sla_results={"sla": [{
                "criterion": "c", "success": False, "detail": "y" * 2**21,
            }]},
        ), pass_sla=False)
        with contextlib.redirect_stdout(io.StringIO()) as out:
            task_details.print_task(task)
        text = out.getvalue()
        self.assertLess(len(text), 60 * task_details.TEXT_SHOWN)
        self.assertIn("E: <xxx", text)
        self.assertIn("x>\n", text)
        self.assertIn(
            "[... 2093154 characters left out. All of it: rally task report "
            "task-uuid --json --out FILE ...]", text,
        )

    def test_a_short_text_stays_as_it_is(self) -> None:
        text = "x" * task_details.TEXT_SHOWN
        self.assertEqual(text, task_details.shortened(text, "u"))

    def test_a_crash_is_shortened_too(self) -> None:
        task = fakes.task(
            status="crashed",
            validation_result={"etype": "E", "msg": "z" * 2**21},
        )
        with contextlib.redirect_stdout(io.StringIO()) as out:
            task_details.print_task(task)
        self.assertLess(len(out.getvalue()), 2 * task_details.TEXT_SHOWN)


class FailuresTestCase(test.TestCase):
    def printed(self, *rows: fakes.Record, **more: t.Any) -> str:
        task = fakes.task(fakes.workload(
            rows, failed_iteration_count=len(rows), **more
        ))
        with contextlib.redirect_stdout(io.StringIO()) as out:
            task_details.print_task(task)
        return out.getvalue()

    def test_errors_that_are_alike_are_shown_once(self) -> None:
        text = self.printed(
            *(fakes.failed(i, "port %d is taken" % i) for i in range(7)),
            fakes.failed(8, "no disk"),
        )
        self.assertIn("has 8 error(s)", text)
        self.assertEqual(1, text.count("ValueError: port"))
        self.assertIn("7 iterations failed like this.", text)
        self.assertIn("ValueError: no disk", text)

    def test_what_holds_without_a_reason_is_told(self) -> None:
        results = [{
            "criterion": "max_avg_duration", "success": True,
            "detail": "Passed (nothing to judge: no iteration ran)",
        }]
        text = self.printed(sla_results={"sla": results})
        self.assertIn("max_avg_duration holds, but says nothing", text)
