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

"""Ending a task that another process runs."""

from __future__ import annotations

import typing as t

import ddt

from rally import exceptions
from rally.api import aborts
from rally.common import owners
from tests.unit import processes, test


class FakeTasks:
    """One task, whose process goes on to the next status at each pause."""

    def __init__(self, *statuses: str, owner: str | None = None) -> None:
        self.statuses = list(statuses)
        self.owner = owners.own_name() if owner is None else owner
        self.requested: bool | None = None
        self.is_closed = False
        self.settling = 0.0

    def get(self, uuid: str) -> t.Mapping[str, t.Any]:
        return {
            "status": self.statuses[0],
            "owner": self.owner,
        }

    def get_status(self, uuid: str) -> str:
        return self.statuses[0]

    def request_abort(self, uuid: str, soft: bool) -> None:
        self.requested = soft

    def settling_s(self, uuid: str) -> float:
        return self.settling

    def close(self, uuid: str) -> None:
        self.is_closed = True

    def pause(self, seconds: float) -> None:
        self.statuses.pop(0)

    def abort(self, **how: bool) -> None:
        aborts.abort(self, "uuid", pause=self.pause, **how)


@ddt.ddt
class AbortTestCase(test.TestCase):
    @ddt.data(True, False)
    def test_asks_and_does_not_wait_unless_told(self, soft):
        tasks = FakeTasks("running")
        tasks.abort(soft=soft)
        self.assertEqual(soft, tasks.requested)
        self.assertEqual(["running"], tasks.statuses)

    @ddt.data("aborted", "finished", "crashed", "validation_failed")
    def test_waits_for_the_end(self, end):
        tasks = FakeTasks("running", "aborting", end)
        tasks.abort(wait=True)
        self.assertEqual([end], tasks.statuses)

    def test_waits_until_there_is_something_to_stop(self):
        tasks = FakeTasks("init", "validating", "running", "aborted")
        tasks.abort(wait=True)
        self.assertEqual(False, tasks.requested)

    @ddt.data(
        ("init", "only a running task can be stopped"),
        ("validating", "only a running task can be stopped"),
        ("finished", "has ended already"),
        ("crashed", "has ended already"),
        ("validation_failed", "has ended already"),
        ("sla_failed", "has ended already"),
    )
    @ddt.unpack
    def test_refuses_what_does_not_run(self, status, reason):
        tasks = FakeTasks(status)
        error = self.assertRaises(exceptions.RallyException, tasks.abort)
        self.assertIn(reason, str(error))
        self.assertIsNone(tasks.requested)

    def test_a_task_that_ends_before_it_runs_cannot_be_stopped(self):
        tasks = FakeTasks("validating", "crashed")
        self.assertRaises(exceptions.RallyException, tasks.abort, wait=True)

    @ddt.data("init", "validating", "running", "aborting", "soft_aborting")
    def test_closes_a_task_whose_process_is_gone(self, status):
        tasks = FakeTasks(status, owner=processes.name_of_an_ended_one())
        tasks.abort(wait=True)
        self.assertTrue(tasks.is_closed)
        self.assertEqual([status], tasks.statuses)

    def test_agents_have_stopped_when_the_task_counts_as_aborted(self):
        tasks = FakeTasks("running", owner=processes.name_of_an_ended_one())
        tasks.settling = 6.0
        waited = []

        def pause(seconds: float) -> None:
            waited.append((seconds, tasks.is_closed))

        aborts.abort(tasks, "uuid", wait=True, pause=pause)
        self.assertEqual([(6.0, False)], waited)
        self.assertTrue(tasks.is_closed)

    def test_notices_a_process_that_dies_while_it_waits(self):
        tasks = FakeTasks("running", "aborting", "aborting")

        def pause(seconds: float) -> None:
            tasks.pause(seconds)
            tasks.owner = processes.name_of_an_ended_one()

        aborts.abort(tasks, "uuid", wait=True, pause=pause)
        self.assertTrue(tasks.is_closed)

    @ddt.data("finished", "validation_failed")
    def test_leaves_an_ended_task_of_a_gone_process_alone(self, status):
        tasks = FakeTasks(status, owner=processes.name_of_an_ended_one())
        self.assertRaises(exceptions.RallyException, tasks.abort)
        self.assertFalse(tasks.is_closed)
