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

"""Every sample and every job runs, and passes; on an agent as without."""

from __future__ import annotations

import concurrent.futures
import contextlib
import copy
import json
import pathlib
import re
import subprocess
import sys
import typing as t

import ddt
import jinja2
import yaml

from tests.functional import cluster, databases, sandbox
from tests.functional.sandbox import TREE, Sandbox

#: those that need a cloud are run by tests/cloud/test_tasks.py, those that
#: need other hosts by tests/cluster/test_ssh.py
SAMPLES = sorted(
    path for path in (TREE / "samples" / "tasks").rglob("*.yaml")
    if not {"openstack", "fleets"} & set(path.parts)
)
JOBS = sorted(
    path for path in (TREE / "rally-jobs").glob("*.yaml")
    if path.stem != "openstack"
)
SERVER = TREE / "rally-jobs" / "extra" / "page_server.py"
RUN_S = 400

#: the one that shows what becomes of a clean-up that fails
CLEANUP_FAILS = "samples/tasks/contexts/dummy-context-fail-cleanup.yaml"
CLEANUP_FAILED = 183

#: scenarios whose results depend on chance
BY_CHANCE = (
    "Dummy.dummy_exception_probability", "Dummy.dummy_output",
    "Dummy.dummy_random_action", "Dummy.dummy_random_fail_in_atomic",
)


def name_of(path: pathlib.Path) -> str:
    return str(path.relative_to(TREE))


def loaded(path: pathlib.Path, arguments: dict[str, t.Any]) -> t.Any:
    """A task file, rendered and parsed."""
    text = jinja2.Template(path.read_text()).render(**arguments)
    return yaml.safe_load(text)


def on_an_agent(task: t.Any) -> t.Any:
    """The same task with each runner inside a distributed one."""
    task = copy.deepcopy(task)
    if task.get("version") == 2:
        for subtask in task["subtasks"]:
            for workload in subtask.get("workloads", [subtask]):
                workload["runner"] = {"distributed": {
                    "runner": workload["runner"], "local_agents": 1,
                }}
        return task
    for workloads in task.values():
        for workload in workloads:
            config = dict(workload["runner"])
            workload["runner"] = {
                "type": "distributed", "local_agents": 1,
                "runner": {config.pop("type"): config},
            }
    return task


def is_distributed(task: t.Any) -> bool:
    return "distributed" in json.dumps(task)


def not_distributed() -> list[pathlib.Path]:
    """Samples that do not say themselves where their load comes from."""
    return [path for path in SAMPLES if not is_distributed(loaded(path, {}))]


class Outcome(t.NamedTuple):
    """What became of a task file."""

    code: int
    out: str
    report: dict[str, t.Any]

    @property
    def workloads(self) -> list[cluster.Workload]:
        return [
            cluster.Workload(workload)
            for subtask in self.report["subtasks"]
            for workload in subtask["workloads"]
        ]


def run_many(
    paths: list[pathlib.Path], arguments: dict[str, t.Any]
) -> list[Outcome]:
    """Run task files in a sandbox of their own, one after another."""
    box = Sandbox()
    try:
        started = box.rally_many(
            (
                ["task", "start", path, "--task-args", json.dumps(arguments),
                 "--no-use"]
                for path in paths
            ),
            RUN_S,
        )
        outcomes = [
            Outcome(done.code, done.out, {}) for done in started
        ]
        uuids = [cluster.uuid_in(done.out) for done in started]
        box.rally_many(
            ["task", "report", uuid, "--json", "--out",
             box.folder / ("%d.json" % i)]
            for i, uuid in enumerate(uuids) if uuid
        )
        for i, outcome in enumerate(outcomes):
            if uuids[i]:
                text = (box.folder / ("%d.json" % i)).read_text()
                outcome.report.update(json.loads(text)["tasks"][0])
        left = box.leftovers()
        if left:
            raise AssertionError("left behind: %s" % left)
        return outcomes
    finally:
        box.close()


@contextlib.contextmanager
def web_server() -> t.Iterator[str]:
    """Address of a web server for the samples that need one."""
    with subprocess.Popen(
        [sys.executable, str(SERVER), "0"], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True,
    ) as server:
        if server.stdout is None:
            raise AssertionError("it has no output")
        yield server.stdout.readline().strip()
        server.communicate()


def without_times(row: dict[str, t.Any]) -> str:
    """What of a row does not depend on when it ran."""

    def names(actions: list[dict[str, t.Any]]) -> list[t.Any]:
        return [
            [each["name"], each.get("failed", False),
             names(each["children"])]
            for each in actions
        ]

    error = row["error"][:2]  # the rest is a traceback
    return json.dumps(
        [names(row["atomic_actions"]), error, row["output"]]
    )


def counts(workload: cluster.Workload) -> list[t.Any]:
    """What of the statistics does not depend on durations."""

    def of(rows: list[dict[str, t.Any]]) -> list[t.Any]:
        return [
            [row["name"], row["display_name"], row["count_per_iteration"],
             row["data"]["iteration_count"], row["data"]["success"],
             of(row["children"])]
            for row in rows
        ]

    durations = workload["statistics"]["durations"]
    return of([*durations["atomics"], durations["total"]])


