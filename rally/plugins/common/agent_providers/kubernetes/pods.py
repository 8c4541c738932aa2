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

"""What the state of pods says about the agents in them.

Objects are what the API server sends, as plain dicts: see "Pod Lifecycle" in
the documentation of Kubernetes.
"""

from __future__ import annotations

import collections
import dataclasses
import typing as t

from rally.common.counting import counted

#: name of the container that an agent runs in
CONTAINER = "agent"
#: an event or a kubelet may have much to say; people read its beginning
MAX_TEXT = 300
#: reasons that one phrase tells; more are counted
MAX_REASONS = 5
#: what a container waits for that will not come; other problems with an image,
#: such as a registry that is down, may pass
HOPELESS = frozenset({"InvalidImageName", "ErrImageNeverPull"})
#: what a kubelet calls a pod that pulls images and mounts volumes
CREATING = "ContainerCreating"

Object: t.TypeAlias = t.Mapping[str, t.Any]


def name_of(pod: Object) -> str:
    return str(pod["metadata"]["name"])


def agent_of(pod: Object) -> str:
    """The host name in a pod, which is the name its agent wishes."""
    return str(pod.get("spec", {}).get("hostname") or name_of(pod))


def waiting(pod: Object) -> str | None:
    """Why its agent does not run yet; None if it does, or has ended."""
    status = pod.get("status", {})
    if status.get("phase", "Pending") != "Pending":
        return None
    for condition in status.get("conditions") or ():
        if (condition.get("type"), condition.get("status")) == (
            "PodScheduled", "False"
        ):
            return _phrase(condition)
    for container in _containers(status):
        held = container.get("state", {}).get("waiting")
        if held:
            return _phrase(held)
    return CREATING if "startTime" in status else "not scheduled"


def ended(pod: Object) -> str | None:
    """How its agent ended, or why it never will run; None if neither."""
    status = pod.get("status", {})
    for container in _containers(status):
        held = container.get("state", {}).get("waiting") or {}
        if held.get("reason") in HOPELESS:
            return _phrase(held)
    over = _terminated(status)
    if status.get("phase") not in ("Failed", "Succeeded") and not over:
        return None
    if over.get("reason") == "OOMKilled":
        return "OOMKilled: it needed more memory than its limit"
    if status.get("reason"):  # Evicted, NodeLost, ...
        return _phrase(status)
    return disrupted(pod) or _exit(over)


def disrupted(pod: Object) -> str | None:
    """Why Kubernetes itself ended a pod: preemption, eviction, a taint."""
    for condition in pod.get("status", {}).get("conditions") or ():
        if (condition.get("type"), condition.get("status")) == (
            "DisruptionTarget", "True"
        ):
            return _phrase(condition)
    return None


def last_words(pod: Object) -> str:
    """The end of what the agent printed, if the kubelet kept it."""
    return str(_terminated(pod.get("status", {})).get("message") or "")


def _containers(status: Object) -> list[Object]:
    return [
        *(status.get("initContainerStatuses") or ()),
        *(status.get("containerStatuses") or ()),
    ]


def _terminated(status: Object) -> Object:
    """How the container of the agent ended; empty if it has not.

    Its pod may go on: containers that a mesh adds do not end with it.
    """
    for container in status.get("containerStatuses") or ():
        if container.get("name") == CONTAINER:
            return container.get("state", {}).get("terminated") or {}
    return {}


def _exit(over: Object) -> str:
    if over.get("signal"):
        return "ended by signal %d" % over["signal"]
    if "exitCode" in over:
        return "ended with exit status %d" % over["exitCode"]
    return "ended"


def _phrase(cause: Object) -> str:
    """Reason and message of a condition, a state or an event."""
    reason = str(cause.get("reason") or "unknown reason")
    message = " ".join(str(cause.get("message") or "").split())
    if len(message) > MAX_TEXT:
        message = message[:MAX_TEXT] + "..."
    return "%s: %s" % (reason, message) if message else reason


@dataclasses.dataclass(frozen=True, slots=True)
class PodEnded:
    """The agent of a pod has ended, or the pod is gone."""

    agent: str
    pod: str
    reason: str
    last_words: str


