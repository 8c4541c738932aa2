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

"""Provider ``slurm`` on a real Slurm; what it starts stands in for Rally."""

from __future__ import annotations

import atexit
import fcntl
import functools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import typing as t
from unittest import mock

from rally.plugins.common.agent_providers import (
    slurm,
    slurm_jobs,
    slurm_submissions,
)
from rally.task import agent_provider
from rally.task.agent_provider import Failed, Pending
from tests.functional import cluster, sandbox
from tests.functional.sandbox import wait_until
from tests.slurm import site

SOON_S = 60.0
SECRET = "JoinFileOfTheTest"
#: says what it was given, and ends when it is told to
AGENT = """\
#!/bin/sh
trap 'kill $!; wait $!; echo ended; exit 0' TERM
echo "arguments: $*"
echo "standard input: $(cat)"
echo "environment: $(env)"
sleep 600 &
wait
"""
#: starts a provider as the controller would, and dies at once
CONTROLLER = """
import json, os, pathlib, signal, sys
from rally.plugins.common.agent_providers import slurm
from rally.task import agent_provider
config, order = json.loads(sys.argv[1]), json.loads(sys.argv[2])
order["folder"] = pathlib.Path(order["folder"])
slurm.SlurmProvider(config, agent_provider.Order(**order), print).start()
os.kill(os.getpid(), signal.SIGKILL)
"""


@functools.cache
def cluster_of_process() -> site.Slurm:
    """The Slurm of this process, started when first needed."""
    made = site.Slurm()
    atexit.register(made.close)
    return made


class SlurmTestCase(cluster.PlainTestCase):
    """A folder for an order, and one that the nodes share."""

    def setUp(self) -> None:
        super().setUp()
        reason = site.why_not()
        if reason:
            self.skipTest(reason)
        self.slurm = cluster_of_process()
        self.addCleanup(wait_until, self.slurm.idle, SOON_S, "nodes idle")
        made = tempfile.TemporaryDirectory(prefix="rally-slurm-test-")
        self.addCleanup(made.cleanup)
        folder = pathlib.Path(made.name)
        patch = mock.patch.dict(os.environ, {
            "SLURM_CONF": self.slurm.environ["SLURM_CONF"],
            "OS_PASSWORD": "PasswordOfTheTest",
        })
        patch.start()
        self.addCleanup(patch.stop)
        self.shared = folder / "shared"
        self.agent = folder / "agent"
        self.agent.write_text(AGENT)
        self.agent.chmod(0o700)
        (folder / "order").mkdir()
        self.order = agent_provider.Order(
            "0123456789abcdef", folder / "order", "tcp://10.0.0.1:9790",
            SECRET, 900.0,
        )
        self.told: list[Pending | Failed] = []

    def config(self, count: int = 2, **more: t.Any) -> dict[str, t.Any]:
        return {
            "count": count, "command": str(self.agent),
            "folder": str(self.shared), **more,
        }

    def provider(self, **config: t.Any) -> slurm.SlurmProvider:
        made = slurm.SlurmProvider(
            self.config(**config), self.order, self.told.append
        )
        self.addCleanup(self.end, made)
        return made

    def end(self, made: slurm.SlurmProvider) -> list[str]:
        return made.end(time.monotonic() + SOON_S)

    def started(self, running: int = 2, **config: t.Any
                ) -> slurm.SlurmProvider:
        made = self.provider(**config)
        made.start()
        self.wait_for_jobs("RUNNING", running)
        return made

    def wait_for_jobs(self, state: str, count: int) -> None:
        wait_until(
            lambda: list(self.slurm.jobs().values()).count(state) == count,
            SOON_S, "jobs that are %s: %d" % (state, count),
        )

    def wait_for_states(self, *states: str) -> None:
        """Until these are the jobs that are not over, completing included."""
        wait_until(
            lambda: list(self.slurm.jobs().values()) == [*states], SOON_S,
            "jobs are %s" % (states,),
        )

    def job(self, index: int) -> str:
        """Id of the job of an agent."""
        [job] = [each for each in self.slurm.jobs()
                 if each.endswith("_%d" % index)]
        return job

    def failed(self, agent: str) -> Failed:
        """Wait until it is told."""

        def found() -> Failed | None:
            for each in self.told:
                if isinstance(each, Failed) and each.agent == agent:
                    return each
            return None

        return t.cast(Failed, wait_until(
            found, SOON_S, "agent %s has failed" % agent
        ))

    def assert_nothing_left(self) -> None:
        self.assertEqual({}, self.slurm.jobs())
        self.assertEqual([], list(self.order.folder.iterdir()))
        self.assertEqual([], list(self.shared.iterdir()))
        self.assertEqual({}, self.slurm.job_processes())


