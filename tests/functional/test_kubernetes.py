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

"""Tasks whose agents are pods, in a control plane for tests.

What a container runs here is a process of this host: a real agent.
"""

from __future__ import annotations

import json
import signal
import typing as t

from tests.functional import cluster, sandbox
from tests.kubernetes_api import controllers, kubelet, server, store

#: long enough to do something to it
LONG: dict[str, t.Any] = {
    "constant": {"times": 100000, "concurrency": 4}
}


class KubernetesTestCase(cluster.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.store = store.Store()
        pods = self.sandbox.folder / "pods"
        pods.mkdir()
        self.kubelet = kubelet.ProcessKubelet(
            self.store, pods, self.sandbox.environ()
        )
        api = server.ApiServer(controllers.Controllers(
            self.store, self.kubelet
        ))
        api.__enter__()
        self.addCleanup(api.__exit__)
        self.kubeconfig = self.sandbox.write(
            "kubeconfig", json.dumps(api.kubeconfig())
        )
        self.port = self.sandbox.take_ports()

    def workload(
        self, inner: dict[str, t.Any], seconds: float = 0.01, **options: t.Any
    ) -> dict[str, t.Any]:
        address = "tcp://127.0.0.1:%d" % self.port
        agents = {
            "count": 3, "image": "rally", "kubeconfig": str(self.kubeconfig),
            "command": [
                str(sandbox.RALLY), "--plugin-paths",
                ",".join(map(str, self.sandbox.plugin_paths)),
            ],
        }
        return {
            "scenario": self.numbered(seconds),
            "runner": cluster.distributed(
                inner, agents={"kubernetes": agents}, listen=address,
                advertise=address, **options,
            ),
        }

    def pods(self) -> list[dict[str, t.Any]]:
        return self.store.all("pods")

    def log_of(self, pod: dict[str, t.Any]) -> str:
        return self.kubelet.log(pod["metadata"]["name"])

    def assert_nothing_left(self) -> None:
        for kind in ("jobs", "secrets", "pods"):
            self.assertEqual([], self.store.all(kind))

    def wait_for_load(self, run: cluster.Run) -> None:
        run.wait_until(lambda: len(self.started()) > 50, "there is load")

    def test_a_task_has_its_agents_started_once_and_ended(self) -> None:
        inner = {"constant": {"times": 300, "concurrency": 6}}
        run = self.run_task(
            cluster.task_of(self.workload(inner), self.workload(inner))
        )
        self.assertEqual(0, run.finish().code, run.log)
        names = set()
        for workload in run.workloads:
            self.assertEqual(list(range(1, 301)), sorted(workload.numbers))
            names.add(tuple(sorted(
                each["name"] for each in workload.load_info["agents"]
            )))
        (agents,) = names
        self.assertRegex(agents[0], "^rally-[0-9a-f]{8}-[0-9a-f]{4}-0$")
        self.assertEqual(3, len(agents))
        self.assert_nothing_left()

    def test_a_pod_that_is_killed_is_the_loss_of_an_agent(self) -> None:
        run = self.start_task(cluster.task_of(
            self.workload({"constant": {"times": 2000, "concurrency": 6}})
        ))
        self.wait_for_load(run)
        victim = self.pods()[0]
        self.kubelet.kill(victim["metadata"]["name"], signal.SIGKILL)
        run.finish()
        self.assertEqual("finished", run.status)
        self.assertIn("exit status 137", run.workload.problems)
        self.assertEqual(2000, (
            len(run.workload.numbers) + run.workload.lost_count
        ))
        self.assert_nothing_left()

    def test_pods_without_an_image_are_the_reason_in_the_error(self) -> None:
        self.kubelet.broken["rally"] = (
            "ImagePullBackOff", "Back-off pulling image rally"
        )
        run = self.run_task(cluster.task_of(self.workload(LONG, wait=3)))
        self.assertIn("ImagePullBackOff", " ".join(run.out.split()))
        self.assertIn("Back-off pulling image", " ".join(run.out.split()))
        self.assert_nothing_left()

    def test_an_interrupted_task_leaves_nothing(self) -> None:
        run = self.start_task(cluster.task_of(self.workload(LONG)))
        self.wait_for_load(run)
        run.signal(signal.SIGINT)
        run.finish()
        self.assert_nothing_left()

    def test_recovery_fetches_what_agents_keep_and_ends_them(self) -> None:
        run = self.start_task(cluster.task_of(self.workload(LONG)))
        self.wait_for_load(run)
        uuid = run.uuid
        run.signal(signal.SIGKILL)
        run.process.popen.wait()
        self.assertEqual(3, len(self.pods()))
        done = self.must("task", "recover", uuid)
        self.assertRegex(done.out, r"\d+ iterations are stored")
        self.assertGreater(len(run.workload.numbers), 0)
        self.assert_nothing_left()
