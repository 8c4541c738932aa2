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

"""The provider and the official client, against a control plane for tests.

The token may do what etc/kubernetes gives to controllers, and no more.
"""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import pathlib
import queue
import tempfile
import threading
import time
import typing as t
from unittest import mock

import yaml

from rally.plugins.common.agent_providers.kubernetes import cluster, manifests
from rally.plugins.common.agent_providers.kubernetes import (
    provider as kubernetes_provider,
)
from rally.task import agent_provider
from tests.functional import sandbox
from tests.kubernetes_api import controllers, kubelet, server, store
from tests.unit import test

ROOT = pathlib.Path(__file__).parents[6]
ACCESS = ROOT / "etc/kubernetes/controller/access.yaml"
Failed = agent_provider.Failed
News: t.TypeAlias = agent_provider.Pending | Failed
TASK = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
WAIT_S = 20.0


def rules() -> list[dict[str, t.Any]]:
    """What a controller may do in its namespace."""
    for each in yaml.safe_load_all(ACCESS.read_text()):
        if each["kind"] == "Role":
            return list(each["rules"])
    raise LookupError("no Role in %s" % ACCESS)


class ClusterTestCase(test.TestCase):
    """Has a cluster, and a folder for the order and the kubeconfig."""

    capacity = 1000
    quota = 1000

    def setUp(self) -> None:
        super().setUp()
        # pauses are as many as ever, only shorter
        patched = mock.patch.object(cluster, "PAUSES_S", (0.01, 0.1))
        patched.start()
        self.addCleanup(patched.stop)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.job = manifests.name_of(self.order())
        self.store = store.Store()
        self.kubelet = kubelet.Kubelet(self.store)
        self.plane = controllers.Controllers(
            self.store, self.kubelet, self.capacity, self.quota
        )
        self.api = server.ApiServer(self.plane, rules())
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        stack.enter_context(self.api)
        self.kubeconfig = self.folder / "kubeconfig"
        self.kubeconfig.write_text(json.dumps(self.api.kubeconfig()))
        self.told: queue.Queue[News] = queue.Queue()
        self.addCleanup(self.assert_nothing_runs)

    def assert_nothing_runs(self) -> None:
        names = {thread.name for thread in threading.enumerate()}
        self.assertEqual(
            set(), names & {"_follow_pods", "_follow_warnings"}
        )

    def provider(
        self, **config: t.Any
    ) -> kubernetes_provider.KubernetesProvider:
        return kubernetes_provider.KubernetesProvider(
            {"count": 3, "image": "rally", "kubeconfig": str(self.kubeconfig),
             **config},
            self.order(), self.told.put,
        )

    def order(self, task: str = TASK) -> agent_provider.Order:
        return agent_provider.Order(
            task, self.folder, "tcp://ctl:9790", "the secret", 60
        )

    def started(
        self, **config: t.Any
    ) -> kubernetes_provider.KubernetesProvider:
        made = self.provider(**config)
        self.addCleanup(lambda: made.end(time.monotonic() + WAIT_S))
        made.start()
        return made

    def end(self, made: agent_provider.AgentProvider) -> list[str]:
        return made.end(time.monotonic() + WAIT_S)

    def told_that(self, *parts: str) -> News:
        """The next that was told and has all these parts in its reason."""
        until = time.monotonic() + WAIT_S
        seen = []
        while True:
            try:
                each = self.told.get(timeout=until - time.monotonic())
            except (queue.Empty, ValueError):
                self.fail("not told: %s; but %s" % (parts, seen))
            if all(part in each.reason for part in parts):
                return each
            seen.append(each)

    def until(self, fact: t.Callable[[], t.Any]) -> None:
        """Wait for something to be true of the objects of the cluster."""
        with self.store.changed:
            self.assertTrue(self.store.changed.wait_for(fact, WAIT_S))

    def pods(self, phase: str) -> list[dict[str, t.Any]]:
        return [
            each for each in self.store.all("pods")
            if each["status"]["phase"] == phase
        ]

    def until_running(self, count: int) -> list[dict[str, t.Any]]:
        self.until(lambda: len(self.pods("Running")) == count)
        return self.pods("Running")

    def until_known(
        self, made: agent_provider.AgentProvider, pod: dict[str, t.Any]
    ) -> None:
        """Wait until the provider has heard of a pod."""
        self.kubelet.logs[pod["metadata"]["name"]] = "hello"
        sandbox.wait_until(
            lambda: made.tail(pod["spec"]["hostname"]), WAIT_S,
            "the provider knows pod %s" % pod["metadata"]["name"],
        )

    def until_asked(self, verb: str, kind: str) -> None:
        sandbox.wait_until(
            lambda: self.api.count(verb, kind), WAIT_S,
            "the server was asked to %s %s" % (verb, kind),
        )

    def fault(self, verb: str, kind: str, **fault: t.Any) -> None:
        self.api.faults.append(server.Fault(verb, kind, **fault))

    def assert_nothing_left(self) -> None:
        for kind in ("jobs", "secrets", "pods"):
            self.assertEqual([], self.store.all(kind))


