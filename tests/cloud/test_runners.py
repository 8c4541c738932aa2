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

"""Each scenario of the samples under the runners that samples do not name.

One task holds them all, so agents serve many workloads in a row. With
``CLOUD_EACH=3`` a runner gets each third of them, another third than the
others, so that all are run.
"""

from __future__ import annotations

import json
import os
import typing as t

import ddt
import yaml

from tests.cloud import case, reference, samples
from tests.functional.cluster import distributed, task_of

EXPECTED = json.loads(reference.EXPECTED.read_text())
#: runner -> how many iterations there are; None: as many as there is time for
RUNNERS: t.Mapping[str, tuple[dict[str, t.Any], int | None]] = {
    "serial": ({"times": 2}, 2),
    "constant_for_duration": ({"duration": 1, "concurrency": 2}, None),
    "rps": ({"times": 4, "rps": 8}, 4),
}
EACH = int(os.environ.get("CLOUD_EACH", "1"))
FEW_USERS = {"tenants": 1, "users_per_tenant": 2}


def workloads(image_url: str) -> t.Iterator[dict[str, t.Any]]:
    """Scenario and contexts of samples, once for each scenario and way of
    import.
    """
    seen = set()
    for name in sorted(EXPECTED):
        if not name.startswith("scenarios/"):
            continue
        task = yaml.safe_load(samples.text_of(name, image_url))
        for workload in samples.workloads_of(task):
            [(scenario, arguments)] = workload["scenario"].items()
            kind = scenario, (arguments or {}).get("import_method")
            contexts = dict(workload.get("contexts") or {})
            if "users" in contexts:
                contexts["users"] = FEW_USERS
            if kind not in seen:
                seen.add(kind)
                yield {
                    "scenario": workload["scenario"], "contexts": contexts,
                    "sla": {"failure_rate": {"max": 0}},
                }


def action_names() -> dict[str, list[set[str]]]:
    """What atomic actions of each scenario there may be, by its name."""
    known: dict[str, list[set[str]]] = {}
    for expected in EXPECTED.values():
        for outcome in expected["workloads"]:
            known.setdefault(outcome["name"], []).append(
                set(outcome["actions"])
            )
    return known


@ddt.ddt
class RunnerTestCase(case.TestCase):
    @ddt.data(
        *((name, kind) for name in RUNNERS for kind in ("local", "agents"))
    )
    @ddt.unpack
    def test_all_scenarios(self, name: str, kind: str) -> None:
        config, count = RUNNERS[name]
        runner = {name: config}
        if kind == "agents":
            runner = distributed(runner)
        chosen = list(workloads(self.cloud.image_url))
        self.assertGreater(len(chosen), 25)
        share = chosen[list(RUNNERS).index(name) % EACH::EACH]
        task = task_of(*({**each, "runner": runner} for each in share))

        run = self.run_task(task, deadline_s=900)

        self.assertEqual(0, run.finish().code, run.out)
        known = action_names()
        for found in self.outcome_of(run):
            title = "%s under %s" % (found["name"], name)
            self.assertEqual({}, found["failures"], title)
            self.assertEqual({"failure_rate": True}, found["sla"], title)
            self.assertIn(
                set(found["actions"]), known[found["name"]], title
            )
            if count is None:
                self.assertGreater(found["iterations"], 0, title)
            else:
                self.assertEqual(count, found["iterations"], title)
