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

"""Tasks whose controller is gone, or whose clean-up failed."""

from __future__ import annotations

import json
import typing as t
from unittest import mock

from rally import consts
from rally.common import db, objects, owners
from rally.env import env_mgr, platform
from rally.task import context
from rally.task.cleanup import context_store, leftovers
from rally.task.distributed import recovery
from rally.task.results import chunk, names, stored
from tests.unit import test

CLEAN = {"deleted": 0, "discovered": 0, "errors": [], "failed": 0,
         "resources": {}}


class Target(context.Context):
    """Its resources are a set of this class."""

    CONFIG_SCHEMA = {}
    there: t.ClassVar[set[str]] = set()
    is_down: t.ClassVar[bool] = False

    def setup(self):
        self.context["made"] = ["a", "b"]
        self.there.update(self.context["made"])

    def cleanup(self):
        made = self.context["made"]
        if self.is_down:
            raise OSError("no answer")
        self.there.difference_update(made)


class RecoverTestCase(test.DBTestCase):
    def setUp(self):
        super().setUp()
        context.configure("target", 1, platform="cloud")(Target)
        self.addCleanup(Target.unregister)
        self.addCleanup(Target.there.clear)
        self.owners = []
        self.answer = CLEAN
        self.make_platform()
        self.said = []

    def make_platform(self):
        case = self

        class Cloud(platform.Platform):
            CONFIG_SCHEMA = {}

            def create(self):
                return {}, {}

            def destroy(self):
                """There is nothing to destroy."""

            def cleanup(self, task_uuid=None):
                case.owners.append(task_uuid)
                # nothing bears the name of a workload
                return case.answer if task_uuid == case.uuid else CLEAN

        platform.configure("existing", "cloud")(Cloud)
        self.addCleanup(Cloud.unregister)
        self.env = env_mgr.EnvManager.create("cloud", {"existing@cloud": {}})

    def begin(self, owner=None, **columns):
        """A workload whose controller dies after its set-up."""
        configs = {"target@cloud": {}}
        workload = self.make_workload(
            self.env.uuid, contexts=configs, **columns
        )
        self.uuid = workload["task_uuid"]
        db.task_update(self.uuid, {"owner": owner})
        self.workload_uuid = workload["uuid"]
        context.ContextManager(
            {"task": objects.Task(db.task_get(self.uuid)),
             "owner_id": workload["uuid"], "config": configs},
            lambda results: db.workload_set_contexts(
                workload["uuid"], json.loads(json.dumps(results))
            ),
            context_store.ContextStore(workload["uuid"]),
        ).setup()

    def recover(self):
        self.said.clear()
        recovery.recover(self.uuid, say=self.said.append)

    def failed(self):
        error = self.assertRaises(leftovers.CleanupsFailed, self.recover)
        return str(error)

    @property
    def status(self):
        return db.task_get(self.uuid)["status"]

    def kill_in_setup(self):
        self.begin()
        (result,) = db.workload_get(self.workload_uuid)["contexts_results"]
        result["setup"]["finished_at"] = None
        db.workload_set_contexts(self.workload_uuid, [result])
        context_store.ContextStore(self.workload_uuid).forget()

    def test_all_is_cleaned_up_and_the_task_closed(self):
        self.begin()

        self.recover()

        self.assertEqual(set(), Target.there)
        self.assertEqual(consts.TaskStatus.ABORTED, self.status)
        self.assertIn("target@cloud is cleaned up", self.said[0])
        self.assertIn("0 iterations are stored", self.said[-1])
        self.assertRaises(recovery.NothingToRecover, self.recover)

    def test_a_clean_up_that_failed_fails_the_recovery(self):
        self.begin()
        with mock.patch.object(Target, "is_down", True):
            error = self.failed()

        self.assertIn("1 clean-up failed (target@cloud)", error)
        self.assertIn("OSError: no answer", self.said[0])
        self.assertIn("rally task recover %s" % self.uuid, error)
        self.assertEqual({"a", "b"}, Target.there)
        self.assertEqual(consts.TaskStatus.ABORTED, self.status)
        self.assertEqual([], self.owners, "what it needs may be deleted")

        self.recover()

        self.assertEqual(set(), Target.there)
        self.assertRaises(recovery.NothingToRecover, self.recover)

    def test_a_finished_task_keeps_its_results_when_it_is_cleaned_up(self):
        self.begin()
        db.workload_set_results(
            workload_uuid=self.workload_uuid,
            subtask_uuid=db.workload_get(self.workload_uuid)["subtask_uuid"],
            task_uuid=self.uuid, load_duration=1.0, full_duration=2.0,
            start_time=3.0, sla_results=[], aggregate={
                "statistics": {"durations": {"total": {}, "atomics": []}},
                "total": 7, "failed": 0, "min_duration": 1.0,
                "max_duration": 2.0, "start_time": 3.0, "load_duration": 1.0,
                "load_info": {"run": "0" * 32, "lost": [], "agents": []},
            },
            contexts_results=db.workload_get(
                self.workload_uuid)["contexts_results"],
        )
        db.task_update(self.uuid, {"status": consts.TaskStatus.FINISHED})

        self.recover()

        self.assertEqual(set(), Target.there)
        self.assertEqual(consts.TaskStatus.FINISHED, self.status)
        after = db.workload_get(self.workload_uuid)
        self.assertEqual(7, after["total_iteration_count"])
        self.assertEqual([], after["sla_results"]["sla"])
        self.assertEqual(1, len(self.said), self.said)

    def test_the_platform_is_asked_for_what_bears_the_name_of_the_task(self):
        self.begin()
        self.answer = {**CLEAN, "discovered": 2, "deleted": 2}

        self.recover()

        self.assertEqual([self.uuid, self.workload_uuid], self.owners)
        self.assertIn("2 deleted", " ".join(self.said))

    def test_what_the_platform_could_not_delete_keeps_the_task_open(self):
        self.begin()
        self.answer = {**CLEAN, "discovered": 2, "deleted": 1, "failed": 1}

        self.assertIn("platform existing@cloud", self.failed())

        self.assertEqual(consts.TaskStatus.RUNNING, self.status)
        self.answer = CLEAN
        self.recover()
        self.assertEqual(consts.TaskStatus.ABORTED, self.status)

    def test_a_search_that_failed_is_made_again_after_the_task_is_closed(self):
        self.begin()
        with mock.patch.object(Target, "is_down", True):
            self.failed()
        self.answer = {**CLEAN, "discovered": 2, "deleted": 1, "failed": 1}
        self.assertIn("platform existing@cloud", self.failed())
        self.assertEqual(consts.TaskStatus.ABORTED, self.status)

        self.assertIn("platform existing@cloud", self.failed())
        self.answer = {**CLEAN, "discovered": 1, "deleted": 1}
        self.recover()

        self.assertIn("1 deleted", " ".join(self.said))
        self.assertEqual(3, self.owners.count(self.uuid))
        self.answer = CLEAN
        self.assertRaises(recovery.NothingToRecover, self.recover)

    def test_what_a_validation_left_is_found_although_nobody_recorded_it(
        self
    ):
        self.uuid = db.task_create({
            "env_uuid": self.env.uuid, "status": "validation_failed",
        })["uuid"]
        self.answer = {**CLEAN, "discovered": 1, "deleted": 1}

        self.recover()

        self.assertIn("1 deleted", " ".join(self.said))
        self.assertEqual("validation_failed", self.status)

    def lose_what_was_kept(self):
        db.task_update(self.uuid, {"status": consts.TaskStatus.FINISHED})
        with mock.patch.object(Target, "is_down", True):
            self.failed()
        self.owners.clear()
        context_store.ContextStore(self.workload_uuid).forget()

    def test_what_was_kept_and_is_lost_does_not_keep_from_searching(self):
        self.begin(owner=owners.own_name())
        self.lose_what_was_kept()

        self.assertIn("target@cloud", self.failed())

        self.assertEqual([self.uuid, self.workload_uuid], self.owners)

    def test_on_another_host_it_may_still_be_there(self):
        self.begin(owner="elsewhere:7")
        self.lose_what_was_kept()

        self.failed()

        self.assertEqual([], self.owners, "what it needs may be deleted")

    def test_a_clean_up_of_nothing_proves_nothing_of_a_set_up_that_died(self):
        self.kill_in_setup()
        with mock.patch.object(Target, "cleanup", lambda self: None):
            self.assertIn("target@cloud", self.failed())

        self.assertNotIn("is cleaned up", " ".join(self.said))
        self.assertTrue(leftovers.is_left(db.workload_get(
            self.workload_uuid)))

    def test_a_set_up_that_never_ended_is_left_to_who_can_search(self):
        self.kill_in_setup()

        self.assertIn("target@cloud", self.failed())
        self.assertEqual([self.uuid, self.workload_uuid], self.owners)

        with mock.patch.object(
            recovery.name_search, "delete_left",
            return_value=[recovery.name_search.Found(
                "existing@cloud", has_failed=False, is_certain=True,
                sentence="",
            )],
        ):
            self.recover()

        self.assertIn("has left nothing", " ".join(self.said))
        self.assertRaises(recovery.NothingToRecover, self.recover)

    def test_a_controller_that_died_in_validation(self):
        self.uuid = db.task_create({
            "env_uuid": self.env.uuid, "status": "validating",
        })["uuid"]

        self.recover()

        self.assertEqual([self.uuid], self.owners)
        self.assertEqual(consts.TaskStatus.ABORTED, self.status)

    def test_a_file_that_was_refused_leaves_nothing(self):
        self.uuid = db.task_create({
            "env_uuid": self.env.uuid, "status": "validation_failed",
        })["uuid"]

        self.assertRaises(recovery.NothingToRecover, self.recover)
        self.assertEqual("validation_failed", self.status)

    def test_results_that_were_counted_and_not_stored_are_named(self):
        self.begin()
        db.workload_update_progress(
            self.workload_uuid, total=9, failed=0, statistics={},
            min_duration=None, max_duration=None, start_time=None,
            load_duration=0.0, load_info={"run": ""},
        )

        self.recover()

        self.assertIn("0 iterations are stored; 9 more had ended",
                      self.said[-1])


