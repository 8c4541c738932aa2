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

"""The agents of a task as the pods of a Job."""

from __future__ import annotations

import contextlib
import json
import threading
import time
import typing as t

from rally.common import logging, private_files
from rally.common.counting import counted
from rally.plugins.common.agent_providers.kubernetes import (
    cluster as clusters,
)
from rally.plugins.common.agent_providers.kubernetes import manifests, pods
from rally.task import agent_provider

LOG = logging.getLogger(__name__)

#: how long a cluster may take to accept the Job and the Secret
START_S = 60.0
TAIL_LINES = 30
TAIL_S = 5.0
#: in the folder of the order: where the Job is
RECORD = "kubernetes.json"


@agent_provider.configure(name="kubernetes")
class KubernetesProvider(agent_provider.AgentProvider):
    """Runs agents as the pods of a Job in a Kubernetes cluster.

    The controller may run in the cluster or outside; agents dial it. They
    run on different nodes as far as there are enough. Needs the Python
    package ``kubernetes``, and Kubernetes 1.29 or later.

    .. code-block:: yaml

        runner:
          distributed:
            runner: {constant: {times: 100000, concurrency: 400}}
            agents: {kubernetes: {count: 20, image: registry/rally:6.0.0}}
    """

    CONFIG_SCHEMA = manifests.SCHEMA

    def __init__(
        self, config: t.Any, order: agent_provider.Order,
        tell: agent_provider.Tell,
    ) -> None:
        super().__init__(config, order, tell)
        self._job = manifests.name_of(order)
        self._fleet = manifests.fleet_of(order)
        self._record = order.folder / RECORD
        self._census = pods.Census(self._job, config["count"])
        self._lock = threading.Lock()  # of the census
        self._told = pods.NOTHING_PENDING
        self._is_ending = threading.Event()
        self._cluster: clusters.Cluster | None = None
        self._followers: list[threading.Thread] = []

    def names(self) -> list[str]:
        return [
            "%s-%d" % (self._job, i) for i in range(self.config["count"])
        ]

    # ---- start

    def start(self) -> None:
        """Create the Job and its Secret, unless they are there.

        Agents that have ended are not replaced: they are told again.
        """
        if self._followers:
            with self._lock:
                ended = self._census.ended()
                self._told = pods.NOTHING_PENDING
            for each in ended:
                self._tell_end(each)
            self._tell_pending()
            return
        if self._cluster is None:
            self._cluster = clusters.Cluster(self.config, self.order.folder)
        cluster = self._cluster
        self._write_record(cluster)
        try:
            self._create(cluster, time.monotonic() + START_S)
        except clusters.RequestRefused as e:
            raise clusters.JobNotStarted(
                what="start Job %s" % self._job, namespace=cluster.namespace,
                problem=e,
            ) from None
        LOG.info(
            "Job %s in namespace %s of %s has %s",
            self._job, cluster.namespace, cluster.server,
            counted(self.config["count"], "agent"),
        )
        for work in (self._follow_pods, self._follow_warnings):
            thread = threading.Thread(
                target=work, args=[cluster], name=work.__name__, daemon=True
            )
            thread.start()
            self._followers.append(thread)

    def _create(self, cluster: clusters.Cluster, until_s: float) -> None:
        job = self._create_job(cluster, until_s)
        if job["spec"].get("suspend"):  # it has not begun yet
            self._create_secret(cluster, job["metadata"]["uid"], until_s)
            resumed = {"spec": {"suspend": False}}
            cluster.patch("job", self._job, resumed, until_s)

    def _write_record(self, cluster: clusters.Cluster) -> None:
        """Say where the Job will be, whatever a current context is then."""
        record = {"namespace": cluster.namespace, "server": cluster.server}
        private_files.write(self._record, [json.dumps(record).encode()])

    def _create_job(
        self, cluster: clusters.Cluster, until_s: float
    ) -> clusters.Object:
        wanted = manifests.job(self.config, self.order)
        try:
            return cluster.create("job", wanted, until_s)
        except clusters.RequestRefused as e:
            if e.code != 409:
                raise
        # made by an attempt whose answer was lost, or not ours
        found = cluster.get("job", self._job, until_s)
        if not self._is_ours(found):
            raise clusters.RequestRefused(
                409, "there is a Job of this name that is not of this run of "
                "task %s; delete it, or use another namespace"
                % self.order.task, None,
            )
        return found

    def _is_ours(self, job: clusters.Object) -> bool:
        labels = job["metadata"].get("labels", {})
        return bool(labels.get(manifests.FLEET_LABEL) == self._fleet)

    def _create_secret(
        self, cluster: clusters.Cluster, job_uid: str, until_s: float
    ) -> None:
        wanted = manifests.secret(self.order, job_uid)
        try:
            cluster.create("secret", wanted, until_s)
        except clusters.RequestRefused as e:
            if e.code != 409:
                raise
            # of an attempt before; a Secret cannot be changed, nor read
            cluster.delete("secret", self._job, until_s)
            cluster.create("secret", wanted, until_s)

    # ---- while they run

    def _follow_pods(self, cluster: clusters.Cluster) -> None:
        selector = "%s=%s" % (manifests.FLEET_LABEL, self._fleet)
        try:
            for seen in cluster.follow("pod", label_selector=selector):
                with self._lock:
                    ended = self._count(seen)
                for each in ended:
                    self._tell_end(each)
                self._tell_pending()
        except clusters.RequestRefused as e:
            LOG.warning(
                "Nothing is known about the pods of Job %s: %s", self._job, e
            )

    def _count(
        self, seen: clusters.Listed | clusters.Changed
    ) -> list[pods.PodEnded]:
        if isinstance(seen, clusters.Listed):
            return self._census.see_all(seen.objects)
        if seen.is_deleted:
            return self._census.miss(seen.object)
        return self._census.see(seen.object)

    def _follow_warnings(self, cluster: clusters.Cluster) -> None:
        try:
            for seen in cluster.follow("event", field_selector="type=Warning"):
                events = (
                    seen.objects if isinstance(seen, clusters.Listed)
                    else [] if seen.is_deleted else [seen.object]
                )
                with self._lock:
                    for event in events:
                        self._census.warn(event)
                self._tell_pending()
        except clusters.RequestRefused as e:
            LOG.warning(
                "The events of Job %s cannot be read, so it is not known why "
                "pods are not created: %s", self._job, e
            )

    def _tell_end(self, ended: pods.PodEnded) -> None:
        if self._is_ending.is_set():
            return
        tail = ended.last_words or self.tail(ended.agent)
        self.tell(agent_provider.Failed(ended.agent, ended.reason, tail))

    def _tell_pending(self) -> None:
        """Say why not all run yet, if that is news."""
        with self._lock:
            pending = self._census.pending()
            is_news = pending.is_news(self._told)
            if is_news or not pending.phrase:
                self._told = pending
            else:  # a reason that comes back is news
                self._told = self._told._replace(reasons=pending.reasons)
        if is_news and not self._is_ending.is_set():
            self.tell(agent_provider.Pending(pending.phrase))

    def tail(self, agent: str) -> str:
        """The end of its log."""
        with self._lock:
            pod = self._census.pod_of(agent)
        cluster = self._cluster
        if pod is None or cluster is None:
            return ""
        try:
            return cluster.log(
                pod, pods.CONTAINER, TAIL_LINES, time.monotonic() + TAIL_S
            )
        except clusters.RequestRefused:
            return ""  # it is gone, or has not begun to run

    # ---- end

    def end(self, until_s: float) -> list[str]:
        """Delete Secret, Job and pods, and wait until they are gone."""
        self._is_ending.set()
        try:
            if not self._record.exists():  # never begun, or all is gone
                return []
            return self._end_recorded(until_s)
        finally:
            self._stop_following(until_s)

    def _end_recorded(self, until_s: float) -> list[str]:
        record = json.loads(self._record.read_text())
        config = {**self.config, "namespace": record["namespace"]}
        try:
            # not the one of the start: a week later it may not be let in
            cluster = clusters.Cluster(config, self.order.folder)
        except (clusters.NoAccess, clusters.ClientMissing) as e:
            return [self._left(record, str(e))]
        with contextlib.closing(cluster):
            problems = self._end_in(cluster, record, until_s)
        if not problems:
            self._record.unlink(missing_ok=True)
            private_files.sync_folder(self._record.parent)
        return problems

    def _stop_following(self, until_s: float) -> None:
        cluster, self._cluster = self._cluster, None
        if cluster is not None:
            cluster.close()
        for thread in self._followers:
            thread.join(max(0.0, until_s - time.monotonic()))
        self._followers.clear()

    def _end_in(
        self, cluster: clusters.Cluster, record: clusters.Object,
        until_s: float,
    ) -> list[str]:
        if cluster.server != record["server"]:
            return [self._left(
                record, "the way to the cluster now leads to %s"
                % cluster.server
            )]
        try:
            self._delete(cluster, until_s)
            if self._is_gone(cluster, until_s):
                return []
        except clusters.RequestRefused as e:
            return [self._left(record, str(e))]
        return [self._left(record, "its pods have not ended in time")]

    def _delete(self, cluster: clusters.Cluster, until_s: float) -> None:
        """Delete what is ours; none of it needs to be there."""
        try:
            job = cluster.get("job", self._job, until_s)
        except clusters.RequestRefused as e:
            if e.code != 404:
                raise
            # its Secret goes with it, but later than this
            cluster.delete("secret", self._job, until_s)
            return
        if self._is_ours(job):
            cluster.delete("secret", self._job, until_s)
            # never one that somebody made under its name meanwhile
            cluster.delete(
                "job", self._job, until_s, uid=job["metadata"]["uid"]
            )

    def _is_gone(self, cluster: clusters.Cluster, until_s: float) -> bool:
        """Wait until the Job is gone: its pods go before it."""
        there: set[str] = set()
        for seen in cluster.follow(
            "job", until_s, field_selector="metadata.name=" + self._job
        ):
            if isinstance(seen, clusters.Listed):
                there = {
                    each["metadata"]["uid"] for each in seen.objects
                    if self._is_ours(each)
                }
            elif seen.is_deleted:
                there.discard(seen.object["metadata"]["uid"])
            if not there:
                return True
        return False

    def _left(self, record: clusters.Object, why: str) -> str:
        return (
            "Job %s and Secret %s may still be in namespace %s of the "
            "Kubernetes cluster %s: %s. Agents end by themselves; to remove "
            "the rest, `kubectl -n %s delete job,secret %s`." % (
                self._job, self._job, record["namespace"], record["server"],
                why.rstrip("."), record["namespace"], self._job,
            )
        )
