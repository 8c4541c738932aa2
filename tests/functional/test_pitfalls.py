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

"""What the released Rally gets wrong, and this tree must not."""

from __future__ import annotations

import datetime
import json
import re
import typing as t

from tests.functional import cluster

SCRIPT = "</script><script>document.title='broken out'</script>"
CONSTANT = {"constant": {"times": 10, "concurrency": 2}}
NO_FAILURE = {"failure_rate": {"max": 0}}

WORKLOADS: dict[str, dict[str, t.Any]] = {
    "killed": {
        "scenario": {"Faulty.kill_worker": {"at": 5}},
        "runner": {"constant": {"times": 100, "concurrency": 4}},
        "sla": NO_FAILURE,
    },
    "killed, rps": {
        "scenario": {"Faulty.kill_worker": {"at": 5}},
        "runner": {"rps": {"times": 40, "rps": 80}},
        "sla": NO_FAILURE,
    },
    "raising sla": {
        "scenario": {"Numbered.sleep": {"sleep": 0.01}},
        "runner": {"constant": {"times": 100, "concurrency": 2}},
        "sla": {"raising": 2},
    },
    "output": {
        "scenario": {"Faulty.output": {}}, "runner": CONSTANT,
        "sla": NO_FAILURE,
    },
    "exit": {
        "scenario": {"Faulty.leave": {"how": "exit"}}, "runner": CONSTANT,
        "sla": NO_FAILURE,
    },
    "interrupt": {
        "scenario": {"Faulty.leave": {"how": "interrupt"}},
        "runner": CONSTANT, "sla": NO_FAILURE,
    },
    "uncopyable": {
        "scenario": {"Dummy.dummy": {}}, "runner": CONSTANT,
        "contexts": {"uncopyable": {}}, "sla": NO_FAILURE,
    },
    "block": {
        "scenario": {"Faulty.block": {"seconds": 20}},
        "runner": {
            "constant": {"times": 8, "concurrency": 2, "timeout": 1}
        },
        "sla": NO_FAILURE,
    },
    "no set-up": {
        "scenario": {"Dummy.dummy": {}}, "runner": CONSTANT,
        "contexts": {"dummy_context": {"fail_setup": True}},
        "sla": NO_FAILURE,
    },
    "text": {
        "scenario": {"Faulty.say": {"text": SCRIPT}}, "runner": CONSTANT,
        "sla": {"failure_rate": {"min": 100}},
        "hooks": [{
            "action": {"sys_call": "/bin/false"},
            "trigger": {"event": {"unit": "iteration", "at": [1]}},
        }],
    },
    "ramp": {
        "scenario": {"Numbered.sleep": {"sleep": 0}},
        "runner": {"rps": {
            "times": 25,
            "rps": {"start": 5, "end": 10, "step": 5, "duration": 1},
        }},
        "sla": NO_FAILURE,
    },
}