def without_numbers(text: str) -> str:
    return re.sub(r"\d+(\.\d+)?", "N", text)


class Runs(t.NamedTuple):
    """All outcomes by the name of the YAML file."""

    yaml: dict[str, Outcome]
    json: dict[str, Outcome]
    on_an_agent: dict[str, Outcome]


def run_all() -> Runs:
    """Each file as it is, in its other form, and on one agent."""
    sandbox.made_database(databases.SERVER)
    box = Sandbox(with_database=False)
    with contextlib.ExitStack() as stack:
        stack.callback(box.close)
        url = stack.enter_context(web_server())
        pool = stack.enter_context(
            concurrent.futures.ThreadPoolExecutor(3)
        )
        arguments = {"url": url, "port": sandbox.free_ports(1)}
        local = not_distributed()
        wrapped = []
        for i, path in enumerate(local):
            task = on_an_agent(loaded(path, arguments))
            wrapped.append(box.write("%d.json" % i, json.dumps(task)))
        futures = [
            pool.submit(run_many, paths, arguments)
            for paths in (
                SAMPLES + JOBS,
                [path.with_suffix(".json") for path in SAMPLES],
                wrapped,
            )
        ]
        outcomes = [future.result() for future in futures]
    keys = (SAMPLES + JOBS, SAMPLES, local)
    return Runs(*(
        dict(zip(map(name_of, paths), each))
        for paths, each in zip(keys, outcomes)
    ))


@ddt.ddt
class SamplesTestCase(cluster.PlainTestCase):
    runs: t.ClassVar[Runs]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.runs = run_all()

    def assert_passes(self, name, outcome):
        code = CLEANUP_FAILED if name == CLEANUP_FAILS else 0
        self.assertEqual(code, outcome.code, outcome.out)
        for workload in outcome.workloads:
            self.assertTrue(workload["pass_sla"], outcome.out)
            self.assertGreater(len(workload.rows), 0)
            stamps = workload.timestamps
            self.assertEqual(sorted(stamps), stamps)

    @ddt.data(*map(name_of, SAMPLES + JOBS))
    def test_passes(self, name):
        self.assert_passes(name, self.runs.yaml[name])

    @ddt.data(*map(name_of, SAMPLES))
    def test_passes_as_json(self, name):
        self.assert_passes(name, self.runs.json[name])

    @ddt.data(*map(name_of, SAMPLES))
    def test_is_the_same_in_yaml_and_json(self, name):
        path = TREE / name
        self.assertEqual(
            loaded(path, {}), loaded(path.with_suffix(".json"), {})
        )

    def test_no_sample_is_in_one_form_only(self):
        folder = TREE / "samples" / "tasks"
        yaml_ones, json_ones = (
            sorted(path.with_suffix("") for path in folder.rglob(pattern))
            for pattern in ("*.yaml", "*.json")
        )
        self.assertEqual(yaml_ones, json_ones)

    @ddt.data(*map(name_of, not_distributed()))
    def test_has_the_same_results_on_an_agent(self, name):
        alone, there = self.runs.yaml[name], self.runs.on_an_agent[name]
        self.assertEqual(alone.code, there.code, there.out)
        self.assertEqual(len(alone.workloads), len(there.workloads))
        for ours, theirs in zip(alone.workloads, there.workloads):
            self.assert_same(ours, theirs)

    def assert_same(self, ours, theirs):
        [scenario] = ours["scenario"]
        [runner] = ours["runner"]
        is_chance = scenario in BY_CHANCE
        for key in ("scenario", "sla", "contexts", "position",
                    "description", "pass_sla"):
            self.assertEqual(ours[key], theirs[key], key)
        self.assertEqual(
            [self.verdict(each, is_chance) for each in ours.sla],
            [self.verdict(each, is_chance) for each in theirs.sla],
        )
        self.assertEqual(
            [each["summary"] for each in ours["hooks"]],
            [each["summary"] for each in theirs["hooks"]],
        )
        rows = [sorted(map(without_times, each.rows))
                for each in (ours, theirs)]
        if runner == "constant_for_duration":
            self.assertEqual(set(rows[0]), set(rows[1]))
        elif is_chance:
            self.assertEqual(len(rows[0]), len(rows[1]))
        else:
            self.assertEqual(*rows)
            self.assertEqual(counts(ours), counts(theirs))
            self.assertEqual(
                ours["failed_iteration_count"],
                theirs["failed_iteration_count"],
            )

    @staticmethod
    def verdict(result, is_chance):
        """A verdict, without what depends on durations or chance."""
        is_exact = result["criterion"] == "failure_rate" and not is_chance
        detail = result["detail"]
        return (
            result["criterion"], result["success"],
            detail if is_exact else without_numbers(detail),
        )
