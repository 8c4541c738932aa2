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

"""Whoever limits the load is named; a slow target is not the generator."""

from __future__ import annotations

import contextlib
import pathlib
import secrets

from tests.cluster import cluster
from tests.functional.cluster import distributed, task_of
from tests.functional.sandbox import wait_until

TIMED = True
CGROUPS = pathlib.Path("/sys/fs/cgroup")
PERIOD_US = 100_000


class CpuQuota:
    """A control group whose processes share a part of one CPU.

    :param share: 0 to 1
    :raises OSError: there can be none here
    """

    def __init__(self, share: float) -> None:
        name = "rally-%s" % secrets.token_hex(3)
        quota_us = int(share * PERIOD_US)
        if (CGROUPS / "cpu").is_dir():  # version 1
            self.folder = CGROUPS / "cpu" / name
            limits = {
                "cpu.cfs_period_us": PERIOD_US, "cpu.cfs_quota_us": quota_us,
            }
        else:
            self.folder = CGROUPS / name
            limits = {"cpu.max": "%d %d" % (quota_us, PERIOD_US)}
            with contextlib.suppress(OSError):  # enabled already
                (CGROUPS / "cgroup.subtree_control").write_text("+cpu")
        self.folder.mkdir()
        try:
            for file, value in limits.items():
                (self.folder / file).write_text(str(value))
        except OSError:
            self.folder.rmdir()
            raise

    def add(self, pid: int) -> None:
        (self.folder / "cgroup.procs").write_text(str(pid))

    def close(self) -> None:
        """Its processes, which may fork meanwhile, go on without it."""
        wait_until(self._is_removed, cluster.SOON_S, "nobody is in the group")

    def _is_removed(self) -> bool:
        for pid in (self.folder / "cgroup.procs").read_text().split():
            with contextlib.suppress(OSError):
                (self.folder.parent / "cgroup.procs").write_text(pid)
        with contextlib.suppress(OSError):
            self.folder.rmdir()
        return not self.folder.exists()


class GeneratorTestCase(cluster.TestCase):
    AGENTS = ("n1", "n2")

    def show(self, info):
        for agent in info["agents"]:
            facts = agent["generator"]
            self.figure(agent["name"], "; ".join(
                "%s %s" % item for item in facts.items()
            ))

    def test_an_agent_without_enough_cpu_is_named(self):
        try:
            quota = CpuQuota(0.1)
        except OSError as e:
            self.skipTest("no control group for CPUs can be made: %s" % e)
        self.addCleanup(quota.close)
        run = self.start_load(
            {"constant_for_duration": {"duration": 8, "concurrency": 4}},
            sleep=0.02, visit={"burn": 0.01},
        )
        self.wait_for_visits(run, 4)
        for pid, line in self.agents["n1"].processes().items():
            if "load_process.child" in line:
                quota.add(pid)

        done = run.finish()

        info = run.workload.load_info
        self.show(info)
        self.assertIn("n1", info["generator_limited"])
        self.assertRegex(done.out, "Limited by the generator: n1")
        [limited] = [a for a in info["agents"] if a["name"] == "n1"]
        self.assertIn(
            "waited for a CPU", "; ".join(limited["generator"]["limited_by"])
        )

    def test_a_slow_target_is_not_the_generator(self):
        slow = {"scenario": self.visit(2.0)}
        options = {
            "agents": 2, "lease": cluster.LEASE_S,
            "agent_timeout": cluster.TIMEOUT_S,
        }
        closed = {"constant": {"times": 12, "concurrency": 4}}
        # the target lets two a second pass, four are asked for
        # as many for each agent as it takes to say anything of it
        full = {"rps": {"rps": 4, "times": 48, "max_concurrency": 4}}
        run = self.start_task(task_of(
            {**slow, "runner": distributed(closed, **options)},
            {**slow, "runner": distributed(full, **options)},
        ))

        run.finish()

        for workload in run.workloads:
            self.show(workload.load_info)
            self.assertEqual([], workload.load_info["generator_limited"])
        late = run.workloads[1].load_info
        self.assertGreater(late["lag"]["p95"], 2.0)