class LifeTestCase(ClusterTestCase):
    def test_each_agent_is_a_pod_that_has_the_token_as_a_file(self) -> None:
        self.started()
        running = self.until_running(3)
        self.assertEqual(
            [self.job + "-0", self.job + "-1", self.job + "-2"],
            [each["spec"]["hostname"] for each in running],
        )
        (secret,) = self.store.all("secrets")
        self.assertEqual(
            b"the secret", base64.b64decode(secret["data"][manifests.JOIN])
        )

    def test_no_pod_was_there_before_the_secret(self) -> None:
        self.started()
        self.until_running(3)
        (secret,) = self.store.all("secrets")
        first = min(
            int(change.version) for change in self.store.since(0)
            if change.kind == "pods"
        )
        self.assertLess(int(secret["metadata"]["resourceVersion"]), first)

    def test_nothing_is_left_after_the_end(self) -> None:
        made = self.started()
        self.until_running(3)
        self.assertEqual([], self.end(made))
        self.assert_nothing_left()
        self.assertEqual([], list(self.folder.glob("kubernetes*.json")))
        self.assertEqual([], self.end(made))

    def test_pods_that_are_ended_have_not_failed(self) -> None:
        made = self.started()
        self.until_running(3)
        self.end(made)
        told = [self.told.get() for _ in range(self.told.qsize())]
        self.assertEqual(
            [], [each for each in told if isinstance(each, Failed)]
        )

    def test_another_process_ends_what_this_one_has_started(self) -> None:
        self.started()
        self.until_running(3)
        self.assertEqual([], self.end(self.provider()))
        self.assert_nothing_left()

    def test_it_is_the_namespace_of_the_start_that_is_cleaned_up(
        self
    ) -> None:
        self.started()
        self.until_running(3)
        changed = self.api.kubeconfig()
        changed["contexts"][0]["context"]["namespace"] = "another"
        self.kubeconfig.write_text(json.dumps(changed))
        self.assertEqual([], self.end(self.provider()))
        self.assert_nothing_left()

    def test_nothing_is_asked_if_nothing_was_started(self) -> None:
        self.assertEqual([], self.end(self.provider()))
        self.assertEqual([], self.api.requests)

    def test_an_end_waits_until_pods_have_ended(self) -> None:
        made = self.started()
        running = self.until_running(3)
        self.kubelet.stuck = {running[0]["metadata"]["name"]}
        (problem,) = made.end(time.monotonic() + 1.5)
        self.assertIn("kubectl -n load delete job,secret " + self.job, problem)
        self.assertEqual(1, len(self.store.all("pods")))
        self.kubelet.stuck.clear()
        self.plane.poke()
        self.assertEqual([], self.end(made))
        self.assert_nothing_left()

    def test_a_start_that_is_repeated_makes_nothing_twice(self) -> None:
        made = self.provider()
        self.addCleanup(lambda: self.end(made))
        self.fault("patch", "jobs", refused=store.Refused(
            403, "Forbidden", "no patch today"
        ))
        error = self.assertRaises(cluster.JobNotStarted, made.start)
        self.assertIn("no patch today", str(error))
        made.start()
        self.until_running(3)
        self.assertEqual(1, len(self.store.all("jobs")))
        self.assertEqual(1, len(self.store.all("secrets")))

    def test_a_start_before_the_next_workload_leaves_agents_alone(
        self
    ) -> None:
        made = self.started()
        running = self.until_running(3)
        self.kubelet.exit(running[1], 9)
        self.told_that("ended with exit status 9")
        made.start()
        told = self.told_that("ended with exit status 9")
        self.assertEqual(made.names()[1], t.cast(Failed, told).agent)
        self.assertEqual(1, self.api.count("create", "jobs"))
        self.assertEqual(2, len(self.pods("Running")))

    def test_a_recovery_leaves_agents_alone(self) -> None:
        self.started()
        before = self.until_running(3)
        recovering = self.provider()
        self.addCleanup(lambda: self.end(recovering))
        recovering.start()
        self.assertEqual(
            [each["metadata"]["uid"] for each in before],
            [each["metadata"]["uid"] for each in self.pods("Running")],
        )
        self.assertEqual(1, self.api.count("create", "secrets"))

    def test_fleets_of_one_task_are_kept_apart(self) -> None:
        self.started()
        self.until_running(3)
        another = self.folder / "another"
        another.mkdir()
        self.folder = another
        self.started(count=1)
        self.until_running(4)
        self.assertEqual(2, len(self.store.all("jobs")))

    def test_what_a_start_that_failed_left_is_removed(self) -> None:
        made = self.provider()
        self.fault("create", "secrets", refused=store.Refused(
            403, "Forbidden", "exceeded quota: secrets"
        ))
        error = self.assertRaises(cluster.JobNotStarted, made.start)
        self.assertIn("exceeded quota: secrets", str(error))
        self.assertEqual([], self.end(made))
        self.assert_nothing_left()

    def test_a_job_of_somebody_else_is_left_alone(self) -> None:
        theirs = manifests.job({"count": 1, "image": "i"}, self.order())
        theirs["metadata"]["labels"].clear()
        self.store.create("jobs", theirs)
        made = self.provider()
        error = self.assertRaises(cluster.JobNotStarted, made.start)
        self.assertIn("not of this run of task " + TASK, str(error))
        self.assertEqual([], self.end(made))
        self.assertEqual(1, len(self.store.all("jobs")))