class PitfallsTestCase(cluster.SharedTestCase):
    run_: t.ClassVar[cluster.Run]
    found: t.ClassVar[dict[str, cluster.Workload]]

    @classmethod
    def prepare(cls, home: t.Any) -> None:
        cls.run_ = home.run_task(
            cluster.task_of(
                *WORKLOADS.values(),
                title="The title", description="The description",
                tags=["a", "b"],
            )
        )
        cls.found = dict(zip(WORKLOADS, cls.run_.workloads))

    def assert_all_failed(self, name, *words):
        workload = self.found[name]
        self.assertEqual(10, len(workload.rows))
        for row in workload.rows:
            self.assertIn(" ".join(words), " ".join(row["error"]))
        self.assertFalse(workload.verdicts["failure_rate"])

    def test_the_task_does_not_pass(self):
        self.assertEqual(2, self.run_.finish().code)
        self.assertEqual("finished", self.run_.status)

    def test_only_the_broken_criterion_leaves_a_traceback_in_the_log(self):
        self.assertEqual(1, self.run_.log.count("Traceback"), self.run_.log)

    # 1
    def test_iterations_of_a_killed_worker_are_counted_as_lost(self):
        for name, times in (("killed", 100), ("killed, rps", 40)):
            workload = self.found[name]
            self.assertGreaterEqual(workload.lost_count, 1, name)
            self.assertIn(5, workload.lost, name)
            self.assertEqual(
                times, len(workload.rows) + workload.lost_count, name
            )
            self.assertFalse(workload["pass_sla"], name)
            self.assertIn("SIGKILL", json.dumps(workload["load_info"]))

    # 2
    def test_an_exception_in_a_criterion_is_a_failure(self):
        workload = self.found["raising sla"]
        self.assertFalse(workload["pass_sla"])
        self.assertIn("this criterion is broken", json.dumps(workload.sla))

    # 3
    def test_an_output_that_cannot_be_stored_is_a_failed_iteration(self):
        self.assert_all_failed("output")

    def test_no_iteration_at_all_does_not_pass(self):
        workload = self.found["no set-up"]
        self.assertEqual([], workload.rows)
        self.assertFalse(workload["pass_sla"])

    # 4
    def test_leaving_the_program_is_a_failed_iteration(self):
        self.assert_all_failed("exit", "SystemExit")
        self.assert_all_failed("interrupt", "KeyboardInterrupt")

    def test_a_context_that_cannot_be_copied_is_a_failed_iteration(self):
        self.assert_all_failed("uncopyable", "this cannot be copied")

    # 5
    def test_a_ramp_holds_for_the_whole_run(self):
        stamps = self.found["ramp"].timestamps
        took = stamps[-1] - stamps[0]
        # 5 in the first second, then 10 per second
        self.assertGreater(took, 2.5)
        self.assertEqual(25, len(stamps))

    # 13
    def test_a_timeout_ends_an_iteration_inside_a_blocking_call(self):
        workload = self.found["block"]
        self.assertEqual(8, len(workload.rows))
        failed = [row for row in workload.rows if row["error"]]
        self.assertEqual(4, len(failed))
        for row in failed:
            self.assertLess(row["duration"], 5)
            self.assertIn("imeout", " ".join(row["error"]))
        self.assertLess(workload["load_duration"], 15)

    # 17
    def test_title_description_and_tags_of_the_file_are_stored(self):
        self.assertEqual("The title", self.run_.report["title"])
        self.assertEqual("The description", self.run_.report["description"])
        self.assertEqual(["a", "b"], sorted(self.run_.report["tags"]))

    # 18
    def test_a_report_with_a_failed_hook_can_be_imported(self):
        path = self.sandbox.folder / ("%s.json" % self.run_.uuid)
        done = self.rally("task", "import", "--file", path)
        self.assertEqual(0, done.code, done.out)

    # 19
    def test_dates_in_task_results_are_iso_dates(self):
        results = json.loads(
            self.must("task", "results", self.run_.uuid).out
        )
        today = datetime.datetime.now(datetime.timezone.utc)
        created = datetime.datetime.fromisoformat(results[0]["created_at"])
        self.assertLess(
            abs(today.replace(tzinfo=None) - created),
            datetime.timedelta(days=1),
        )

    # 20
    def test_the_report_is_not_broken_by_texts_and_needs_no_network(self):
        path = self.sandbox.folder / "report.html"
        self.must("task", "report", self.run_.uuid, "--out", path)
        page = path.read_text()
        self.assertNotIn(SCRIPT, page)
        self.assertNotRegex(page, r"<script[^>]+src\s*=")
        self.assertNotRegex(page, r"<link[^>]+href\s*=\s*.http")


class WaitingTestCase(cluster.TestCase):
    # 10
    def test_short_workloads_do_not_wait_for_each_other(self):
        one = {
            "scenario": {"Dummy.dummy": {}},
            "runner": {"serial": {"times": 1}},
        }
        run = self.run_task(cluster.task_of(*[one] * 10))

        took = sum(each["full_duration"] for each in run.workloads)
        self.assertLess(took, 10)  # released Rally: 2 s for each

    # 17
    def test_a_refused_file_leaves_no_task_in_init(self):
        refused = [
            {"version": 2, "title": "t", "subtasks": 5},
            cluster.task_of(
                {"scenario": {"No.such": {}}, "runner": CONSTANT}
            ),
        ]
        for task in refused:
            run = self.start_task(task)
            self.assertNotEqual(0, run.finish().code)

        listed = self.must("task", "list").out
        self.assertIsNone(re.search(r"\b(init|validating)\b", listed))

    # 21
    def test_deleting_an_environment_deletes_its_results(self):
        self.must("env", "create", "--name", "other", "--no-use")
        run = self.start_task(
            cluster.task_of(
                {"scenario": {"Dummy.dummy": {}}, "runner": CONSTANT}
            ),
            "--env", "other",
        )
        self.assertEqual(0, run.finish().code, run.out)

        done = self.rally("env", "delete", "other", "--force")

        self.assertEqual(0, done.code, done.out)
        for table in ("tasks", "subtasks", "workloads", "workloaddata"):
            [[count]] = self.sandbox.db.select("count(*) from " + table)
            self.assertEqual(0, count, table)