class ProviderTestCase(SlurmTestCase):
    def test_each_agent_is_given_what_it_needs_and_leaves_nothing(
        self
    ) -> None:
        made = self.started()
        wait_until(
            lambda: "environment" in made.tail("slurm-2"), SOON_S,
            "agent 2 has printed",
        )
        said = made.tail("slurm-2")
        self.assertIn(
            "arguments: agent start --controller tcp://10.0.0.1:9790 "
            "--join - --name slurm-2 --keys-folder /", said,
        )
        self.assertIn("standard input: %s\n" % SECRET, said)

        self.assertEqual([], self.end(made))

        self.assert_nothing_left()
        self.assertEqual([], self.end(made))

    def test_nobody_sees_a_secret(self) -> None:
        made = self.started()
        seen = self.slurm.shown(self.job(1)) + "".join(
            self.slurm.job_processes().values()
        )
        self.assertIn("tcp://10.0.0.1:9790", seen)
        self.assertNotIn(SECRET, seen)
        self.assertNotIn("PasswordOfTheTest", made.tail("slurm-1"))
        modes = {
            path: path.stat().st_mode & 0o077
            for path in self.shared.rglob("*")
            if not path.name.endswith(".log")
        }
        self.assertEqual(dict.fromkeys(modes, 0), modes)

    def test_what_waits_is_told_with_the_reason_of_slurm(self) -> None:
        self.started(count=3)
        pending = Pending("1 Slurm job is pending: Resources (1)")
        # as long as Slurm has not looked at the job it has no reason
        wait_until(
            lambda: pending in self.told, SOON_S, "it is told: %s" % pending
        )
        self.assertEqual({Pending}, set(map(type, self.told)))
        self.slurm.cancel(self.job(1))
        self.wait_for_jobs("PENDING", 0)  # the third one took its place

    def test_a_job_that_somebody_cancels_is_the_loss_of_an_agent(
        self
    ) -> None:
        self.started()
        self.slurm.cancel(self.job(1))
        failed = self.failed("slurm-1")
        self.assertIn("CANCELLED", failed.reason)
        self.assertTrue(failed.tail.endswith("ended"), failed.tail)
        self.wait_for_states("RUNNING")

    def test_a_node_that_fails_is_the_loss_of_its_agent(self) -> None:
        made = self.started()
        node = self.slurm.node_of(self.job(2))
        self.addCleanup(self.slurm.mend_node, node)

        self.slurm.lose_node(node)

        failed = self.failed("slurm-2")
        self.assertIn("%s has ended: NODE_FAIL" % node, failed.reason)
        self.assertIn("standard input", failed.tail)
        self.wait_for_states("RUNNING")
        self.assertEqual([], self.end(made))
        self.assert_nothing_left()

    def test_a_node_that_is_drained_keeps_its_agent(self) -> None:
        self.started()
        self.addCleanup(self.slurm.resume_node, "n1")
        self.slurm.drain_node("n1")
        self.assertEqual(["RUNNING"] * 2, list(self.slurm.jobs().values()))

    def test_a_program_that_is_not_there_is_shown(self) -> None:
        made = self.provider(command="/no/such/rally")
        made.start()
        failed = self.failed("slurm-1")
        self.assertIn("FAILED", failed.reason)
        self.assertIn("exit status 127", failed.reason)
        self.assertIn("/no/such/rally", failed.tail)

    def test_what_slurm_refuses_leaves_nothing(self) -> None:
        made = self.provider(partition="nowhere")
        error = self.assertRaises(slurm_jobs.SlurmFailed, made.start)
        self.assertIn("invalid partition specified: nowhere", str(error))
        self.assert_nothing_left()


class NextWorkloadTestCase(SlurmTestCase):
    """``start`` comes before each workload of a task."""

    def test_those_that_run_are_left_alone(self) -> None:
        made = self.started()
        before = self.slurm.jobs()
        made.start()
        self.assertEqual(before, self.slurm.jobs())

    def test_one_that_was_lost_is_replaced(self) -> None:
        made = self.started()
        [kept, lost] = self.job(1), self.job(2)
        self.slurm.cancel(lost)
        self.failed("slurm-2")

        made.start()

        self.wait_for_jobs("RUNNING", 2)
        self.assertEqual(kept, self.job(1))
        self.assertNotEqual(lost, self.job(2))
        self.told.clear()
        self.slurm.cancel(self.job(2))
        self.failed("slurm-2")
        self.assertEqual([], self.end(made))
        self.assert_nothing_left()