class EndsTestCase(ClusterTestCase):
    def test_an_agent_that_ended_is_told_with_its_last_words(self) -> None:
        self.started()
        running = self.until_running(3)
        self.kubelet.exit(running[1], 137, "OOMKilled", "too much")
        told = self.told_that("OOMKilled")
        self.assertEqual(self.job + "-1", t.cast(Failed, told).agent)
        self.assertEqual("too much", t.cast(Failed, told).tail)

    def test_without_them_it_is_the_end_of_its_log(self) -> None:
        made = self.started()
        running = self.until_running(3)
        name = running[0]["metadata"]["name"]
        self.kubelet.logs[name] = "".join("line %d\n" % i for i in range(99))
        self.kubelet.exit(running[0], 0, "Completed")
        told = t.cast(
            Failed, self.told_that("ended with exit status 0")
        )
        self.assertEqual("line 69\n", told.tail.splitlines(True)[0])
        self.assertEqual("line 98\n", told.tail.splitlines(True)[-1])
        self.assertEqual(told.tail, made.tail(self.job + "-0"))
        self.assertEqual("", made.tail("somebody"))

    def test_an_agent_that_ended_neither_ends_others_nor_comes_again(
        self
    ) -> None:
        self.started()
        running = self.until_running(3)
        self.kubelet.exit(running[1], 1)
        self.told_that("ended with exit status 1")
        self.assertEqual(2, len(self.pods("Running")))
        self.assertEqual(3, len(self.store.all("pods")))

    def test_eviction_and_deletion_are_told(self) -> None:
        self.started()
        running = self.until_running(3)
        self.kubelet.evict(running[2], "The node was low on memory.")
        told = self.told_that("Evicted: The node was low on memory.")
        self.assertEqual(self.job + "-2", t.cast(Failed, told).agent)
        self.plane.delete("pods", running[0]["metadata"]["name"])
        told = self.told_that("its pod was deleted")
        self.assertEqual(self.job + "-0", t.cast(Failed, told).agent)


