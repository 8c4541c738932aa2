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


"""Hosts that have other plugins than the controller, or none."""

from __future__ import annotations

import contextlib
import pathlib
import typing as t

from tests.cluster import cluster
from tests.functional import test_plugin_files as files
from tests.functional.sandbox import wait_until

#: a distribution that offers a criterion, as pip would have unpacked it
PACKAGE = {
    "cluster_pack/__init__.py": "",
    "cluster_pack/plugins.py": """
from rally.task import sla


@sla.configure(name="cluster_pack_always")
class Always(sla.SLA):
    CONFIG_SCHEMA = {"type": "boolean"}

    def add_iteration(self, iteration):
        return self.success

    def merge(self, other):
        return self.success

    def details(self):
        return "always"
""",
    "cluster_pack-%(version)s.dist-info/METADATA":
        "Metadata-Version: 2.1\nName: cluster-pack\nVersion: %(version)s\n",
    "cluster_pack-%(version)s.dist-info/entry_points.txt":
        "[rally_plugins]\npath = cluster_pack.plugins\n",
}
TIMES = 60
LONG = {"constant_for_duration": {"duration": 120, "concurrency": 4}}


def unpacked(folder: pathlib.Path, version: str) -> dict[str, str]:
    """What lets a process find a version of the package."""
    site = folder / ("site-%s" % version)
    for name, text in PACKAGE.items():
        path = site / (name % {"version": version})
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("%(version)s", version))
    return {"PYTHONPATH": str(site)}


class PluginsTestCase(cluster.TestCase):
    AGENTS = ("n1", "n2")
    #: agent -> versions of its plugin files and of its package
    HAS: t.Mapping[str, tuple[str | None, str]] = {
        "n1": ("1", "1.0"), "n2": ("1", "1.0"),
    }
    DECLINING: t.Collection[str] = ()

    def start_agents(self) -> None:
        self.shared_paths = list(self.sandbox.plugin_paths)
        self.sandbox.plugin_paths = [*self.shared_paths, self.files_of("1")]
        super().start_agents()

    def files_of(self, version: str) -> pathlib.Path:
        folder = self.sandbox.folder / ("files-%s" % version)
        files.write_plugin(folder, version)
        return folder

    def start_host(self, name: str) -> cluster.Host:
        version, package = self.HAS[name]
        here = self.sandbox.plugin_paths
        self.sandbox.plugin_paths = [
            *self.shared_paths, *([self.files_of(version)] if version else []),
        ]
        try:
            return self.start_agent_on(
                name, self.address_for(name),
                env=unpacked(self.sandbox.folder, package),
                words=["--no-shipping"] * (name in self.DECLINING),
            )
        finally:
            self.sandbox.plugin_paths = here

    def start_say(self, inner: t.Any, *words: t.Any) -> t.Any:
        task = cluster.cluster.task_of({
            "scenario": {"Shipped.say": {}},
            "runner": cluster.cluster.distributed(
                inner, agents=2, lease=cluster.LEASE_S,
                agent_timeout=cluster.TIMEOUT_S,
            ),
            "sla": {"cluster_pack_always": True},
        })
        return self.start_task(task, *words, env=unpacked(
            self.sandbox.folder, "1.0"
        ))

    def say(self, *words: t.Any) -> t.Any:
        run = self.start_say(
            {"constant": {"times": TIMES, "concurrency": 4}}, *words
        )
        run.finish(cluster.RUN_S)
        return run

    def shipped(self) -> list[pathlib.Path]:
        found: list[pathlib.Path] = []
        for agent in self.agents.values():
            with contextlib.suppress(FileNotFoundError):
                found += (agent.spool / ".shipped").iterdir()
        return found

    def wait_for_removal(self) -> None:
        """An agent learns of the end of a run when its command has ended."""
        wait_until(
            lambda: not self.shipped(), cluster.SOON_S,
            "what was shipped is removed",
        )

    def check_refused(self, run: t.Any, *lines: str) -> None:
        self.assertEqual(2, run.finish().code, run.out)
        for line in lines:
            self.assertRegex(run.out + run.log, line)
        self.assertEqual([], run.workload.rows)
        for agent in self.agents.values():
            self.assertNotIn("Traceback", agent.log)


class DifferentTestCase(PluginsTestCase):
    HAS: t.ClassVar = {"n1": ("2", "1.0"), "n2": ("1", "2.0")}

    def test_files_and_packages_that_differ_are_in_one_table(self):
        run = self.say()

        self.check_refused(
            run,
            "file shipped_say.py: [0-9a-f]{12} here, [0-9a-f]{12} on n1",
            "package cluster-pack: 1.0 here, 2.0 on n2",
            "No load was generated",
        )

    def test_files_are_shipped_and_packages_are_not(self):
        run = self.say("--ship-plugins")

        self.check_refused(run, "package cluster-pack: 1.0 here, 2.0 on n2")
        self.assertNotIn("file shipped_say.py", run.out + run.log)


class ShippedTestCase(PluginsTestCase):
    HAS: t.ClassVar = {"n1": ("2", "1.0"), "n2": (None, "1.0")}

    def test_all_hosts_run_what_the_controller_has(self):
        run = self.say("--ship-plugins")

        self.assertEqual(0, run.finish().code, run.out + run.log)
        said = {
            row["output"]["complete"][0]["data"][0]
            for row in run.workload.rows
        }
        self.assertEqual({"scenario 1"}, said)
        self.assertEqual(TIMES, len(run.workload.rows))
        self.wait_for_removal()

    def test_what_a_host_kept_that_went_down_is_removed(self):
        run = self.start_say(LONG, "--ship-plugins")
        run.wait_for_log("the load starts on", cluster.SOON_S)
        self.assertEqual(2, len(self.shipped()))
        self.agents["n1"].kill()
        run.wait_for_log("agent n1 was lost", cluster.SOON_S)
        (kept,) = self.agents["n1"].spool.glob(".shipped/*")
        mark = kept / "of the first process"
        mark.touch()

        self.start_host("n1")

        wait_until(
            lambda: not mark.exists(), cluster.SOON_S,
            "the next agent has removed it",
        )
        run.signal(2)
        run.finish(cluster.SOON_S)
        # the next agent may still have been about to take part
        self.wait_for_removal()


class DecliningTestCase(PluginsTestCase):
    DECLINING = ("n2",)

    def test_an_agent_that_takes_none_is_named(self):
        run = self.say("--ship-plugins")

        self.check_refused(run, "Agent n2 cannot take part.*--no-shipping")

    def test_without_shipping_it_takes_part(self):
        run = self.say()

        self.assertEqual(0, run.finish().code, run.out + run.log)
        self.assertEqual(TIMES, len(run.workload.rows))