class FiguresTestCase(test.DBTestCase):
    """What a controller recorded before more results were fetched."""

    def store(self, agent, numbers, duration_s, sequence=0, name="a"):
        duration_ns = int(duration_s * 1e9)
        rows = [
            chunk.Row(
                number, 10 ** 18 + number * 10 ** 9, duration_ns, 0, 0,
                (chunk.Node(name % number if "%" in name else name, 0,
                            False),),
                (0, duration_ns), None, None,
            )
            for number in numbers
        ]
        db.workload_chunks_create(
            self.workload["task_uuid"], self.workload["uuid"],
            [stored.envelope(
                chunk.Chunk.of_rows(rows).packed(), sequence, agent, 0
            )],
        )

    def begin(self, **info):
        self.workload = self.make_workload()
        agents = [
            {"name": name, "state": "lost", "iterations": 2, "failed": 0,
             "p50": 1.0, "p95": 1.0, "p99": 1.0, "lost": 2, "delivered": 2,
             "position": 0, "clock_error_s": 0.0, "is_takeover": False}
            for name in ("one", "two")
        ]
        db.workload_update_progress(
            self.workload["uuid"], total=2, failed=0, statistics={},
            min_duration=None, max_duration=None, start_time=None,
            load_duration=0.0, load_info={
                "run": "", "agents": agents, "achieved_rate": 99.0,
                "percentiles": {"50": 1.0, "95": 1.0, "99": 1.0},
                "lag": None, "response": None, "counters": {"late": 1},
                "lost": [
                    {"agent": "two", "count": 2, "reason": "it was silent",
                     "numbers": [[3, 4, 1]]},
                    {"agent": "two", "count": 1, "reason": "it was restarted",
                     "numbers": [[5, 5, 1]]},
                ],
                **info,
            },
        )

    def close(self):
        recovery._close(db.workload_get(self.workload["uuid"]))
        return db.workload_get(self.workload["uuid"])["load_info"]

    def test_are_those_of_what_is_stored_when_it_is_closed(self):
        self.begin()
        self.store("one", [1, 2], 1.0)
        self.store("two", [3, 4], 3.0)

        info = self.close()

        self.assertEqual(
            {"50": 2.0, "95": 3.0, "99": 3.0}, info["percentiles"]
        )
        self.assertEqual(4 / 6, info["achieved_rate"])
        self.assertEqual(
            [("one", 2, 1.0, 0, 0.0), ("two", 2, 3.0, 1, 2.0)],
            [(a["name"], a["iterations"], a["p50"], a["lost"],
              a["start_spread_s"]) for a in info["agents"]],
        )
        self.assertEqual({"late": 1}, info["counters"])
        self.assertEqual(["two"], info["late_agents"])
        self.assertEqual(
            [("it was restarted", [[5, 5, 1]])],
            [(lost["reason"], lost["numbers"]) for lost in info["lost"]],
        )

    def test_an_agent_of_which_nothing_is_stored_has_zeros(self):
        self.begin()
        self.store("one", [1, 2], 1.0)

        _, two = self.close()["agents"]

        self.assertEqual(
            (0, 0, None, 3),
            (two["iterations"], two["failed"], two["p50"], two["lost"]),
        )

    def test_names_beyond_the_rows_of_statistics_are_told_once(self):
        self.begin(problems=["node is gone"])
        self.store("one", range(1, 1201), 1.0, name="port-%d")
        self.close()
        self.store("two", range(1201, 2001), 1.0, name="port-%d")

        info = self.close()

        self.assertEqual(1000, info["other_actions"]["names"])
        problems = "\n".join(info["problems"])
        self.assertEqual(1, problems.count(names.OTHER_ACTIONS))
        self.assertIn("1000 names of atomic actions", problems)
        self.assertIn("node is gone", problems)