class NoRoomTestCase(ClusterTestCase):
    capacity = 1

    def test_pods_without_a_node_are_told(self) -> None:
        self.started()
        told = self.told_that(
            "2 of 3 pods not running", "Unschedulable", "Too many pods"
        )
        self.assertIsInstance(told, agent_provider.Pending)
        self.plane.capacity = 3
        self.plane.poke()
        self.until_running(3)


class QuotaTestCase(ClusterTestCase):
    quota = 1

    def test_pods_that_may_not_be_created_are_told(self) -> None:
        self.started()
        self.told_that("2 of 3 pods not running", "FailedCreate", "quota")


class ImagesTestCase(ClusterTestCase):
    def test_pods_without_their_image_are_told(self) -> None:
        for reason in ("ErrImagePull", "CreateContainerConfigError"):
            self.kubelet.broken["rally"] = reason, "because of " + reason
            made = self.started()
            self.told_that("3 of 3", reason, "because of " + reason)
            self.assertEqual([], self.end(made))
            self.assert_nothing_left()


class FaultsTestCase(ClusterTestCase):
    """What a server in trouble does costs time, and nothing else."""

    def assert_it_works(self, count: int = 3) -> None:
        made = self.started(count=count)
        running = self.until_running(count)
        self.kubelet.exit(running[1], 5)
        self.told_that("ended with exit status 5")
        self.assertEqual([], self.end(made))
        self.assert_nothing_left()

    def test_answers_that_are_lost(self) -> None:
        for verb, kind in (
            ("create", "jobs"), ("create", "secrets"), ("patch", "jobs"),
            ("list", "pods"), ("delete", "secrets"), ("delete", "jobs"),
        ):
            self.fault(verb, kind, is_cut=True, is_done=True)
            self.fault(verb, kind, is_cut=True)
        self.assert_it_works()

    def test_a_server_that_has_too_much_to_do(self) -> None:
        for verb, kind in (
            ("create", "jobs"), ("list", "pods"), ("watch", "pods"),
            ("delete", "jobs"), ("watch", "jobs"),
        ):
            self.fault(verb, kind, times=2, refused=store.Refused(
                429, "TooManyRequests", "later", {"Retry-After": "0"}
            ))
            self.fault(verb, kind, refused=store.Refused(
                503, "ServiceUnavailable", "no leader"
            ))
        self.assert_it_works()

    def test_it_waits_as_long_as_the_server_says(self) -> None:
        self.fault("create", "jobs", refused=store.Refused(
            429, "TooManyRequests", "later", {"Retry-After": "1"}
        ))
        begun = time.monotonic()
        self.assert_it_works()
        self.assertGreaterEqual(time.monotonic() - begun, 1.0)

    def test_it_does_not_wait_beyond_its_deadline(self) -> None:
        self.fault("create", "jobs", times=9, refused=store.Refused(
            503, "ServiceUnavailable", "closed for a year",
            {"Retry-After": "31536000"},
        ))
        error = self.assertRaises(cluster.JobNotStarted, self.provider().start)
        self.assertIn("closed for a year", str(error))
        self.assertEqual(1, self.api.count("create", "jobs"))

    def test_an_end_does_not_wait_as_long_as_a_server_says(self) -> None:
        self.fault("list", "pods", times=9, refused=store.Refused(
            503, "ServiceUnavailable", "closed for a year",
            {"Retry-After": "31536000"},
        ))
        made = self.started()
        self.until_asked("list", "pods")
        self.assertEqual([], made.end(time.monotonic() + 5))
        self.assert_nothing_left()

    def test_a_patch_that_conflicts_is_made_again(self) -> None:
        self.fault("patch", "jobs", times=2, refused=store.Refused(
            409, "Conflict", "the object has been modified"
        ))
        self.assert_it_works()

    def test_a_token_that_has_expired_for_a_while(self) -> None:
        for verb in ("list", "watch"):
            self.fault(verb, "pods", times=2, refused=store.Refused(
                401, "Unauthorized", "Unauthorized"
            ))
        self.assert_it_works()

    def test_watches_that_end_early(self) -> None:
        self.api.longest_watch_s = 0.05
        self.assert_it_works()

    def test_changes_that_are_forgotten_are_listed(self) -> None:
        made = self.started()
        running = self.until_running(3)
        for each in running:
            self.until_known(made, each)
        with self.store.changed:  # no watch sees what happens in here
            self.kubelet.exit(running[0], 7)
            self.store.remove("pods", running[1]["metadata"]["name"])
            self.store.forget()
        self.told_that("its pod was deleted")
        self.told_that("ended with exit status 7")
        self.assertEqual([], self.end(made))

    def test_many_pods_are_listed_in_pages(self) -> None:
        with mock.patch.object(cluster, "PAGE", 2):
            self.assert_it_works(count=7)

    def test_an_end_does_not_wait_for_a_server_that_hangs(self) -> None:
        made = self.started()
        self.until_running(3)
        self.fault("get", "jobs", times=99, after_s=30)
        begun = time.monotonic()
        (problem,) = made.end(begun + 1)
        self.assertLess(time.monotonic() - begun, 10)
        self.assertIn("may still be in namespace load", problem)
        self.api.faults.clear()
        self.assertEqual([], self.end(made))
        self.assert_nothing_left()

    def test_without_the_right_to_read_events_agents_run(self) -> None:
        self.api.rules = [
            {**rule, "resources": [
                each for each in rule["resources"] if each != "events"
            ]} for rule in rules()
        ]
        self.assert_it_works()

    def test_an_idle_watch_costs_one_request(self) -> None:
        self.started()
        self.until_running(3)
        before = self.api.count("watch", "pods")
        with self.store.changed:  # several bookmarks long
            self.store.changed.wait_for(lambda: False, 1.0)
        self.assertLessEqual(self.api.count("watch", "pods") - before, 1)


