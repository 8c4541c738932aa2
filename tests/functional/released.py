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

"""A home and a database that the released Rally has filled.

It is run for that, once per machine: its tasks, its environments and its
verifications, finished and killed in the midst of it.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import typing as t

from tests import venvs, verifier_project
from tests.functional import sandbox as sandbox_module
from tests.functional.sandbox import Sandbox, wait_until

RELEASE = "5.1.1"
REQUIREMENTS = ["rally==" + RELEASE, "stestr>=4", "testtools"]
PLUGINS = [
    sandbox_module.PLUGINS / "checks.py", sandbox_module.PLUGINS / "depot.py",
    sandbox_module.PLUGINS / "numbered.py",
    sandbox_module.HERE / "released_plugins.py",
]
#: what of a sandbox is kept
KEPT = ("home", "rally.sqlite", "report.json", "old-results.json",
        "uuids.json")
#: more than one chunk of results
MANY = 1500

#: a task of version 1 with what reports show
FIRST = {
    "Dummy.dummy": [{
        "args": {"sleep": 0.01},
        "runner": {"type": "constant", "times": 20, "concurrency": 4},
        "context": {"dummy_context": {}},
        "sla": {"failure_rate": {"max": 0}, "max_avg_duration": 5},
        "hooks": [{
            "name": "sys_call", "description": "Says something",
            "args": "echo hello",
            "trigger": {"name": "event",
                        "args": {"unit": "iteration", "at": [2]}},
        }],
    }],
    "Dummy.dummy_output": [{"runner": {"type": "serial", "times": 3}}],
    "Dummy.dummy_exception_probability": [{
        "args": {"exception_probability": 1},
        "runner": {"type": "constant", "times": 4, "concurrency": 2},
        "sla": {"failure_rate": {"max": 0}},
    }],
}
#: one of version 2, which passes
SECOND = {
    "version": 2, "title": "Second \u2603", "description": "Of version 2",
    "tags": ["in-file"],
    "subtasks": [
        {"title": "Many", "scenario": {"Numbered.sleep": {}},
         "runner": {"constant": {"times": MANY, "concurrency": 4}}},
        {"title": "Two", "workloads": [
            {"scenario": {"Dummy.dummy": {}},
             "runner": {"rps": {"times": 10, "rps": 50}}},
            {"scenario": {"Dummy.dummy_random_action": {}},
             "runner": {"constant_for_duration": {
                 "duration": 1, "concurrency": 1}}},
        ]},
    ],
}


def _short(scenario: str, args: dict[str, t.Any], **more: t.Any) -> str:
    """A task of version 2 with one workload, as JSON."""
    return json.dumps({"version": 2, "title": scenario, "subtasks": [{
        "title": scenario, "scenario": {scenario: args}, **more,
    }]})


def command() -> pathlib.Path:
    """The released ``rally``, installed once per machine.

    :raises CannotInstall: the package index does not have it
    """
    venv = venvs.shared("rally-" + RELEASE, REQUIREMENTS)
    return venv / "bin" / "rally"


def home() -> pathlib.Path:
    """Folder with what ``KEPT`` names, made by the released Rally.

    :raises CannotInstall: the package index does not have it
    """
    rally = command()
    files = (pathlib.Path(__file__), *PLUGINS,
             pathlib.Path(verifier_project.__file__))
    key = venvs.key_of(*REQUIREMENTS, *(path.read_text() for path in files))
    folder = venvs.cache_folder() / ("rally-%s-home-%s" % (RELEASE, key))
    with venvs.made_once(folder) as is_wanting:
        if is_wanting:
            maker = _Maker(rally)
            try:
                maker.make()
                folder.mkdir()
                maker.keep(folder)
            finally:
                maker.box.close()
    return folder


def unpack(box: Sandbox) -> dict[str, str]:
    """Give *box* all that the released Rally has made.

    :returns: uuids of tasks and verifications, by the names of ``_Maker``
    :raises CannotInstall: the package index does not have it
    """
    made = home()
    shutil.copytree(made / "home", box.home, dirs_exist_ok=True)
    for name in KEPT[1:]:
        shutil.copy(made / name, box.folder)
    box.plugin_paths = list(PLUGINS)
    return t.cast(
        "dict[str, str]", json.loads((made / "uuids.json").read_text())
    )


def with_tools(rally: pathlib.Path) -> dict[str, str]:
    """Variables with which *rally* finds the launcher of tests beside it."""
    return {"PATH": "%s:%s" % (rally.parent, os.environ["PATH"])}


class _Maker:
    """Fills the home of a sandbox with the released Rally."""

    def __init__(self, rally: pathlib.Path) -> None:
        self.box = Sandbox(with_database=False, server="", rally=rally)
        self.box.plugin_paths = list(PLUGINS)
        self._env = with_tools(rally)
        self._uuids: dict[str, str] = {}

    def _rally(self, code: int, *words: t.Any) -> sandbox_module.Done:
        done = self.box.rally(*words, env=self._env)
        if done.code != code:
            raise AssertionError("rally %s: exit status %d\n%s\n%s" % (
                words, done.code, done.out[-2000:], done.err[-2000:]
            ))
        return done

    def make(self) -> None:
        """Fill it; takes two minutes."""
        self._rally(0, "db", "create")
        self._make_environments()
        self._make_tasks()
        self._make_unfinished_tasks()
        self._make_verifications()
        self.box.write("uuids.json", json.dumps(self._uuids))

    def keep(self, folder: pathlib.Path) -> None:
        for name in KEPT:
            path = self.box.folder / name
            (shutil.copytree if path.is_dir() else shutil.copy)(
                path, folder / name
            )

    def _make_environments(self) -> None:
        spec = self.box.write("spec.json", json.dumps({"depot": {
            "url": "http://127.0.0.1:9", "folder": "/nonexistent",
            "user": {"username": "keeper", "password": "open-sesame"},
        }}))
        self._rally(0, "env", "create", "--name", "depot", "--spec", spec,
                    "--description", "D\u00e9p\u00f4t", "--no-use")
        self._rally(0, "deployment", "create", "--name", "deployed",
                    "--filename", spec, "--no-use")
        self._rally(0, "env", "create", "--name", "gone", "--no-use")
        self._rally(0, "env", "destroy", "gone")
        self._rally(0, "env", "create", "--name", sandbox_module.ENV,
                    "--description", "No platform")

    def _make_tasks(self) -> None:
        for name, text, code in (
            ("first", json.dumps(FIRST), 2),
            ("second", json.dumps(SECOND), 0),
            ("again", json.dumps(SECOND), 0),
            ("broken", _short(
                "Dummy.dummy", {}, contexts={"released_broken": {}}
            ), 2),
            ("refused", _short("Dummy.none", {}), 114),
            ("invalid", _short("Dummy.none", {}), 114),
        ):
            path = self.box.write(name + ".json", text)
            self._rally(code, "task", "start", path, "--tag", name, "old")
            self._uuids[name] = self._task_in_use()
        first = self._uuids["first"]
        self._rally(0, "task", "report", first, "--json", "--out",
                    self.box.folder / "report.json")
        self.box.write(
            "old-results.json", self._rally(0, "task", "results", first).out
        )
        # 5.1.1 itself calls it crashed; earlier releases did not
        self._execute("UPDATE tasks SET status = 'validation_failed' WHERE "
                      "uuid = '%(invalid)s'" % self._uuids)

    def _make_unfinished_tasks(self) -> None:
        """One that is aborted, one that is killed in its second workload."""
        running = self.box.folder / "runs"
        wait = {"path": str(running)}
        path = self.box.write("aborted.json", _short(
            "Released.wait", wait,
            runner={"constant": {"times": 100, "concurrency": 2}},
        ))
        process = self.box.start("task", "start", path, env=self._env)
        wait_until(running.exists, 60, "an iteration runs")
        self._uuids["aborted"] = self._task_in_use()
        self._rally(0, "task", "abort", self._uuids["aborted"])
        process.wait()
        running.unlink()
        path = self.box.write("stuck.json", json.dumps({
            "Dummy.dummy": [{"runner": {"type": "serial", "times": 2}}],
            "Released.wait": [{
                "args": {**wait, "sleep": 300},
                "runner": {"type": "constant", "times": 2},
            }],
        }))
        process = self.box.start("task", "start", path, env=self._env)
        wait_until(running.exists, 60, "an iteration runs")
        self._uuids["stuck"] = self._task_in_use()
        self._kill(process)

    def _make_verifications(self) -> None:
        project = verifier_project.make(self.box.folder)
        started = self.box.folder / "verifies"
        verifier_project.commit(project, {
            # 5.1.1 does not read what follows a package's version
            "requirements.txt": "stestr\ntesttools\n",
            "checks/test_stuck.py": STUCK % str(started),
        }, "2.0")
        self._rally(0, "verify", "create-verifier", "--name", "checks",
                    "--type", "checks", "--source", project, "--version",
                    "2.0", "--system-wide")
        self._uuids["verifier"] = self._globals()["RALLY_VERIFIER"]
        for name, code, pattern in (
            ("failed", 3, "test_plain.PlainTestCase"),
            ("passed", 0, "test_passes"),
        ):
            self._rally(code, "verify", "start", "--pattern", pattern,
                        "--tag", name)
            self._uuids[name] = self._globals()["RALLY_VERIFICATION"]
        process = self.box.start(
            "verify", "start", "--pattern", "test_stuck", env=self._env
        )
        wait_until(started.exists, 60, "a test runs")
        self._kill(process)
        [[self._uuids["killed"]]] = self._execute(
            "SELECT uuid FROM verifications WHERE status = 'running'"
        )

    def _kill(self, process: sandbox_module.Process) -> None:
        process.signal(signal.SIGKILL)
        process.wait()
        sandbox_module.kill(sandbox_module.MARK, str(self.box.folder))

    def _task_in_use(self) -> str:
        return self._globals()["RALLY_TASK"]

    def _globals(self) -> dict[str, str]:
        text = (self.box.home / ".rally" / "globals").read_text()
        return dict(re.findall(r"^(\w+)=(.*)$", text, re.M))

    def _execute(self, statement: str) -> list[t.Any]:
        path = str(self.box.database)
        with contextlib.closing(sqlite3.connect(path)) as connection:
            found = connection.execute(statement).fetchall()
            connection.commit()
        return found


STUCK = """
import pathlib
import time

import testtools


class StuckTestCase(testtools.TestCase):
    def test_stuck(self):
        pathlib.Path(%r).touch()
        time.sleep(300)
"""


if __name__ == "__main__":
    print(home())