class NotRunning(t.NamedTuple):
    """Why not all pods run yet; all of it empty if they do, or have ended."""

    phrase: str  # for people
    reasons: frozenset[str]  # that are in it
    missing: int  # pods

    def is_news(self, told: NotRunning) -> bool:
        """Whether it says more than *told*.

        Of hundreds that come up one by one not each is worth a word.
        """
        change = abs(self.missing - told.missing)
        return bool(self.phrase) and (
            not self.reasons <= told.reasons
            or change > 0 and 10 * change >= told.missing
        )


#: nothing was told, or there is nothing to tell
NOTHING_PENDING = NotRunning("", frozenset(), 0)


class Census:
    """The pods of a Job: which run, which wait and why, which have ended.

    Each end is told once, however often its pod is seen.
    """

    def __init__(self, job: str, count: int) -> None:
        """:param count: how many there are to be"""
        self._job = job
        self._count = count
        self._pods: dict[str, Object] = {}  # by uid
        self._waiting: dict[str, str] = {}  # why, by uid
        self._ended: dict[str, PodEnded] = {}
        self._warning = ""  # about the Job: pods that cannot be created
        self._warnings: dict[str, str] = {}  # about pods, by name

    def see(self, pod: Object) -> list[PodEnded]:
        """A pod was added or has changed."""
        uid = pod["metadata"]["uid"]
        self._pods[uid] = pod
        if uid in self._ended:
            return []
        reason, why = ended(pod), waiting(pod)
        if reason is None and why is not None:
            self._waiting[uid] = why
        else:
            self._waiting.pop(uid, None)
        if reason is None:
            return []
        self._warnings.pop(name_of(pod), None)
        return [self._end(pod, reason)]

    def miss(self, pod: Object) -> list[PodEnded]:
        """A pod is gone; the last that is known of it."""
        found = self.see(pod)
        uid = pod["metadata"]["uid"]
        if uid in self._ended:
            return found
        self._waiting.pop(uid, None)
        return [self._end(pod, disrupted(pod) or "its pod was deleted")]

    def _end(self, pod: Object, reason: str) -> PodEnded:
        ended = PodEnded(agent_of(pod), name_of(pod), reason, last_words(pod))
        self._ended[pod["metadata"]["uid"]] = ended
        return ended

    def ended(self) -> list[PodEnded]:
        """All that have ended so far."""
        return list(self._ended.values())

    def see_all(self, pods: t.Iterable[Object]) -> list[PodEnded]:
        """These are all pods that there are now."""
        there = {pod["metadata"]["uid"]: pod for pod in pods}
        gone = [
            pod for uid, pod in self._pods.items()
            if uid not in there and uid not in self._ended
        ]
        return [
            *(each for pod in gone for each in self.miss(pod)),
            *(each for pod in there.values() for each in self.see(pod)),
        ]

    def warn(self, event: Object) -> None:
        """A warning about the Job, or about one of its pods."""
        about = event.get("involvedObject", {})
        name = str(about.get("name"))
        if (about.get("kind"), name) == ("Job", self._job):
            self._warning = _phrase(event)
        elif (
            about.get("kind") == "Pod" and name.startswith(self._job + "-")
            and event.get("reason") != "FailedScheduling"  # a condition, too
        ):
            self._warnings[name] = _phrase(event)

    def pod_of(self, agent: str) -> str | None:
        """Name of the newest pod that an agent of this name runs in."""
        found = None
        for pod in self._pods.values():
            if agent_of(pod) == agent:
                found = name_of(pod)
        return found

    def pending(self) -> NotRunning:
        """Why not all run yet."""
        reasons = collections.Counter(self._waiting.values())
        if CREATING in reasons and self._warnings:
            for uid, reason in self._waiting.items():
                warning = self._warnings.get(name_of(self._pods[uid]))
                if reason == CREATING and warning:
                    reasons[CREATING] -= 1
                    reasons[warning] += 1
        missing = self._count - len(self._pods)
        if missing > 0:
            reasons[self._warning or "not created yet"] += missing
        reasons = +reasons
        told = reasons.most_common(MAX_REASONS)
        rest = len(reasons) - len(told)
        count = sum(reasons.values())
        if not count:
            return NOTHING_PENDING
        phrase = "%d of %s not running: %s%s" % (
            count, counted(self._count, "pod"),
            "; ".join("%d %s" % (n, reason) for reason, n in told),
            "; and %s" % counted(rest, "other reason") if rest else "",
        )
        return NotRunning(phrase, frozenset(reasons), count)
