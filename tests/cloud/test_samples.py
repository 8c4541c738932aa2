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

"""Samples of rally-openstack do here what they do with the released Rally.

``expected*.json`` have what came out there; ``tests.cloud.reference`` makes
them.
"""

from __future__ import annotations

import json
import os
import typing as t

import ddt
import testtools

from tests.cloud import case, cloud, outcome, reference, samples

EXPECTED = json.loads(reference.EXPECTED.read_text())
EXPECTED_LARGE = json.loads(reference.EXPECTED_LARGE.read_text())


#: so that only each so many of the samples runs over agents
EACH = int(os.environ.get("CLOUD_EACH", "1"))
#: there are few that need many services: each so many of those
LARGE_EACH = -(-EACH // 8)
#: samples that run over agents in one task, which is quicker
AGENTS_GROUPS: t.Mapping[str, t.Sequence[str]] = {
    "glance": [name for name in EXPECTED if "/glance/" in name],
    "keystone": [name for name in EXPECTED if "/keystone/" in name],
    "other": [
        name for name in EXPECTED
        if "/keystone/" not in name and "/glance/" not in name
    ],
}
AGENTS_S = 1800


class SampleTestCase(case.TestCase):
    def outcome_of_task(self, text: str) -> t.Any:
        """Exit status and outcome of a task."""
        run = self.run_task(
            self.sandbox.write("task.yaml", text), deadline_s=AGENTS_S
        )
        return {
            "exit status": run.finish().code,
            "workloads": self.outcome_of(run),
        }

    def check_over_agents(
        self, names: t.Iterable[str], expected: t.Mapping[str, t.Any],
        change: t.Callable[[str], str] = str,
    ) -> None:
        """Samples over agents, in one task, do what each does alone."""
        names = sorted(names)
        found = self.outcome_of_task(samples.over_agents(
            change(self.text_of(name)) for name in names
        ))
        left = iter(found["workloads"])
        self.assertEqual(
            {name: expected[name]["workloads"] for name in names},
            {
                name: [
                    next(left) for _ in expected[name]["workloads"]
                ]
                for name in names
            },
        )
        self.assertEqual([], list(left))
        if not outcome.is_by_time(found["workloads"]):
            self.assertEqual(
                max(expected[name]["exit status"] for name in names),
                found["exit status"],
            )

    def text_of(self, name: str) -> str:
        return samples.text_of(name, self.cloud.image_url)


@ddt.ddt
class LocalTestCase(SampleTestCase):
    # others than those over agents, if it is not all
    @ddt.data(*sorted(EXPECTED)[EACH // 2::EACH])
    def test_from_one_node(self, name: str) -> None:
        found = self.outcome_of_task(self.text_of(name))
        expected = dict(EXPECTED[name])
        if outcome.is_by_time(found["workloads"]):
            expected["exit status"] = found["exit status"]
        self.assertEqual(expected, found)


@ddt.ddt
class AgentsTestCase(SampleTestCase):
    @ddt.data(*AGENTS_GROUPS)
    def test_from_two_agents(self, group: str) -> None:
        self.check_over_agents(
            sorted(AGENTS_GROUPS[group])[::EACH], EXPECTED
        )


@ddt.ddt
class LargeTestCase(SampleTestCase):
    """Networks and secrets, with their quotas, contexts and clean-up."""

    SERVICES = cloud.ALL

    # others than those over agents, if it is not all
    @ddt.data(*sorted(EXPECTED_LARGE)[LARGE_EACH // 2::LARGE_EACH])
    def test_from_one_node(self, name: str) -> None:
        text = samples.shrunk(self.text_of(name))
        self.assertEqual(EXPECTED_LARGE[name], self.outcome_of_task(text))

    def test_from_two_agents(self) -> None:
        self.check_over_agents(
            sorted(EXPECTED_LARGE)[::LARGE_EACH], EXPECTED_LARGE,
            samples.shrunk,
        )


class CompletenessTestCase(testtools.TestCase):
    def test_every_sample_of_these_services_is_run(self) -> None:
        self.assertEqual(sorted(samples.names()), sorted(EXPECTED))
        self.assertEqual(
            sorted(samples.LARGE_SAMPLES), sorted(EXPECTED_LARGE)
        )
