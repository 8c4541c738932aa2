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

"""Bad input: a clear paragraph, a non-zero exit code, and no traceback."""

from __future__ import annotations

import json
import typing as t

import ddt

from tests import privileges
from tests.functional import cluster
from tests.functional.cluster import distributed, task_of
from tests.functional.sandbox import Done

SERIAL = {"serial": {"times": 1}}
CONSTANT = {"constant": {"times": 10, "concurrency": 2}}


def workload(**more: t.Any) -> dict[str, t.Any]:
    return task_of({
        "scenario": {"Dummy.dummy": {}}, "runner": SERIAL, **more,
    })


#: name -> task, exit code, what the paragraph has to say
TASKS: dict[str, tuple[t.Any, int, list[str]]] = {
    "not a task": ([1, 2], 113, ["task", "dict"]),
    "no title": ({"version": 2, "subtasks": []}, 113, ["title"]),
    "unknown version": ({"version": 7}, 113, ["version", "7"]),
    "unknown key": (workload(colour="red"), 113, ["colour"]),
    "unknown scenario": (
        workload(scenario={"No.such_scenario": {}}), 114,
        ["No.such_scenario", "position 0"],
    ),
    "unknown runner": (
        workload(runner={"no_such_runner": {}}), 114,
        ["no_such_runner", "Dummy.dummy"],
    ),
    "unknown sla": (
        workload(sla={"no_such_sla": 1}), 114,
        ["no_such_sla", "Dummy.dummy"],
    ),
    "unknown context": (
        workload(contexts={"no_such_context": {}}), 114,
        ["no_such_context", "Dummy.dummy"],
    ),
    "unknown hook": (
        workload(hooks=[{
            "action": {"no_such_hook": 1},
            "trigger": {"event": {"unit": "iteration", "at": [1]}},
        }]), 114, ["no_such_hook"],
    ),
    "wrong type of an argument": (
        workload(scenario={"Dummy.dummy": {"sleep": "long"}}), 114,
        ["sleep", "Dummy.dummy"],
    ),
    "wrong type in a runner": (
        workload(runner={"constant": {"times": "many"}}), 114,
        ["many", "Dummy.dummy"],
    ),
    "wrong type in a criterion": (
        workload(sla={"failure_rate": {"max": "few"}}), 114, ["few"],
    ),
    "wrong type in a context": (
        workload(contexts={"dummy_context": {"fail_setup": "maybe"}}), 114,
        ["maybe"],
    ),
    "no inner runner": (
        workload(runner={"distributed": {"local_agents": 1}}), 114,
        ["runner"],
    ),
    "agents and local agents": (
        workload(runner={"distributed": {
            "runner": CONSTANT, "agents": 1, "local_agents": 1,
        }}), 114, ["agents"],
    ),
    "unknown inner runner": (
        workload(runner=distributed({"no_such_runner": {}})), 114,
        ["no_such_runner"],
    ),
    "wrong type in the inner runner": (
        workload(runner=distributed({"constant": {"times": "many"}})), 114,
        ["many"],
    ),
    "distributed inside distributed": (
        workload(runner=distributed(distributed(CONSTANT))), 114,
        ["distributed runner cannot run inside another"],
    ),
    "a runner that cannot be split": (
        workload(runner=distributed({"indivisible": {}})), 114,
        ["indivisible", "split_config"],
    ),
    "a criterion that cannot be sent": (
        workload(runner=distributed(CONSTANT), sla={"unsendable": 1}), 114,
        ["unsendable", "lock", "to_state"],
    ),
    "a lease that outlives its agent": (
        workload(runner=distributed(CONSTANT, lease=9, agent_timeout=5)),
        114, ["lease", "agent_timeout"],
    ),
}


class Refusal:
    """What every refusal has in common."""

    def assert_refused(self: t.Any, done, *words, code=None):
        everything = done.out + done.err[-8000:]
        self.assertNotEqual(0, done.code, everything)
        if code is not None:
            self.assertEqual(code, done.code, everything)
        self.assertNotIn("Traceback", everything)
        self.assertNotIn("Run it with --debug to see where", everything)
        for word in words:
            self.assertIn(word, done.paragraph)


