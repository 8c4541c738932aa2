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


"""Agents that a task starts by SSH, on ten hosts and in every trouble."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import time

from tests.cluster import cluster, network, ssh_hosts, test_plugins
from tests.functional import sandbox as sandbox_module
from tests.functional import test_plugin_files
from tests.functional.cluster import RUN_S, distributed, task_of
from tests.functional.sandbox import wait_until

AT_ONCE = 10
#: how long the first installation may take
INSTALL_S = 240
SAMPLE = (
    sandbox_module.TREE / "samples" / "tasks" / "fleets" / "http-by-ssh.yaml"
)


class SSHTestCase(cluster.TestCase):
    """Hosts without an agent; those of SERVED have an SSH server."""

    AGENTS = ("n1", "n2", "n3")
    SERVED = AGENTS

    def start_agents(self):
        reason = ssh_hosts.why_not()
        if reason:
            self.skipTest(reason)
        self.ssh = ssh_hosts.SSHHosts(self.sandbox, self.AGENTS)
        for name in self.SERVED:
            self.ssh.start(name)
        self.addCleanup(self.check_hosts)
        wait_until(
            lambda: self.referee.is_listening, cluster.SOON_S,
            "the referee listens",
        )

    def check_hosts(self):
        for server in self.ssh.servers.values():
            server.popen.send_signal(signal.SIGTERM)
        self.assertEqual([], self.ssh.left())
        fleets = self.sandbox.home / ".rally" / "fleets"
        self.assertEqual([], list(fleets.glob("*")))

    def workload(self, times, sleep=0.02, **options):
        ssh = {
            "hosts": list(self.AGENTS), "config": str(self.ssh.config),
            "command": str(sandbox_module.RALLY), "connect_timeout": 5,
            **options.pop("ssh", {}),
        }
        return {
            "scenario": self.visit(sleep),
            "runner": distributed(
                {"constant": {"times": times, "concurrency": AT_ONCE}},
                agents={"ssh": ssh}, lease=cluster.LEASE_S,
                agent_timeout=cluster.TIMEOUT_S,
                advertise="tcp://%s:9790" % self.hosts.address(
                    cluster.CONTROLLER
                ), **options,
            ),
        }

    def agents_now(self):
        """Processes of agents, by name."""
        found = {}
        for pid, line in self.sandbox.processes().items():
            with contextlib.suppress(OSError):  # it has just ended
                # else it was forked by one, and is about to run something
                if " agent start " not in line or os.getsid(pid) != pid:
                    continue
                match = re.search(r"--name (\S+)", line) or re.search(
                    "/agents/.*/(.*)", os.readlink("/proc/%d/cwd" % pid)
                )
                if match:
                    found[match[1]] = pid
        return found


class TenHostsTestCase(SSHTestCase):
    AGENTS = SERVED = tuple("n%d" % i for i in range(1, 11))

    def test_one_command_starts_them_once_and_leaves_nothing(self):
        # the second one lasts until it has been looked at
        run = self.start_task(
            task_of(self.workload(400), self.workload(400, sleep=0.2))
        )
        self.wait_for_visits(run, 50)
        first = self.agents_now()
        self.wait_for_visits(run, 450)
        second = self.agents_now()

        self.assertEqual(0, run.finish().code, run.log)
        self.assertEqual(set(self.AGENTS), set(first))
        self.assertEqual(first, second)
        for workload in run.workloads:
            self.assertEqual(
                list(range(1, 401)), sorted(workload.numbers)
            )
            self.assertEqual(
                set(self.AGENTS),
                {agent["name"] for agent in workload.load_info["agents"]},
            )
        self.assertEqual({}, self.agents_now())

    def test_the_sample_ends_well_and_leaves_nothing(self):
        server = self.sandbox.start_python(
            cluster.TARGET, "http.server", "8001", "--bind",
            self.hosts.address(cluster.TARGET),
        )
        self.addCleanup(server.signal, signal.SIGTERM)
        arguments = {
            "url": "http://%s:8001/" % self.hosts.address(cluster.TARGET),
            "hosts": list(self.AGENTS), "ssh_config": str(self.ssh.config),
            "rally": str(sandbox_module.RALLY),
            "controller": "tcp://%s:9790" % self.hosts.address(
                cluster.CONTROLLER
            ),
        }
        run = self.run_task(
            SAMPLE, "--task-args", json.dumps(arguments)
        )
        self.assertEqual(0, run.finish().code, run.log)
        self.assertEqual(1000, len(run.workload.rows))
        self.assertEqual({}, self.agents_now())

    def test_ctrl_c_ends_them(self):
        run = self.start_task(task_of(self.workload(10**6)))
        self.wait_for_visits(run, 50)
        run.signal(signal.SIGINT)
        run.finish(cluster.SOON_S)
        self.assertEqual({}, self.agents_now())


class ArrangementsTestCase(SSHTestCase):
    def test_one_address_is_enough_for_several(self):
        run = self.run_task(task_of(
            self.workload(40, ssh={"hosts": ["n1", "n2"]}),
            self.workload(40, ssh={"hosts": ["n3"]}),
            self.workload(40, ssh={"hosts": ["n3"]}),
            self.workload(40, ssh={"hosts": ["n1", "n2"]}),
        ))
        self.assertEqual(0, run.finish().code, run.out + run.log)
        self.assertEqual(
            [{"n1", "n2"}, {"n3"}, {"n3"}, {"n1", "n2"}],
            [{agent["name"] for agent in workload.load_info["agents"]}
             for workload in run.workloads],
        )
        self.assertEqual({}, self.agents_now())


class InstalledTestCase(SSHTestCase):
    """A host without Rally, without plugins, and without a package index."""

    AGENTS = SERVED = ("n1",)

    def say(self):
        ssh = {
            "hosts": ["n1"], "config": str(self.ssh.config), "install": True,
        }
        plugins = self.sandbox.folder / "files-1"
        test_plugin_files.write_plugin(plugins, "1")
        self.sandbox.plugin_paths = [plugins]  # of the controller alone
        return self.start_task(
            task_of({
                "scenario": {"Shipped.say": {}},
                "runner": distributed(
                    {"constant": {"times": 20, "concurrency": 4}},
                    agents={"ssh": ssh}, wait=INSTALL_S,
                    advertise="tcp://%s:9790" % self.hosts.address(
                        cluster.CONTROLLER
                    ),
                ),
                "sla": {"cluster_pack_always": True},
            }),
            env=test_plugins.unpacked(self.sandbox.folder, "1.0"),
        )

    def setUp(self):
        super().setUp()
        cache = ssh_hosts.cache(self.sandbox, "n1")
        self.environments = cache / "rally" / "venvs"

    def venvs(self):
        """What was installed, and when it was."""
        return {
            path.parent.name: path.stat().st_mtime_ns
            for path in self.environments.glob("*/pyvenv.cfg")
        }

    def leave_older(self, count):
        """Environments of earlier tasks, the first one the newest."""
        names = ["%032d" % i for i in range(count)]
        for age, name in enumerate(names, start=1):
            ready = self.environments / name / "ready"
            ready.parent.mkdir(parents=True)
            ready.touch()
            os.utime(ready, (time.time() - 60 * age,) * 2)
        return names

    def test_rally_and_all_plugins_are_installed_once(self):
        older = self.leave_older(4)
        began = time.monotonic()
        first = self.say()
        self.assertEqual(0, first.finish(INSTALL_S).code, first.out)
        self.figure("the first took", "%.1f s" % (time.monotonic() - began))
        made = self.venvs()
        began = time.monotonic()
        second = self.say()
        self.assertEqual(0, second.finish().code, second.log)
        self.figure("the second took", "%.1f s" % (time.monotonic() - began))

        self.assertEqual(1, len(made))
        self.assertEqual(made, self.venvs())
        self.assertEqual(
            {*made, *older[:2]},
            {path.name for path in self.environments.iterdir()},
        )
        self.assertIn("Host n1: removed 2 virtual environments", first.log)
        for run in (first, second):
            self.assertEqual({"scenario 1"}, {
                row["output"]["complete"][0]["data"][0]
                for row in run.workload.rows
            })


class TroubleTestCase(SSHTestCase):
    AGENTS = ("good", "refuses", "hangs", "full")
    SERVED = ("good", "full")

    def start_agents(self):
        # nobody says that it is not there
        self.hosts.cut(cluster.CONTROLLER, "hangs")
        # before its server: that one has mounts of its own
        full = ssh_hosts.cache(self.sandbox, "full")
        network.run(
            "mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "none",
            str(full),
        )
        self.addCleanup(network.run, "umount", "-l", str(full))
        with open(full / "ballast", "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(1024))
            except OSError:
                pass
        super().start_agents()

    def test_all_that_failed_are_shown_with_the_reason(self):
        began = time.monotonic()
        run = self.run_task(task_of(self.workload(100)))
        self.figure("took", "%.1f s" % (time.monotonic() - began))

        self.assertNotEqual(0, run.finish().code)
        said = run.out + run.log
        self.assertIn("1 of 4 agents came that provider ssh", said)
        for pattern in (
            r"refuses +ssh: connect to host \S+ port 22: Connection refused",
            r"hangs +ssh: connect to host \S+ port 22: Connection timed out",
            r"full +its folder",
            "No space left on device",
        ):
            self.assertRegex(said, pattern)
        self.assertNotIn("agent good printed", said)
        self.assertEqual(0, self.referee.count())
        self.assertEqual({}, self.agents_now())


class KilledTestCase(SSHTestCase):
    def test_recovery_fetches_what_they_keep_and_ends_them(self):
        run = self.start_task(task_of(self.workload(10**6)))
        self.wait_for_visits(run, 300)
        uuid = run.uuid
        run.signal(signal.SIGKILL)
        run.process.popen.wait()
        self.assertEqual(set(self.AGENTS), set(self.agents_now()))

        done = self.sandbox.must("task", "recover", uuid)

        self.assertRegex(done.out, r"\d+ iterations are stored")
        wait_until(
            lambda: not self.agents_now(), cluster.SOON_S, "they have ended"
        )
        stored = run.workload.numbers
        self.assertEqual(len(set(stored)), len(stored))
        finished = set(self.referee.finished())
        self.assertLessEqual(finished - set(stored), set())

    def test_one_that_dies_shows_the_end_of_its_log_and_keeps_results(self):
        run = self.start_task(task_of(self.workload(600, sleep=0.1)))
        self.wait_for_visits(run, 100)
        os.kill(self.agents_now()["n2"], signal.SIGKILL)
        run.finish(RUN_S)

        self.assertIn("agent n2 printed at last", run.workload.problems)
        stored = len(run.workload.rows)
        if self.ssh.left():  # it had results that nobody had fetched
            self.assertIn("host n2 keeps", run.log)
            self.sandbox.must("task", "recover", run.uuid)
            [after] = self.select(
                "total_iteration_count FROM workloads WHERE task_uuid = ?",
                run.uuid,
            )
            self.assertGreater(after[0], stored)
