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

"""Contexts are set up once and cleaned up once, whatever dies."""

from __future__ import annotations

import contextlib
import pathlib
import signal

import ddt

from tests.cluster import cluster
from tests.cluster.plugins import keeping
from tests.functional.sandbox import files_below, wait_until

AT_ONCE = 4
LONG = {"constant_for_duration": {"duration": 120, "concurrency": AT_ONCE}}


class ContextsCase(cluster.TestCase):
    AGENTS = ("n1", "n2")

    @property
    def notes(self) -> pathlib.Path:
        return self.sandbox.folder / "contexts"

    def begin(self, *words, **options):
        config = {"log": str(self.notes)}
        run = self.start_load(
            LONG, *words,
            contexts={"second_noting": config, "first_noting": config},
            **options,
        )
        self.wait_for_visits(run, 50)
        return run

    def noted(self):
        """What was done with which context, by whom, with what state."""
        return [line.split() for line in self.notes.read_text().splitlines()]

    def done_with(self):
        return [tuple(line[:2]) for line in self.noted()]

    SET_UP = [("setup", "first_noting"), ("setup", "second_noting")]
    CLEANED_UP = [("cleanup", "second_noting"), ("cleanup", "first_noting")]

    def check_no_canary(self, *texts):
        """The credential is nowhere where anybody could find it."""
        canary = keeping.CANARY % "secret"
        for text in texts:
            self.assertNotIn(canary, text)
        for path in files_below(self.sandbox.folder):
            # of a run that goes on, chunks and journals come and go
            with contextlib.suppress(FileNotFoundError):
                self.assertNotIn(canary.encode(), path.read_bytes(), path)


@ddt.ddt
class StoppedTestCase(ContextsCase):
    @ddt.data(signal.SIGINT, signal.SIGTERM)
    def test_a_signal_after_the_death_of_an_agent(self, number):
        run = self.begin()
        self.agents["n1"].kill()
        run.wait_for_log("agent n1 was lost", cluster.SOON_S)

        run.signal(number)

        run.finish(cluster.SOON_S)
        self.assertEqual("aborted", self.task_status(run.uuid))
        self.assertEqual(self.SET_UP + self.CLEANED_UP, self.done_with())
        self.discard_spool("n1")

    def test_a_criterion_that_fails(self):
        run = self.begin(
            "--abort-on-sla-failure", visit={"fail_from": 400},
            sla={"failure_rate": {"max": 0}},
        )

        run.finish(cluster.SOON_S)

        self.assertEqual(self.SET_UP + self.CLEANED_UP, self.done_with())


class ControllerGoneTestCase(ContextsCase):
    def test_a_recovery_cleans_up_once_for_a_controller_that_was_killed(self):
        run = self.begin()
        uuid = run.uuid
        alive = self.rally("task", "recover", uuid)
        self.assertEqual(174, alive.code, alive.out)
        self.check_no_canary(*self.sandbox.processes().values())

        run.signal(signal.SIGKILL)
        gone = cluster.now()
        run.process.popen.wait()
        abort = self.sandbox.start("task", "abort", uuid)
        wait_until(
            lambda: self.task_status(uuid) == "aborted", cluster.SOON_S,
            "the task counts as aborted",
        )
        aborted = cluster.now()

        said = abort.wait(cluster.SOON_S)
        self.figure("aborted after the death", "%.1f s" % (aborted - gone))
        self.assertEqual(0, said.code, said.out + said.err)
        self.assertIn("rally task recover", said.out + said.err)
        for agent in self.agents.values():
            agent.wait_for_log("the controller is silent", cluster.SOON_S)
        self.figure("last arrival after the death", "%.1f s"
                    % (self.referee.last() - gone))
        self.assertLess(self.referee.last(), gone + cluster.LEASE_S + 1)
        self.assertLess(self.referee.last(), aborted)
        self.assertEqual(self.SET_UP, self.done_with())
        self.check_no_canary(run.out, run.log)

        done = self.must("task", "recover", uuid)
        self.figure("recover says", done.paragraph)
        self.assertEqual(self.SET_UP + self.CLEANED_UP, self.done_with())
        self.assertIn("context first_noting@default is cleaned up", done.out)
        made = {line[3] for line in self.noted()}
        self.assertEqual(1, len(made), "the state was not restored")

        again = self.rally("task", "recover", uuid)
        self.assertEqual(174, again.code, again.out)
        self.assertEqual(self.SET_UP + self.CLEANED_UP, self.done_with())
        self.check_no_canary(done.out, done.err)
