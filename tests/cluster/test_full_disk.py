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

"""An agent whose disk has no room for what it is to keep."""

from __future__ import annotations

from tests.cluster import cluster, network

TIMES = 6000
AT_ONCE = 6


class FullDiskTestCase(cluster.TestCase):
    OPTIONS = "raw_result_chunk_size = 100"

    def start_host(self, name: str) -> cluster.Host:
        if name == "n2":
            disk = self.sandbox.folder / ("spool-%s" % name)
            disk.mkdir(mode=0o700)
            network.run(
                "mount", "-t", "tmpfs", "-o", "size=128k,mode=700", "none",
                str(disk),
            )
            # lazily: the agent ends later
            self.addCleanup(network.run, "umount", "-l", str(disk))
        return super().start_host(name)

    def test_stops_the_run_with_that_reason(self):
        run = self.start_load(
            {"constant": {"times": TIMES, "concurrency": AT_ONCE}},
            sleep=0.02, visit={"ballast": 4000},
        )

        done = run.finish(cluster.SOON_S)

        self.assertEqual(2, done.code, done.out)
        said = str(run.workload["sla_results"])
        for words in ("agent n2 cannot go on", "no space left", "spool-n2"):
            self.assertIn(words, said)
        self.check_referee(TIMES, AT_ONCE)
        self.check_losses(run.workload, {"n2"})
        stored, lost = set(run.workload.numbers), set(run.workload.lost)
        self.assertEqual(set(), stored & lost)
        self.assertEqual(
            set(), set(self.referee.started()) - stored - lost
        )
        self.assertFalse(self.agents["n2"].process.is_over)
