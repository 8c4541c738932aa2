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

"""Whatever ends a task, the cloud is afterwards as it was before.

Each test case compares what there is before and after, see ``case``. A task
is interrupted in the middle of a phase: the cloud is frozen as soon as the
first thing has come or gone, until the signal is sent.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import typing as t

import ddt

from tests.cloud import case
from tests.cloud import cloud as cloud_module
from tests.functional import cluster, sandbox
from tests.functional.cluster import distributed, task_of

#: the validation sets users up and cleans them up, before the workload does
VALIDATION, WORKLOAD = 1, 2
#: context, phase, which one in the log -> kind of thing that comes or goes
PHASES: t.Mapping[tuple[str, str, int], str] = {
    ("users", "setup", VALIDATION): "projects",
    ("users", "setup", WORKLOAD): "projects",
    ("roles", "setup", VALIDATION): "role_assignments",
    ("images", "setup", VALIDATION): "images",
    ("cleanup", "cleanup", VALIDATION): "images",
    ("images", "cleanup", VALIDATION): "images",
    ("roles", "cleanup", VALIDATION): "role_assignments",
    ("users", "cleanup", WORKLOAD): "users",
}
#: how many tasks may be too quick to be held up
TRIES = 4
LOCAL = {"constant": {"times": 8, "concurrency": 2}}
LONG = {"constant": {"times": 5000, "concurrency": 2}}


class LeftTestCase(case.TestCase):
    OPTIONS = "rally_debug = True"

    def task(
        self, runner: dict[str, t.Any], **more: t.Any
    ) -> dict[str, t.Any]:
        """A workload whose contexts and iterations leave much behind."""
        return task_of({
            "scenario": {
                "GlanceImages.create_and_list_image": {
                    "image_location": self.cloud.image_url,
                    "container_format": "bare",
                    "disk_format": "qcow2",
                }
            },
            "contexts": {
                "users": {"tenants": 2, "users_per_tenant": 6},
                "roles": ["member", "reader"],
                "images": {
                    "image_url": self.cloud.image_url,
                    "disk_format": "qcow2",
                    "container_format": "bare",
                    "images_per_tenant": 4,
                },
            },
            "runner": runner,
            **more,
        })

    @contextlib.contextmanager
    def amid(
        self, context: str, phase: str, which: int, kind: str
    ) -> t.Iterator[cluster.Run]:
        """A block in which a task is in the middle of a phase.

        :raises AssertionError: the phase was over before it could be held
            up, in each of several tasks
        """
        what = "Context %s@openstack %s" % (
            re.escape(context), re.escape(phase + "()")
        )
        for _ in range(TRIES):
            run = self.hold_up(what, which, kind)
            try:
                ended = re.findall(what + " (?:finished|failed)", run.log)
                if len(ended) < which:
                    yield run
                    return
            finally:
                self.cloud.signal(signal.SIGCONT)
            run.finish()
        self.fail("%s was over too soon" % what)

    def hold_up(self, what: str, which: int, kind: str) -> cluster.Run:
        """A task, and a cloud that is frozen after what the phase did first.
        """
        look = self.cloud.watch(kind)
        run = self.start_task(self.task(LOCAL))
        run.wait_until(
            lambda: len(re.findall(what + " started", run.log)) >= which,
            "the phase has begun",
        )
        before = look()
        run.wait_until(
            lambda: look() != before
            or len(re.findall(what + " (?:fin|fail)", run.log)) >= which,
            "something came or went",
        )
        self.cloud.signal(signal.SIGSTOP)
        return run

    def kill(self, run: cluster.Run) -> None:
        """End the controller as if its host had lost its power."""
        for pid in self.sandbox.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        run.finish()

    def recover(self, run: cluster.Run) -> sandbox.Done:
        return self.must("task", "recover", run.uuid)


@ddt.ddt
class ContextsTestCase(LeftTestCase):
    @ddt.data(*PHASES)
    @ddt.unpack
    def test_a_killed_controller_is_recovered(
        self, context: str, phase: str, which: int
    ) -> None:
        kind = PHASES[context, phase, which]
        with self.amid(context, phase, which, kind) as run:
            self.kill(run)
        self.recover(run)

    @ddt.data(
        *((phase, signal.SIGINT) for phase in list(PHASES)[::2]),
        *((phase, signal.SIGTERM) for phase in list(PHASES)[1::2]),
    )
    @ddt.unpack
    def test_a_signal_ends_the_task(
        self, phase: tuple[str, str, int], number: int
    ) -> None:
        with self.amid(*phase, PHASES[phase]) as run:
            run.signal(number)
        done = run.finish()
        self.assertEqual("aborted", run.status, done.out + done.err)


@ddt.ddt
class QuotasTestCase(LeftTestCase):
    """Neutron keeps the quotas of projects that are gone."""

    SERVICES = cloud_module.ALL

    def task(
        self, runner: dict[str, t.Any], **more: t.Any
    ) -> dict[str, t.Any]:
        return task_of({
            "scenario": {"Authenticate.keystone": {}},
            "contexts": {
                "users": {"tenants": 6, "users_per_tenant": 1},
                "quotas": {"neutron": {"network": 50}},
            },
            "runner": runner,
        })

    @ddt.data("setup", "cleanup")
    def test_a_killed_controller_is_recovered(self, phase: str) -> None:
        with self.amid("quotas", phase, 1, "quotas") as run:
            self.kill(run)
        self.recover(run)


class ExpiredTokenTestCase(case.TestCase):
    def make_cloud(self) -> cloud_module.Cloud:
        made = cloud_module.Cloud(token_s=4)
        self.addCleanup(made.close)
        return made

    def test_a_load_may_outlast_the_tokens_of_its_contexts(self) -> None:
        run = self.run_task(task_of({
            "scenario": {"Dummy.openstack": {"sleep": 6}},
            "contexts": {"users": {"tenants": 1, "users_per_tenant": 2}},
            "runner": {"serial": {"times": 1}},
        }))
        self.assertEqual(0, run.finish().code, run.log)


@ddt.ddt
class LoadTestCase(LeftTestCase):
    def begin_load(self, runner: dict[str, t.Any], **more: t.Any
                   ) -> cluster.Run:
        """A task whose iterations have made images."""
        run = self.start_task(self.task(runner, **more))
        run.wait_until(
            lambda: len(self.left().get("images", ())) > 8,
            "iterations have made images",
        )
        return run

    @ddt.data("local", "distributed")
    def test_a_killed_controller_is_recovered(self, kind: str) -> None:
        runner = LONG if kind == "local" else distributed(LONG)
        run = self.begin_load(runner)
        self.kill(run)
        self.recover(run)

    @ddt.data(
        ("local", signal.SIGINT), ("distributed", signal.SIGTERM)
    )
    @ddt.unpack
    def test_a_signal_ends_the_load(self, kind: str, number: int) -> None:
        runner = LONG if kind == "local" else distributed(LONG)
        run = self.begin_load(runner)
        run.signal(number)
        run.finish()
        self.assertEqual("aborted", run.status)

    @ddt.data("local", "distributed")
    def test_a_violated_criterion_ends_the_load(self, kind: str) -> None:
        runner = LONG if kind == "local" else distributed(LONG)
        task = self.task(runner, sla={"max_seconds_per_iteration": 0.001})
        run = self.start_task(task, "--abort-on-sla-failure")
        run.finish()
        self.assertFalse(
            run.workload.verdicts["max_seconds_per_iteration"]
        )
        self.assertLess(len(run.workload.rows), 1000)

    def test_an_agent_is_killed(self) -> None:
        run = self.begin_load(distributed(
            {"constant": {"times": 100, "concurrency": 2}}
        ))
        (victim, *_) = [
            pid for pid, line in self.sandbox.processes().items()
            if "agent_process" in line and "local-1" in line
        ]
        os.kill(victim, signal.SIGKILL)
        run.finish()
        workload = run.workload
        self.assertEqual(100, len(workload.rows) + workload.lost_count)
        self.assertGreater(workload.lost_count, 0)

    def test_a_scenario_fails(self) -> None:
        run = self.run_task(task_of({
            "scenario": {
                "KeystoneBasic.create_and_update_user": {
                    "create_user_kwargs": {},
                    "update_user_kwargs": {"enabled": "perhaps"},
                }
            },
            "runner": LOCAL,
        }))
        self.assertEqual(
            8, sum(bool(row["error"]) for row in run.workload.rows)
        )
