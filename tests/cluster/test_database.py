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

"""A database that is locked, full or gone in the middle of a run."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sqlite3
import time

from tests.cluster import cluster, network
from tests.functional.cluster import Workload, report_of
from tests.functional.sandbox import wait_until

AT_ONCE = 6
TROUBLE_S = 10.0
#: from the first violating arrival to the last one
STOP_S = 1.0


class TroubleTestCase(cluster.TestCase):
    """The database has a folder of its own."""

    AGENTS = ("n1", "n2")
    OPTIONS = "raw_result_chunk_size = 50"

    def setUp(self):
        super().setUp()
        self.disk = self.sandbox.folder / "disk"
        self.away = self.sandbox.folder / "away"
        self.disk.mkdir()
        self.mount()
        old = self.sandbox.database
        for path in old.parent.glob(old.name + "*"):
            path.rename(path.with_name(path.name + ".old"))
            (self.disk / path.name).write_bytes(
                path.with_name(path.name + ".old").read_bytes()
            )
        self.sandbox.database = self.disk / old.name
        text = self.sandbox.conf.read_text()
        self.sandbox.conf.write_text(
            text.replace(str(old), str(self.sandbox.database))
        )

    def mount(self):
        """Make the disk of the database, if it is to be a special one."""

    def begin(self, times, *words, **options):
        run = self.start_load(
            {"constant": {"times": times, "concurrency": AT_ONCE}},
            *words, **options,
        )
        self.wait_for_visits(run, 60)
        return run

    def held(self):
        """Chunks that agents keep."""
        return sum(len(each.spooled()) for each in self.agents.values())

    @contextlib.contextmanager
    def locked(self):
        """Another program holds the database."""
        other = sqlite3.connect(
            self.sandbox.database, isolation_level=None, timeout=30
        )
        with contextlib.closing(other):
            other.execute("BEGIN EXCLUSIVE")
            yield
            other.execute("ROLLBACK")

    def endure(self, seconds):
        """The load goes on for so long; agents hold what it gives."""
        before, began = self.referee.count(), cluster.now()
        time.sleep(seconds)
        count = self.referee.count() - before
        held = self.held()
        self.figure(
            "in %.1f s of trouble" % (cluster.now() - began),
            "%d starts, %d chunks held by agents" % (count, held),
        )
        self.assertGreater(count, 10 * seconds)
        self.assertGreater(held, 0)

    def check_whole(self, run, times):
        """The run has lost nothing, and says what was the matter."""
        done = run.finish()
        self.assertEqual(0, done.code, done.out + done.err)
        self.assertEqual("finished", run.status)
        self.check_accounting(run.workload, times, AT_ONCE)
        self.assertEqual([], run.workload.lost)
        self.check_order(run.workload)
        said = re.findall("the database can.*", done.err)
        self.figure("said", " / ".join(said))
        self.assertRegex(said[0], "the database cannot be used")
        self.assertRegex(
            said[-1], "the database can be used again, after [0-9.]+ s"
        )
        counters = run.workload.load_info["counters"]
        self.figure("retries", str(counters["database_retries"]))
        self.assertGreater(counters["database_retries"], 0)
        self.assertIn(said[0].strip(), run.workload.problems)


class LockedTestCase(TroubleTestCase):
    def test_the_run_goes_on_while_it_is_locked(self):
        run = self.begin(1600)

        with self.locked():
            self.endure(TROUBLE_S)

        self.check_whole(run, 1600)

    def test_a_criterion_stops_the_load_while_it_is_locked(self):
        run = self.begin(
            9999, "--abort-on-sla-failure", visit={"fail_from": 500},
            sla={"failure_rate": {"max": 0}},
        )

        with self.locked():
            for agent in self.agents.values():
                agent.wait_for_log("the load is over", cluster.SOON_S)

        done = run.finish()
        self.assertEqual(2, done.code, done.out)
        violated = min(
            event.at for event in self.referee.events()
            if event.kind == "end" and event.number >= 500
        )
        late = self.referee.last() - violated
        self.figure("last arrival after the violation", "%.2f s" % late)
        self.assertLess(late, STOP_S)
        self.assertEqual(
            self.referee.finished(), sorted(run.workload.numbers)
        )


class FullTestCase(TroubleTestCase):
    def mount(self):
        network.run(
            "mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(self.disk)
        )
        self.addCleanup(network.run, "umount", "--lazy", str(self.disk))

    def test_the_run_goes_on_until_there_is_room_again(self):
        run = self.begin(1600)

        filler = self.disk / "filler"
        with open(filler, "wb", buffering=0) as file:
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * 65536)
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * 512)
        run.wait_for_log("the database cannot be used", cluster.SOON_S)
        self.endure(3)
        filler.unlink()

        self.check_whole(run, 1600)


class GoneTestCase(TroubleTestCase):
    def test_the_run_goes_on_while_it_cannot_be_reached(self):
        run = self.begin(1600)

        os.rename(self.disk, self.away)
        self.endure(TROUBLE_S)
        os.rename(self.away, self.disk)

        self.check_whole(run, 1600)


class GoneForGoodTestCase(TroubleTestCase):
    OPTIONS = TroubleTestCase.OPTIONS + "\ndatabase_patience = 2"

    def test_the_task_ends_and_can_be_recovered_later(self):
        notes = self.sandbox.folder / "contexts"
        run = self.begin(
            9999, contexts={"first_noting": {"log": str(notes)}}
        )
        uuid = run.uuid

        os.rename(self.disk, self.away)
        gone = cluster.now()
        done = run.finish(cluster.SOON_S)

        self.figure("ended after", "%.1f s" % (cluster.now() - gone))
        self.assertEqual(169, done.code, done.out + done.err)
        self.assertIn("rally task recover %s" % uuid, done.paragraph)
        self.assertNotIn("Traceback", done.out + done.err)
        ended = cluster.now()
        self.assertLess(self.referee.last(), ended)
        self.figure("chunks held by agents", str(self.held()))
        self.assertGreater(self.held(), 0)

        os.rename(self.away, self.disk)
        self.must("task", "recover", uuid)
        self.assertEqual(
            ["setup", "cleanup"],
            [line.split()[0] for line in notes.read_text().splitlines()],
        )
        report = report_of(self.sandbox, uuid)
        workload = Workload(report["subtasks"][0]["workloads"][0])
        self.assertEqual(
            self.referee.finished(), sorted(workload.numbers)
        )
        self.assertEqual("aborted", report["status"])
        wait_until(
            lambda: not self.held(), cluster.SOON_S, "the spools are empty"
        )
        for agent in self.agents.values():
            agent.process.signal(signal.SIGTERM)
