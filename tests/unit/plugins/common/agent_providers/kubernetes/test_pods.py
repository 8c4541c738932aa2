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

"""What pods say, from states as kubelets and schedulers write them."""

from __future__ import annotations

import typing as t

import ddt
import hypothesis
from hypothesis import strategies as st

from rally.plugins.common.agent_providers.kubernetes import pods
from tests.unit import test


def pod(index: int = 0, uid: str = "", **status: t.Any) -> dict[str, t.Any]:
    return {
        "metadata": {
            "name": "rally-1-%d-abcde" % index, "uid": uid or "u%d" % index,
        },
        "spec": {"hostname": "rally-1-%d" % index},
        "status": {"phase": "Pending", **status},
    }


def with_agent(phase: str, **state: t.Any) -> dict[str, t.Any]:
    return {
        "phase": phase,
        "containerStatuses": [{"name": "agent", "state": state}],
    }


UNSCHEDULABLE = {"conditions": [{
    "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
    "message": "0/3 nodes are available: 3 Insufficient cpu.",
}]}
RUNNING = with_agent("Running", running={"startedAt": "now"})


@ddt.ddt
class WaitingTestCase(test.TestCase):
    @ddt.data(
        (UNSCHEDULABLE, "Unschedulable: 0/3 nodes are available: 3 "
         "Insufficient cpu."),
        (with_agent("Pending", waiting={"reason": "ErrImagePull",
                                        "message": "no\n such  image"}),
         "ErrImagePull: no such image"),
        (with_agent("Pending", waiting={"reason": "ContainerCreating"}),
         "ContainerCreating"),
        ({"startTime": "now"}, "ContainerCreating"),
        ({}, "not scheduled"),
        (with_agent("Pending", waiting={
            "reason": "CreateContainerConfigError",
            "message": "container has runAsNonRoot and image will run as "
                       "root"}),
         "CreateContainerConfigError: container has runAsNonRoot and image "
         "will run as root"),
    )
    @ddt.unpack
    def test_it_is_said_why(
        self, status: dict[str, t.Any], phrase: str
    ) -> None:
        self.assertEqual(phrase, pods.waiting(pod(**status)))
        self.assertIsNone(pods.ended(pod(**status)))

    @ddt.data(RUNNING, with_agent("Failed", terminated={"exitCode": 1}))
    def test_what_runs_or_has_ended_does_not_wait(
        self, status: dict[str, t.Any]
    ) -> None:
        self.assertIsNone(pods.waiting(pod(**status)))

    def test_a_long_message_is_cut(self) -> None:
        held = {"reason": "ErrImagePull", "message": "x" * 5000}
        phrase = pods.waiting(pod(**with_agent("Pending", waiting=held)))
        self.assertEqual("ErrImagePull: " + "x" * 300 + "...", phrase)


@ddt.ddt
class EndedTestCase(test.TestCase):
    @ddt.data(
        (with_agent("Failed", terminated={
            "exitCode": 137, "reason": "OOMKilled"}),
         "OOMKilled: it needed more memory than its limit"),
        (with_agent("Failed", terminated={
            "exitCode": 3, "reason": "Error"}), "ended with exit status 3"),
        (with_agent("Succeeded", terminated={
            "exitCode": 0, "reason": "Completed"}),
         "ended with exit status 0"),
        # a container of a mesh goes on
        (with_agent("Running", terminated={
            "exitCode": 1, "reason": "Error"}), "ended with exit status 1"),
        ({"phase": "Failed", "reason": "Evicted",
          "message": "The node was low on resource: memory."},
         "Evicted: The node was low on resource: memory."),
        ({"phase": "Failed", "conditions": [{
            "type": "DisruptionTarget", "status": "True",
            "reason": "PreemptionByScheduler", "message": "for web-0"}]},
         "PreemptionByScheduler: for web-0"),
        ({"phase": "Failed"}, "ended"),
        (with_agent("Pending", waiting={
            "reason": "InvalidImageName", "message": "parse UPPER"}),
         "InvalidImageName: parse UPPER"),
    )
    @ddt.unpack
    def test_it_is_said_how(
        self, status: dict[str, t.Any], phrase: str
    ) -> None:
        self.assertEqual(phrase, pods.ended(pod(**status)))

    def test_its_last_words_are_those_that_the_kubelet_kept(self) -> None:
        over = {"exitCode": 1, "message": "refused\n"}
        self.assertEqual(
            "refused\n",
            pods.last_words(pod(**with_agent("Failed", terminated=over))),
        )


class CensusTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.census = pods.Census("rally-1", 3)

    def event(self, kind: str, name: str, text: str) -> dict[str, t.Any]:
        return {
            "involvedObject": {"kind": kind, "name": name},
            "reason": "Failed", "message": text,
        }

    def test_pods_that_do_not_exist_are_pending(self) -> None:
        phrase = self.census.pending().phrase
        self.assertEqual(
            "3 of 3 pods not running: 3 not created yet", phrase
        )

    def test_reasons_are_counted(self) -> None:
        self.census.see(pod(0, **RUNNING))
        self.census.see(pod(1, **UNSCHEDULABLE))
        self.census.see(pod(2, **UNSCHEDULABLE))
        phrase, reasons, _ = self.census.pending()
        self.assertEqual(
            "2 of 3 pods not running: 2 Unschedulable: 0/3 nodes are "
            "available: 3 Insufficient cpu.", phrase,
        )
        self.assertEqual(1, len(reasons))

    def test_nothing_is_pending_once_all_run_or_have_ended(self) -> None:
        for i in range(3):
            self.census.see(pod(i, **UNSCHEDULABLE))
        self.census.see(pod(0, **RUNNING))
        self.census.see(pod(1, **with_agent("Failed", terminated={})))
        self.census.miss(pod(2, **UNSCHEDULABLE))
        self.assertEqual(pods.NOTHING_PENDING, self.census.pending())

    def test_a_warning_says_why_pods_are_not_created(self) -> None:
        self.census.see(pod(0, **RUNNING))
        self.census.warn(self.event("Job", "rally-2", "not ours"))
        self.census.warn(self.event("Job", "rally-1", "exceeded quota"))
        self.assertEqual(
            "2 of 3 pods not running: 2 Failed: exceeded quota",
            self.census.pending()[0],
        )

    def test_a_warning_says_why_a_pod_is_not_ready_to_run(self) -> None:
        census = pods.Census("rally-1", 1)
        census.warn(self.event("Pod", "rally-1-0-abcde", "no such Secret"))
        census.see(pod(0, startTime="now"))
        self.assertEqual(
            "1 of 1 pod not running: 1 Failed: no such Secret",
            census.pending()[0],
        )

    def test_that_fewer_wait_for_the_same_reason_is_news(self) -> None:
        three = self.census.pending()
        self.census.see(pod(0, **RUNNING))
        self.assertTrue(three.is_news(pods.NOTHING_PENDING))
        self.assertTrue(self.census.pending().is_news(three))
        self.assertFalse(three.is_news(three))

    def test_of_hundreds_not_each_is_news(self) -> None:
        census = pods.Census("rally-1", 500)
        told, count = pods.NOTHING_PENDING, 0
        for i in range(500):
            if census.pending().is_news(told):
                told, count = census.pending(), count + 1
            census.see(pod(i, **RUNNING))
        self.assertLess(count, 60)
        self.assertEqual(1, told.missing)

    def test_an_end_is_told_once(self) -> None:
        over = pod(1, **with_agent("Failed", terminated={"exitCode": 2}))
        (ended,) = self.census.see(over)
        self.assertEqual("rally-1-1", ended.agent)
        self.assertEqual("ended with exit status 2", ended.reason)
        self.assertEqual([], self.census.see(over))
        self.assertEqual([], self.census.miss(over))
        self.assertEqual([], self.census.see_all([]))

    def test_a_deleted_pod_has_ended(self) -> None:
        (ended,) = self.census.miss(pod(0, **RUNNING))
        self.assertEqual("its pod was deleted", ended.reason)

    def test_a_pod_that_is_not_listed_any_more_has_ended(self) -> None:
        self.census.see(pod(0, **RUNNING))
        (ended,) = self.census.see_all([pod(1, **RUNNING)])
        self.assertEqual("rally-1-0", ended.agent)

    def test_an_agent_is_found_in_its_newest_pod(self) -> None:
        self.census.see(pod(0, "old"))
        newer = pod(0, "new")
        newer["metadata"]["name"] = "rally-1-0-zzzzz"
        self.census.see(newer)
        self.assertEqual("rally-1-0-zzzzz", self.census.pod_of("rally-1-0"))
        self.assertIsNone(self.census.pod_of("rally-1-9"))


STATUSES = st.sampled_from([
    {}, UNSCHEDULABLE, RUNNING, {"startTime": "now"},
    with_agent("Failed", terminated={"exitCode": 1}),
    with_agent("Succeeded", terminated={"exitCode": 0}),
    {"phase": "Failed", "reason": "Evicted"},
])
#: what happens: a pod changes, is deleted, or all are listed (again)
STEPS = st.lists(st.tuples(
    st.sampled_from(["see", "miss", "list"]), st.integers(0, 3), STATUSES,
), max_size=30)


class CensusLawTestCase(test.TestCase):
    @hypothesis.given(STEPS)
    def test_each_pod_ends_at_most_once_and_is_counted_once(
        self, steps: list[tuple[str, int, dict[str, t.Any]]]
    ) -> None:
        census = pods.Census("rally-1", 4)
        there: dict[int, dict[str, t.Any]] = {}
        ended: list[str] = []
        for what, index, status in steps:
            each = pod(index, **status)
            if what == "see":
                there[index] = each
                found = census.see(each)
            elif what == "miss":
                there.pop(index, None)
                found = census.miss(each)
            else:
                found = census.see_all(there.values())
            ended += [one.agent for one in found]
            phrase, reasons, _ = census.pending()
            self.assertEqual(bool(phrase), bool(reasons))
        self.assertEqual(len(ended), len(set(ended)))
        # once all have ended, nothing is pending and nothing more ends
        for index in range(4):
            ended += [
                one.agent for one in census.miss(pod(index, **RUNNING))
            ]
        self.assertEqual(sorted(set(ended)), sorted(ended))
        self.assertEqual(4, len(ended))
        self.assertEqual(pods.NOTHING_PENDING, census.pending())
