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

"""What agents keep on their disks survives whatever happens to them.

The controller is not run for a moment before each kill, so that chunks
wait in the spools; instants are drawn from a seed.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import random
import shutil
import signal
import time
import typing as t

from rally.task.distributed import spool as spool_module
from rally.task.results import head
from tests.functional import cluster
from tests.functional.cluster import RUN_S, Agent, Run, Workload
from tests.functional.sandbox import files_below, wait_until

BASE = "RALLY_WALL_BASE_NS"
SEED = int(os.environ.get("SPOOL_SEED", "20"))
LEASE_S, TIMEOUT_S = 3.0, 5.0
#: agent and sequence -> bytes of a chunk
Chunks: t.TypeAlias = dict[tuple[str, int], bytes]


class SpoolTestCase(cluster.TestCase):
    OPTIONS = "raw_result_chunk_size = 25"
    TIMES = 1000

    def setUp(self) -> None:
        super().setUp()
        self.random = random.Random(SEED)
        self.port = self.sandbox.take_ports()
        self.agents: dict[str, Agent] = {}
        self.key_files = {
            name: self.authorize(name) for name in ("n1", "n2", "n3")
        }
        self.kept: Chunks = {}
        self.unfinished = 0

    def start(self, name: str) -> Agent:
        self.agents[name] = self.start_agent(
            name, self.port, self.key_files[name]
        )
        return self.agents[name]

    def begin(
        self, *names: str, begun: int = 200,
        env: t.Mapping[str, str] | None = None,
    ) -> Run:
        """A load on these agents, some of which has been done."""
        for name in names:
            self.start(name)
        run = self.start_task(
            cluster.task_of(
                {
                    "scenario": self.numbered(0.01),
                    "runner": cluster.distributed(
                        {"constant": {
                            "times": self.TIMES,
                            "concurrency": 2 * len(names),
                        }},
                        agents=len(names), agent_timeout=TIMEOUT_S,
                        lease=LEASE_S,
                        listen="tcp://127.0.0.1:%d" % self.port,
                    ),
                }
            ),
            env=env,
        )
        run.wait_until(
            lambda: len(self.started()) > begun,
            "%d iterations have begun" % begun,
        )
        return run

    @contextlib.contextmanager
    def held_up(self, run: Run) -> t.Iterator[None]:
        """The controller fetches nothing meanwhile."""
        run.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            run.signal(signal.SIGCONT)

    def kill(self, name: str, after_s: float, chunks: int = 0) -> None:
        """Kill all of an agent, and note what is on its disk then.

        :param chunks: before that it has as many
        """
        time.sleep(after_s)
        agent = self.agents[name]
        wait_until(
            lambda: len(self.chunks_of(agent)) >= chunks, RUN_S,
            "agent %s has %d chunks" % (name, chunks),
        )
        agent.kill()
        for path in self.chunks_of(agent):
            spooled = spool_module.unpack(
                path.parent.name, path.read_bytes()
            )
            self.kept[name, spooled.sequence] = spooled.chunk.payload
        self.unfinished += len(list(agent.spool.rglob("*.unfinished")))

    @staticmethod
    def chunks_of(agent: Agent) -> list[pathlib.Path]:
        return [
            path for path in files_below(agent.spool)
            if path.suffix == ".chunk"
        ]

    def stored(self) -> Chunks:
        """What is in the database."""
        return {
            (agent, sequence): bytes(payload)
            for agent, sequence, payload in self.sandbox.db.select(
                "agent, chunk_order, payload FROM workloaddata"
            )
        }

    def check_kept(self, *but: tuple[str, int]) -> None:
        """All that was on a disk is stored, byte for byte."""
        self.assertNotEqual({}, self.kept)
        stored = self.stored()
        for key, payload in self.kept.items():
            if key not in but:
                self.assertEqual(payload, stored.get(key), key)

    def check_accounting(self, workload: Workload) -> None:
        numbers = workload.numbers
        self.assertEqual(
            list(range(1, self.TIMES + 1)), sorted(numbers + workload.lost)
        )
        self.assertEqual(sorted(workload.timestamps), workload.timestamps)

    def end(self) -> None:
        for agent in self.agents.values():
            self.assertEqual(0, agent.stop().code, agent.log)

    def counters(self, workload: Workload) -> dict[str, int]:
        return t.cast("dict[str, int]", workload.load_info["counters"])

    # ---- kills

    def test_what_was_kept_arrives_however_often_its_agent_is_killed(self):
        self.TIMES = 2000  # enough for the third until they are back
        run = self.begin("n1", "n2", "n3")
        for name in ("n1", "n2", "n1", "n2", "n1"):
            with self.held_up(run):
                self.kill(name, self.random.uniform(0.2, 1.0))
                self.start(name)

        done = run.finish()

        self.assertEqual(0, done.code, done.out + done.err)
        self.check_accounting(run.workload)
        self.check_kept()
        self.assertEqual(
            self.unfinished, self.counters(run.workload)["torn_chunks"]
        )
        self.end()

    def test_what_was_kept_arrives_by_recovery(self):
        # on another clock than the one of the recovery
        base_s = time.time() - time.monotonic() - 100
        run = self.begin(
            "n1", "n2", env={BASE: str(round(base_s * 1e9))}
        )
        uuid = run.uuid
        run.signal(signal.SIGKILL)
        run.process.popen.wait()
        for name in ("n1", "n2"):
            self.kill(name, self.random.uniform(0.3, 1.0))
            self.start(name)

        self.must("task", "recover", uuid)

        report = cluster.report_of(self.sandbox, uuid)
        workload = Workload(report["subtasks"][0]["workloads"][0])
        self.check_kept()
        self.assertEqual(
            len(set(workload.numbers)), len(workload.numbers)
        )
        begun = {each.number: each.at for each in self.started()}
        for number, stamp in zip(workload.numbers, workload.timestamps):
            self.assertLess(abs(base_s + begun[number] - stamp), 5)
        self.assertEqual(
            self.unfinished, self.counters(workload)["torn_chunks"]
        )
        self.end()

    def test_a_load_process_that_outlives_its_agent_is_waited_for(self):
        run = self.begin("n1", "n2")

        self.agents["n1"].process.signal(signal.SIGKILL)
        self.agents["n1"].process.popen.wait()
        self.start("n1")

        run.finish()
        self.check_accounting(run.workload)
        begun = {each.number for each in self.started()}
        self.assertEqual(set(), begun - set(run.workload.numbers))
        self.end()

    # ---- damage

    def test_damage_is_found_cut_counted_and_named(self):
        run = self.begin("n1", "n2")
        with self.held_up(run):
            # the controller may have had the first ones already
            self.kill("n1", 0, chunks=7)
            [folder] = [
                path for path in self.agents["n1"].spool.iterdir()
                if path.is_dir()
            ]
            paths = sorted(folder.glob("*.chunk"))
            torn, flipped = paths[-1], paths[-3]
            self.damage(folder, torn, flipped)
            self.start("n1")

        done = run.finish()

        self.assertEqual(0, done.code, done.out + done.err)
        workload = run.workload
        self.check_accounting(workload)
        self.check_kept(("n1", int(torn.stem)), ("n1", int(flipped.stem)))
        self.assertEqual(1, self.counters(workload)["missing_chunks"])
        # cut off, flipped, of another run, not written to the end
        self.assertEqual(
            4 + self.unfinished, self.counters(workload)["torn_chunks"]
        )
        [lost] = workload.load_info["lost"]
        self.assertEqual("n1", lost["agent"])
        self.assertIn("damaged", lost["reason"])
        self.assertGreaterEqual(lost["count"], 26)
        shown = self.must("task", "detailed", run.uuid).out
        self.assertRegex(shown, r"torn chunks %d" % (4 + self.unfinished))
        self.check_other_run(folder.parent / "other-run")
        self.end()

    def damage(
        self, folder: pathlib.Path, torn: pathlib.Path,
        flipped: pathlib.Path,
    ) -> None:
        """As a crash of the host, a bad disk and a careless person do."""
        os.truncate(torn, torn.stat().st_size - 1)
        data = bytearray(flipped.read_bytes())
        data[-1] ^= 1
        flipped.write_bytes(data)
        (folder / ".000000000099.chunk.x.unfinished").write_bytes(b"RALLY")
        other = spool_module.Spool(folder.parent, "other-run")
        payload = self.kept["n1", int(torn.stem)]
        for sequence in (0, int(torn.stem) + 1):
            told = head.ChunkHead(25, 0, 1, 2, 3, ((1, 1, 25),))
            packed = head.PackedChunk(told, payload)
            other.write_all([spool_module.SpooledChunk(sequence, packed)])
        alien = "%012d.chunk" % (int(torn.stem) + 1)
        shutil.copy(other.folder / alien, folder / alien)

    def check_other_run(self, folder: pathlib.Path) -> None:
        """It is where it was, and nowhere else."""
        self.assertEqual(2, len(list(folder.glob("*.chunk"))))
        shutil.rmtree(folder)
