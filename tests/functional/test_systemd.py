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

"""An agent as a service of systemd; the test is its manager."""

from __future__ import annotations

import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import uuid

import ddt

from tests.functional import cluster, sandbox
from tests.functional.sandbox import wait_until

UNITS = sandbox.TREE / "etc" / "systemd"
SOON_S = 60.0


class ServiceTestCase(cluster.TestCase):
    """Starts agents that have a manager, and hears what they tell it."""

    def setUp(self) -> None:
        super().setUp()
        self.told: list[str] = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.socket.close)
        self.socket.setblocking(False)

    def service(self, address: str, **more: str) -> cluster.Agent:
        self.socket.bind(address.replace("@", "\0", 1))
        return self.start_agent(
            "n1", self.sandbox.take_ports(),
            env={"NOTIFY_SOCKET": address, **more},
        )

    def heard(self, line: str, times: int = 1) -> bool:
        """Whether the agent has said *line* so often."""
        try:
            while True:
                self.told.append(self.socket.recv(4096).decode())
        except BlockingIOError:
            return self.told.count(line) >= times

    def wait_to_hear(self, line: str, times: int = 1) -> None:
        wait_until(
            lambda: self.heard(line, times), SOON_S,
            "how often the agent says %r: %d" % (line, times),
        )

    def test_it_says_when_it_dials_and_when_it_stops(self) -> None:
        path = str(self.sandbox.folder / "notify")
        agent = self.service(path)
        self.wait_to_hear("STATUS=dialing")

        self.assertEqual(0, agent.stop().code)

        self.assertTrue(self.heard("STOPPING=1"))
        self.assertEqual(
            ["READY=1", "STATUS=dialing", "STOPPING=1"], self.told
        )

    def test_one_that_waits_to_be_let_in_is_a_service_already(self) -> None:
        path = str(self.sandbox.folder / "notify")
        self.socket.bind(path)
        join = self.sandbox.folder / "fleet.join"
        self.must("agent", "invite", "--out", join)
        process = self.sandbox.start(
            "agent", "start", "--join", join, "--controller",
            "tcp://127.0.0.1:%d" % self.sandbox.take_ports(),
            env={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "100000"},
        )
        self.wait_to_hear("STATUS=asking to be let in")
        self.assertTrue(self.heard("READY=1"))
        self.wait_to_hear("WATCHDOG=1", times=3)
        process.signal(signal.SIGTERM)
        process.wait()

    def test_a_watchdog_is_fed_for_as_long_as_it_serves(self) -> None:
        agent = self.service(
            "@rally-test-%s" % uuid.uuid4().hex, WATCHDOG_USEC="100000"
        )
        self.wait_to_hear("WATCHDOG=1", times=5)
        agent.stop()

    def test_what_it_works_for_is_its_status(self) -> None:
        path = str(self.sandbox.folder / "notify")
        agent = self.service(path)
        run = self.run_task(cluster.task_of({
            "scenario": self.numbered(0.01),
            "runner": cluster.distributed(
                {"constant": {"times": 50, "concurrency": 2}}, agents=1,
                listen="tcp://127.0.0.1:%d" % self.sandbox.ports[0],
            ),
        }))
        agent.stop()

        self.assertEqual("finished", run.status)
        self.heard("")
        states = [line.rpartition(": ")[2] for line in self.told
                  if line.startswith("STATUS=run ")]
        self.assertIn("running", states)
        self.assertIn("delivering", states)


@ddt.ddt
class UnitsTestCase(cluster.PlainTestCase):
    @ddt.data(*sorted(path.name for path in UNITS.iterdir()))
    def test_systemd_understands_all_of_a_unit(self, name: str) -> None:
        if shutil.which("systemd-analyze") is None:
            self.skipTest("systemd-analyze is not installed")
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        unit = pathlib.Path(folder.name) / name
        text = (UNITS / name).read_text()
        # it looks for the program, too
        self.assertIn("ExecStart=/usr/bin/rally ", text)
        unit.write_text(text.replace("/usr/bin/rally", str(sandbox.RALLY)))

        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", str(unit)],
            capture_output=True, text=True, check=False, timeout=SOON_S,
        )

        self.assertEqual((0, "", ""), (
            done.returncode, done.stdout, done.stderr
        ))

    def test_one_of_several_differs_in_its_name_alone(self) -> None:
        one, several = (
            self.directives(name)
            for name in ("rally-agent.service", "rally-agent@.service")
        )
        self.assertEqual(one, [
            line.replace("-%i", "").replace(" %i", "") for line in several
        ])

    @staticmethod
    def directives(name: str) -> list[str]:
        lines = (UNITS / name).read_text().splitlines()
        return [line for line in lines if not line.startswith("#")]