@ddt.ddt
class TaskFileTestCase(cluster.SharedTestCase, Refusal):
    done: t.ClassVar[dict[str, Done]]

    @classmethod
    def prepare(cls, home: t.Any) -> None:
        paths = [
            home.sandbox.write("%d.json" % i, json.dumps(task))
            for i, (task, _, _) in enumerate(TASKS.values())
        ]
        done = home.sandbox.rally_many(
            ["task", "validate", path] for path in paths
        )
        cls.done = dict(zip(TASKS, done))

    @ddt.data(*TASKS)
    def test_is_refused(self, name):
        _, code, words = TASKS[name]
        self.assert_refused(self.done[name], *words, code=code)

    def test_that_cannot_be_read_is_refused(self):
        missing = self.sandbox.folder / "missing.yaml"
        binary = self.sandbox.folder / "binary.yaml"
        binary.write_bytes(bytes(range(256)))
        for path in (missing, binary, self.sandbox.folder):
            done = self.rally("task", "start", path)
            self.assert_refused(done, str(path), code=117)

    def test_that_is_not_yaml_is_refused(self):
        path = self.sandbox.write("task.yaml", "a: [1\nb: {")
        done = self.rally("task", "start", path)
        self.assert_refused(done, "YAML", "line", code=117)

    def test_that_is_no_template_is_refused(self):
        path = self.sandbox.write("task.yaml", "{% if %}")
        done = self.rally("task", "start", path)
        self.assert_refused(done, "template", code=117)

    def test_that_lacks_an_argument_is_refused(self):
        path = self.sandbox.write("task.yaml", "a: {{ times }}")
        done = self.rally("task", "start", path)
        self.assert_refused(done, "times", code=117)

    def test_with_arguments_of_no_form_is_refused(self):
        path = self.sandbox.write("task.yaml", json.dumps(workload()))
        for arguments in ("[1, 2]", "{a: ", "just words"):
            done = self.rally(
                "task", "start", path, "--task-args", arguments
            )
            self.assert_refused(done, "--task-args", code=117)

    def test_nothing_of_this_left_a_task_behind(self):
        path = self.sandbox.write(
            "task.json", json.dumps(TASKS["wrong type in a runner"][0])
        )

        done = self.rally("task", "start", path)

        self.assert_refused(done, "many", code=114)
        listed = self.must("task", "list").out
        self.assertNotIn(" init ", listed)
        self.assertNotIn(" validating ", listed)


class DatabaseTestCase(cluster.TestCase, Refusal):
    SERVER = ""

    def use(self, connection):
        self.sandbox.conf.write_text(
            "[database]\nconnection = %s\n" % connection
        )

    def test_that_cannot_be_made_is_an_error(self):
        self.use("sqlite:///%s/rally.sqlite" % self.sandbox.conf)
        for words in (("db", "create"), ("task", "list")):
            done = self.rally(*words)
            self.assert_refused(done, "rally.sqlite")

    def test_that_cannot_be_written_is_an_error(self):
        # not even root can write to it, unlike to a read-only file
        self.sandbox.database.unlink()
        self.use("sqlite:///%s/no/rally.sqlite" % self.sandbox.folder)
        task = self.sandbox.write("task.json", json.dumps(workload()))

        done = self.rally("task", "start", task)

        self.assert_refused(done, "rally.sqlite", "mkdir -p")

    def test_that_is_read_only_is_an_error(self):
        folder = self.sandbox.folder / "read-only"
        folder.mkdir()
        self.sandbox.database.rename(folder / "rally.sqlite")
        self.use("sqlite:///%s/rally.sqlite" % folder)
        (folder / "rally.sqlite").chmod(0o400)
        folder.chmod(0o500)
        self.addCleanup(folder.chmod, 0o700)
        task = self.sandbox.write("task.json", json.dumps(workload()))
        done = []

        privileges.held_to_modes(
            lambda: done.append(self.rally("task", "start", task))
        )

        self.assert_refused(done[0], "rally.sqlite", "written")

    def test_that_is_missing_is_named_with_what_to_do(self):
        self.use("sqlite:///%s/none.sqlite" % self.sandbox.folder)
        done = self.rally("task", "list")
        self.assert_refused(done, "rally db create", code=2)

    def test_that_is_none_is_an_error(self):
        path = self.sandbox.write("text", "not a database\n" * 100)
        self.use("sqlite:///%s" % path)
        done = self.rally("task", "list")
        self.assert_refused(done, "text")


class ReportTestCase(cluster.TestCase, Refusal):
    def test_that_cannot_be_written_is_an_error(self):
        run = self.run_task(workload())
        uuid = run.uuid
        below_a_file = self.sandbox.conf / "report.html"
        nowhere = self.sandbox.folder / "no" / "such" / "report.html"
        for path in (below_a_file, nowhere, self.sandbox.folder):
            kinds: tuple[tuple[str, ...], ...] = (
                (), ("--json",), ("--html-static",),
            )
            for done in self.sandbox.rally_many(
                ["task", "report", uuid, "--out", path, *kind]
                for kind in kinds
            ):
                self.assert_refused(done, str(path))
        done = self.rally(
            "task", "export", uuid, "--type", "junit-xml", "--to",
            below_a_file,
        )
        self.assert_refused(done, str(below_a_file))

    def test_of_an_unknown_task_is_an_error(self):
        done = self.rally("task", "report", "no-such-task", "--out", "x")
        self.assert_refused(done, "no-such-task")
        done = self.rally(
            "task", "detailed", "11111111-2222-3333-4444-555555555555"
        )
        self.assert_refused(done, "11111111", code=203)