class AccessTestCase(ClusterTestCase):
    def test_no_right_is_given_that_is_not_needed(self) -> None:
        made = self.started()
        running = self.until_running(3)
        self.kubelet.exit(running[0], 0)
        self.told_that("ended with exit status 0")
        self.until_asked("watch", "events")
        self.kubelet.stuck = {running[1]["metadata"]["name"]}
        ending = threading.Thread(target=self.end, args=[made])
        ending.start()
        self.until_asked("watch", "jobs")
        self.kubelet.stuck.clear()
        self.plane.poke()
        ending.join()
        self.assert_nothing_left()
        self.assertEqual(
            {(r.verb, r.kind) for r in self.api.requests}, {
                (verb, kind) for rule in rules()
                for verb in rule["verbs"] for kind in rule["resources"]
            },
        )

    def test_a_namespace_that_is_not_there(self) -> None:
        error = self.assertRaises(
            cluster.JobNotStarted, self.provider(namespace="lod").start
        )
        self.assertIn('namespaces "lod" not found', str(error))

    def test_a_token_that_is_not_known(self) -> None:
        self.kubeconfig.write_text(json.dumps(self.api.kubeconfig("bad")))
        error = self.assertRaises(cluster.JobNotStarted, self.provider().start)
        self.assertIn("Unauthorized", str(error))

    def test_a_file_that_is_not_there(self) -> None:
        error = self.assertRaises(
            cluster.NoAccess, self.provider(kubeconfig="/nowhere").start
        )
        self.assertIn("/nowhere", str(error))

    def test_a_context_that_is_not_there(self) -> None:
        error = self.assertRaises(
            cluster.NoAccess, self.provider(context="other").start
        )
        self.assertIn("no context other", str(error))

    def test_files_of_credentials_are_in_the_folder_of_the_order(
        self
    ) -> None:
        before = set(pathlib.Path(tempfile.gettempdir()).glob("tmp*"))
        made = self.started()
        found = {
            each.read_bytes() for each in self.folder.iterdir()
            if each.name.startswith("tmp")
        }
        self.assertIn(self.api.certificates.authority, found)
        # another fleet of this process, whose folder goes first
        for each in self.folder.glob("tmp*"):
            each.unlink()
        self.assertEqual([], self.end(made))
        self.assert_nothing_left()
        after = set(pathlib.Path(tempfile.gettempdir()).glob("tmp*"))
        mine = {
            path for path in after - before if path.is_file()
            and path.read_bytes() == self.api.certificates.authority
        }
        self.assertEqual(set(), mine)

    def test_what_the_schema_refuses_is_told(self) -> None:
        error = self.assertRaises(
            cluster.JobNotStarted,
            self.provider(tolerations=[{"keys": "x"}]).start,
        )
        self.assertIn("keys", str(error))

    def test_a_package_that_is_missing(self) -> None:
        with mock.patch.dict("sys.modules", {"kubernetes": None}):
            error = self.assertRaises(
                cluster.ClientMissing, self.provider().start
            )
        self.assertIn("rally[kubernetes]", str(error))

    def test_a_controller_in_the_cluster_uses_its_service_account(
        self
    ) -> None:
        for name, text in (
            ("token", server.TOKEN), ("namespace", "load\n"),
            ("ca.crt", self.api.certificates.authority.decode()),
        ):
            (self.folder / name).write_text(text)
        from kubernetes.config import incluster_config

        for where, name, value in (
            (cluster, "SERVICE_ACCOUNT", self.folder),
            (incluster_config, "SERVICE_TOKEN_FILENAME",
             str(self.folder / "token")),
            (incluster_config, "SERVICE_CERT_FILENAME",
             str(self.folder / "ca.crt")),
        ):
            patched = mock.patch.object(where, name, value)
            patched.start()
            self.addCleanup(patched.stop)
        patched = mock.patch.dict("os.environ", {
            "KUBERNETES_SERVICE_HOST": "127.0.0.1",
            "KUBERNETES_SERVICE_PORT": str(self.api.port),
        })
        patched.start()
        self.addCleanup(patched.stop)
        made = self.provider()
        del made.config["kubeconfig"]
        made.start()
        self.until_running(3)
        self.assertEqual([], self.end(made))
        self.assert_nothing_left()

    def test_no_secret_is_logged_at_any_level(self) -> None:
        lines: list[str] = []

        class Handler(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                lines.append(record.getMessage())

        handler = Handler(level=1)
        root = logging.getLogger()
        level = root.level
        root.addHandler(handler)
        root.setLevel(1)
        self.addCleanup(root.setLevel, level)
        self.addCleanup(root.removeHandler, handler)
        self.end(self.started())
        text = "\n".join(lines)
        self.assertIn(self.job, text)
        for hidden in (
            "the secret", base64.b64encode(b"the secret").decode(),
            server.TOKEN,
        ):
            self.assertNotIn(hidden, text)
