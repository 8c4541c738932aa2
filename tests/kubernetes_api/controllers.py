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

"""What turns a Job into pods, and removes what belongs to nobody.

One thread brings the objects nearer to what they are to be, each time that
one of them has changed: the Job controller, the scheduler and the garbage
collector of a cluster, as far as agents need them.
"""

from __future__ import annotations

import contextlib
import threading
import typing as t
import uuid

from tests.kubernetes_api import kubelet as kubelets
from tests.kubernetes_api import store as stores

Object: t.TypeAlias = stores.Object


class Controllers:
    """A context manager.

    :param capacity: how many pods the nodes have room for
    :param quota: how many pods the namespace may have
    """

    def __init__(
        self, store: stores.Store, kubelet: kubelets.Kubelet,
        capacity: int = 1000, quota: int = 1000,
    ) -> None:
        self.store = store
        self.kubelet = kubelet
        self.capacity = capacity
        self.quota = quota
        self._is_over = False
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> Controllers:
        self._thread.start()
        return self

    def __exit__(self, *exc: t.Any) -> None:
        with self.store.changed:
            self._is_over = True
            self.store.changed.notify_all()
        self._thread.join()
        self.kubelet.close()

    def poke(self) -> None:
        """Something outside has changed, such as ``capacity``."""
        with self.store.changed:
            self.store.version += 1
            self.store.changed.notify_all()

    def _work(self) -> None:
        seen = 0
        while True:
            with self.store.changed:
                while self.store.version == seen and not self._is_over:
                    self.store.changed.wait()
                if self._is_over:
                    return
                seen = self.store.version
            self.reconcile()

    def reconcile(self) -> None:
        for job in self.store.all("jobs"):
            # whoever uses the API may be faster: the next round sees it
            with contextlib.suppress(stores.Refused):
                self._job(job)
        for pod in self.store.all("pods"):
            with contextlib.suppress(stores.Refused):
                self._pod(pod)
        uids = {
            each["metadata"]["uid"]
            for kind in ("jobs", "pods") for each in self.store.all(kind)
        }
        for kind in ("secrets", "pods"):
            for each in self.store.all(kind):
                if kind == "secrets" and _is_deleted(each):
                    self.store.remove(kind, each["metadata"]["name"])
                    continue
                owners = each["metadata"].get("ownerReferences", ())
                if owners and not uids & {o["uid"] for o in owners}:
                    with contextlib.suppress(stores.Refused):
                        self.delete(kind, each["metadata"]["name"])

    # ---- Jobs

    def _job(self, job: Object) -> None:
        name, spec = job["metadata"]["name"], job["spec"]
        own = [
            pod for pod in self.store.all("pods") if is_of(pod, job)
        ]
        if "deletionTimestamp" in job["metadata"]:
            for pod in own:
                self.delete("pods", pod["metadata"]["name"])
            if not own:
                self.store.remove("jobs", name)
            return
        if spec.get("suspend"):
            return
        failed = job.get("status", {}).get("failedIndexes", "").split(",")
        gone = {index for index in failed if index}
        there = {pod["metadata"]["annotations"][INDEX]: pod for pod in own}
        for index, pod in there.items():
            is_deleted = "deletionTimestamp" in pod["metadata"]
            if is_deleted or pod["status"]["phase"] == "Failed":
                gone.add(index)  # backoffLimitPerIndex is 0
        for number in range(spec["completions"]):
            if str(number) not in gone | set(there):
                self._create_pod(job, number)
        phases = [pod["status"]["phase"] for pod in own]

        def count(found: Object) -> None:
            found["status"] = {
                "active": sum(p in ("Pending", "Running") for p in phases),
                "succeeded": phases.count("Succeeded"),
                "failed": phases.count("Failed"),
                "failedIndexes": ",".join(sorted(gone, key=int)),
            }

        self.store.update("jobs", name, count)

    def _create_pod(self, job: Object, index: int) -> None:
        name = "%s-%d" % (job["metadata"]["name"], index)
        if len(self.store.all("pods")) >= self.quota:
            self.warn(
                "Job", job["metadata"]["name"], "FailedCreate",
                'Error creating: pods "%s" is forbidden: exceeded quota: '
                "small, requested: pods=1, used: pods=%d, limited: pods=%d"
                % (name, self.quota, self.quota),
            )
            return
        template = job["spec"]["template"]
        self.store.create("pods", {
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": "%s-%s" % (name, uuid.uuid4().hex[:5]),
                "labels": {
                    **template["metadata"].get("labels", {}),
                    "batch.kubernetes.io/job-name": job["metadata"]["name"],
                },
                "annotations": {INDEX: str(index)},
                "ownerReferences": [{
                    "apiVersion": "batch/v1", "kind": "Job",
                    "name": job["metadata"]["name"],
                    "uid": job["metadata"]["uid"], "controller": True,
                    "blockOwnerDeletion": True,
                }],
            },
            "spec": {**template["spec"], "hostname": name},
            "status": {"phase": "Pending"},
        })

    # ---- pods

    def _pod(self, pod: Object) -> None:
        name = pod["metadata"]["name"]
        if "deletionTimestamp" in pod["metadata"]:
            if self._is_counted(pod) and self.kubelet.stop(pod):
                self.kubelet.forget(pod)
                self.store.remove("pods", name)
            return
        if pod["status"]["phase"] != "Pending":
            return
        if "nodeName" in pod["spec"]:
            self.kubelet.start(pod)
            return
        used = sum(
            "nodeName" in each["spec"]
            and each["status"]["phase"] in ("Pending", "Running")
            for each in self.store.all("pods")
        )
        if used < self.capacity:
            self.store.update(
                "pods", name,
                lambda each: each["spec"].update(nodeName="node-1"),
            )
            return
        message = "0/1 nodes are available: 1 Too many pods."
        self.store.update("pods", name, lambda each: each["status"].update(
            conditions=[{
                "type": "PodScheduled", "status": "False",
                "reason": "Unschedulable", "message": message,
            }],
        ))
        self.warn("Pod", name, "FailedScheduling", message)

    def _is_counted(self, pod: Object) -> bool:
        """Whether its Job knows that it ends: a finalizer, really."""
        index = pod["metadata"]["annotations"][INDEX]
        for job in self.store.all("jobs"):
            if is_of(pod, job) and "deletionTimestamp" not in job["metadata"]:
                failed = job.get("status", {}).get("failedIndexes", "")
                return index in failed.split(",")
        return True

    # ---- everything

    def delete(
        self, kind: str, name: str, is_foreground: bool = False
    ) -> None:
        """What DELETE does: pods and Jobs have others to finish first, and
        in the foreground it is the garbage collector that ends the rest.
        """
        if kind not in ("jobs", "pods") and not is_foreground:
            self.store.remove(kind, name)
            return
        self.store.update(
            kind, name, lambda each: each["metadata"].setdefault(
                "deletionTimestamp", stores.timestamp()
            ),
        )

    def warn(self, kind: str, name: str, reason: str, message: str) -> None:
        """Emit an event, once."""
        for event in self.store.all("events"):
            about = event["involvedObject"]
            if (about["kind"], about["name"], event["message"]) == (
                kind, name, message
            ):
                return
        self.store.create("events", {
            "apiVersion": "v1", "kind": "Event",
            "metadata": {"name": "%s.%s" % (name, uuid.uuid4().hex[:16])},
            "involvedObject": {"kind": kind, "name": name},
            "type": "Warning", "reason": reason, "message": message,
        })


#: annotation that says the place of a pod in its Job
INDEX = "batch.kubernetes.io/job-completion-index"


def _is_deleted(found: Object) -> bool:
    return "deletionTimestamp" in found["metadata"]


def is_of(pod: Object, job: Object) -> bool:
    return any(
        owner["uid"] == job["metadata"]["uid"]
        for owner in pod["metadata"].get("ownerReferences", ())
    )
