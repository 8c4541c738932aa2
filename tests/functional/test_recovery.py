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

"""A controller is killed; what its contexts made is gone after a recovery."""

from __future__ import annotations

import pathlib
import re
import shutil
import signal
import typing as t

import ddt

from tests.functional import cluster
from tests.functional.sandbox import Done, wait_until

COUNT = 10
FAILED = 183
NOTHING_LEFT = 174


class RecoveryTestCase(cluster.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = self.sandbox.folder / "made"
        self.folder.mkdir()

    @property
    def made(self) -> list[pathlib.Path]:
        """Files of the context that are there."""
        return list(self.folder.iterdir())

    @property
    def kept(self) -> list[pathlib.Path]:
        """What is kept for clean-ups."""
        return list((self.sandbox.home / ".rally").glob("contexts/*"))

    def begin(
        self, is_distributed: bool = False, times: int = 100_000,
        **config: t.Any,
    ) -> cluster.Run:
        inner = {"constant": {"times": times, "concurrency": 2}}
        return self.start_task(cluster.task_of({
            "scenario": self.numbered(0.05),
            "contexts": {
                "making": {
                    "folder": str(self.folder), "count": COUNT, **config,
                },
            },
            "runner": cluster.distributed(inner) if is_distributed else inner,
        }))

    def kill(self, run: cluster.Run) -> str:
        """Kill the controller; uuid of its task."""
        uuid = run.uuid
        run.signal(signal.SIGKILL)
        run.process.popen.wait()
        wait_until(
            lambda: not self.sandbox.processes(), 60, "the load is over"
        )
        return uuid

    def check_all_is_gone(self, done: Done) -> None:
        self.assertEqual(0, done.code, done.out + done.err)
        self.assertIn("context making@default is cleaned up", done.out)
        self.assertEqual([], self.made)
        self.assertEqual([], self.kept)

    def check_nothing_is_left_to_do(self, uuid: str) -> None:
        again = self.rally("task", "recover", uuid)
        self.assertEqual(NOTHING_LEFT, again.code, again.out)


@ddt.ddt
class KilledTestCase(RecoveryTestCase):
    @ddt.data(False, True)
    def test_during_the_load(self, is_distributed: bool) -> None:
        run = self.begin(is_distributed)
        run.wait_until(self.started, "an iteration has begun")
        uuid = self.kill(run)
        self.assertEqual(COUNT, len(self.made))
        (path,) = self.kept
        self.assertNotIn(b"canary", path.read_bytes())

        self.check_all_is_gone(self.rally("task", "recover", uuid))
        self.check_nothing_is_left_to_do(uuid)

    @ddt.data(False, True)
    def test_during_the_clean_up(self, is_distributed: bool) -> None:
        run = self.begin(is_distributed, times=2, pause=0.2)
        run.wait_until(self.started, "an iteration has begun")
        run.wait_until(
            lambda: len(self.made) < COUNT, "the clean-up has begun"
        )
        uuid = self.kill(run)
        self.assertLess(0, len(self.made))

        self.check_all_is_gone(self.rally("task", "recover", uuid))
        self.check_nothing_is_left_to_do(uuid)

    @ddt.data(False, True)
    def test_the_status_says_what_a_recovery_finds(
        self, is_distributed: bool
    ) -> None:
        run = self.begin(is_distributed, count=1)
        uuid = run.uuid
        run.wait_until(
            lambda: self.counted(uuid)[0] > 20, "the status counts some"
        )
        self.kill(run)
        ended, stored_before = self.counted(uuid)

        done = self.must("task", "recover", uuid)

        found = re.search(r"(\d+) iterations are stored", done.out)
        stored = int(found[1])
        self.assertLessEqual(stored_before, stored)
        lacking = re.search(r"(\d+) more had ended", done.out)
        if is_distributed:  # an agent keeps what it counts
            self.assertIsNone(lacking, done.out)
            self.assertLessEqual(ended, stored)
        else:
            self.assertEqual(
                max(0, ended - stored), int(lacking[1]) if lacking else 0
            )
        report = cluster.report_of(self.sandbox, uuid)
        (workload,) = report["subtasks"][0]["workloads"]
        self.assertEqual(stored, len(workload["data"]))

    def counted(self, uuid: str) -> tuple[int, int]:
        """Iterations that have ended, and those stored, by the status."""
        said = self.must("task", "status", uuid).out
        found = re.search(r": (\d+) of .*, (\d+) stored", said)
        return (int(found[1]), int(found[2])) if found else (0, 0)

    def test_during_the_set_up_of_a_context_that_finds_its_names(self):
        run = self.begin(pause=0.2, by_name=True)
        run.wait_until(lambda: self.made, "the set-up has begun")
        uuid = self.kill(run)

        self.check_all_is_gone(self.rally("task", "recover", uuid))

    def test_during_a_set_up_of_which_nobody_knows_anything(self) -> None:
        run = self.begin(pause=0.2)
        run.wait_until(lambda: self.made, "the set-up has begun")
        uuid = self.kill(run)

        done = self.rally("task", "recover", uuid)

        self.assertEqual(FAILED, done.code, done.out)
        self.assertIn("making@default was being set up when", done.out)
        self.assertNotIn("is cleaned up", done.out)
        self.assertIn("1 clean-up failed (making@default)", done.paragraph)
        again = self.rally("task", "recover", uuid)
        self.assertEqual(FAILED, again.code, again.out)


class FailedTestCase(RecoveryTestCase):
    """A clean-up that failed can be made once more."""

    def setUp(self) -> None:
        super().setUp()
        self.down = self.sandbox.folder / "down"
        self.down.touch()

    def test_after_the_target_was_down_at_the_end_of_the_task(self) -> None:
        run = self.begin(times=2)
        run.finish()

        hint = "rally task recover %s" % run.uuid
        self.assertIn(hint, run.log)
        self.assertEqual(COUNT, len(self.made))
        failed = self.rally("task", "recover", run.uuid)
        self.assertEqual(FAILED, failed.code, failed.out)
        self.assertIn("TargetIsDown: no answer", failed.out)
        self.assertEqual(COUNT, len(self.made))

        self.down.unlink()
        self.check_all_is_gone(self.rally("task", "recover", run.uuid))
        self.check_nothing_is_left_to_do(run.uuid)
        self.assertEqual("finished", cluster.report_of(
            self.sandbox, run.uuid
        )["status"])

    def test_on_another_host_nothing_is_claimed(self) -> None:
        run = self.begin()
        run.wait_until(self.started, "an iteration has begun")
        uuid = self.kill(run)
        self.down.unlink()
        rally_home = self.sandbox.home / ".rally"
        elsewhere = rally_home.rename(self.sandbox.folder / "elsewhere")

        done = self.rally("task", "recover", uuid)

        self.assertEqual(FAILED, done.code, done.out)
        self.assertIn("Run `rally task recover` on the host", done.paragraph)
        self.assertEqual(COUNT, len(self.made))

        shutil.rmtree(rally_home, ignore_errors=True)
        elsewhere.rename(rally_home)
        self.check_all_is_gone(self.rally("task", "recover", uuid))