class UnfetchedResultsTestCase(SlurmTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.made = self.started()
        [folder] = self.shared.iterdir()
        self.chunk = folder / "2" / "spool" / "run" / "0.chunk"
        self.chunk.parent.mkdir(parents=True)
        self.chunk.touch()

    def test_they_stay_for_those_who_recover_the_task(self) -> None:
        [problem] = self.end(self.made)
        self.assertIn("slurm-2 left 1 chunk of", problem)
        self.assertEqual({}, self.slurm.jobs())
        self.assertFalse((self.chunk.parents[3] / "1").exists())

        self.made.start()  # as ``recover`` does
        self.wait_for_jobs("RUNNING", 2)
        self.chunk.unlink()  # it was fetched

        self.assertEqual([], self.end(self.made))
        self.assert_nothing_left()

    def test_they_go_once_nobody_can_want_them(self) -> None:
        self.assertEqual(
            [], self.made.discard(time.monotonic() + SOON_S)
        )
        self.assert_nothing_left()


class KilledControllerTestCase(SlurmTestCase):
    def test_another_process_ends_what_it_had_started(self) -> None:
        self.controller_is_killed()
        self.wait_for_jobs("RUNNING", 2)

        self.assertEqual([], self.end(self.provider()))

        self.assert_nothing_left()

    def test_a_job_that_was_not_recorded_is_found_by_its_name(self) -> None:
        self.controller_is_killed()
        self.wait_for_jobs("RUNNING", 2)
        (self.order.folder / (slurm_submissions.JOB % 0)).write_text("")

        self.assertEqual([], self.end(self.provider()))

        self.assert_nothing_left()

    def test_one_that_had_submitted_nothing_leaves_nothing(self) -> None:
        self.controller_is_killed()
        self.slurm.cancel("--user=root")
        (self.order.folder / (slurm_submissions.JOB % 0)).unlink()

        self.assertEqual([], self.end(self.provider()))

        self.assert_nothing_left()

    def controller_is_killed(self) -> None:
        words = {
            "task": self.order.task, "folder": str(self.order.folder),
            "controller": self.order.controller, "join": self.order.join,
            "give_up_after_s": self.order.give_up_after_s,
        }
        done = subprocess.run(
            [sys.executable, "-c", CONTROLLER, json.dumps(self.config()),
             json.dumps(words)],
            cwd=sandbox.TREE, timeout=SOON_S, check=False,
        )
        self.assertEqual(-9, done.returncode)


class SilentSlurmTestCase(SlurmTestCase):
    """Nobody answers the commands of Slurm for a while."""

    def test_agents_stay_and_can_be_ended_later(self) -> None:
        made = self.started()
        self.slurm.stop_controller()
        try:
            [problem] = made.end(time.monotonic() + 2)
        finally:
            self.slurm.start_controller()
        self.assertIn("may still be running", problem)
        self.assertIn("scancel --name=rally-01234567-", problem)
        self.assertNotEqual([], list(self.order.folder.iterdir()))

        self.wait_for_jobs("RUNNING", 2)
        self.assertEqual([], self.end(made))
        self.assert_nothing_left()

    def test_an_sbatch_that_is_at_it_is_waited_for(self) -> None:
        # what the test does in its place
        made = self.started()
        path = self.order.folder / (slurm_submissions.JOB % 0)
        text = path.read_text()
        path.write_text("")
        with open(path, "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            [problem] = made.end(time.monotonic() + 0.2)
            self.assertIn("sbatch", problem)

            ends = threading.Thread(target=self.end, args=[made])
            ends.start()
            file.write(text)
        ends.join(SOON_S)
        self.assert_nothing_left()


class ScriptTestCase(SlurmTestCase):
    """etc/slurm/rally-agents.sbatch, as its user submits it."""

    SCRIPT = sandbox.TREE / "etc" / "slurm" / "rally-agents.sbatch"

    def setUp(self) -> None:
        super().setUp()
        self.shared.mkdir()
        self.log = self.shared / "1.log"
        join = self.shared / "fleet.join"
        join.write_text(SECRET)
        done = subprocess.run(
            ["sbatch", "--parsable", "--array=1", "--input", str(join),
             "--output", str(self.log), str(self.SCRIPT), "tcp://a:9790"],
            env={
                **os.environ, "RALLY": str(self.agent),
                "RALLY_FOLDER": str(self.shared / "agents"),
            },
            check=True, timeout=SOON_S, capture_output=True, text=True,
        )
        self.array = done.stdout.strip()
        self.addCleanup(self.slurm.cancel, self.array)
        wait_until(
            lambda: self.log.exists() and (
                "environment" in self.log.read_text()
            ), SOON_S, "the agent has printed",
        )
        self.own = self.shared / "agents" / ("%s-1" % self.array)

    def test_an_agent_ends_with_its_job_and_leaves_nothing(self) -> None:
        said = self.log.read_text()
        self.assertIn("agent start --controller tcp://a:9790 --join -", said)
        self.assertIn("standard input: " + SECRET, said)
        self.assertTrue(self.own.is_dir())

        self.slurm.cancel(self.array)

        wait_until(lambda: not self.slurm.jobs(), SOON_S, "it has ended")
        self.assertTrue(self.log.read_text().endswith("ended\n"))
        self.assertFalse(self.own.exists())

    def test_results_that_nobody_fetched_stay(self) -> None:
        chunk = self.own / "spool" / "run" / "0.chunk"
        chunk.parent.mkdir(parents=True)
        chunk.touch()

        self.slurm.cancel(self.array)

        wait_until(lambda: not self.slurm.jobs(), SOON_S, "it has ended")
        self.assertTrue(chunk.exists())
