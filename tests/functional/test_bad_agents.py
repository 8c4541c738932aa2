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

"""Distributed runs that cannot begin: refused before any load is made."""

from __future__ import annotations

import os
import pathlib
import socket
import typing as t

from rally.task.distributed.security import keys
from tests.functional import cluster
from tests.functional import test_bad_input as bad_input
from tests.functional.cluster import distributed, task_of

CONSTANT = {"constant": {"times": 10, "concurrency": 2}}
OTHER_VERSION = pathlib.Path(__file__).parent / "other_version"


class BadAgentsTestCase(cluster.TestCase, bad_input.Refusal):
    def setUp(self) -> None:
        super().setUp()
        self.port = self.sandbox.take_ports()

    def task(self, **options: t.Any) -> dict[str, t.Any]:
        options.setdefault("wait", 20)
        return task_of({
            "scenario": self.numbered(),
            "runner": distributed(
                CONSTANT, listen="tcp://127.0.0.1:%d" % self.port, **options
            ),
        })

    def assert_did_not_run(self, run, *words):
        """The reason is shown, and no load was made."""
        done = run.finish()
        self.assert_refused(done, code=2)
        [result] = run.workload.sla[-1:]
        self.assertEqual("something_went_wrong", result["criterion"])
        detail = " ".join(result["detail"].split())
        for word in words:
            self.assertIn(word, detail)
            self.assertIn(word, " ".join((done.out + done.err).split()))
        self.assertEqual([], run.workload.rows)
        self.assertEqual([], self.started())

    def test_fewer_came_than_were_asked_for(self):
        agent = self.start_agent("n1", self.port)
        agent.wait_until_dialing()

        run = self.run_task(self.task(agents=2, wait=5))

        self.assert_did_not_run(
            run, "2 agents were asked for", "only 1 came", "n1",
            "rally agent start",
        )
        agent.stop()

    def test_the_port_is_in_use(self):
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", self.port))
            holder.listen()

            run = self.run_task(self.task(agents=1))
            listed = self.rally(
                "agent", "list", "--listen",
                "tcp://127.0.0.1:%d" % self.port,
            )

        self.assert_did_not_run(run, "tcp://127.0.0.1:%d" % self.port,
                                "in use")
        # nobody is authorized, so the list does not even try
        self.assertEqual(0, listed.code, listed.out)

    def test_one_is_not_authorised(self):
        key = self.authorize("n1")
        self.authorize("n2")
        self.must("agent", "revoke", "n1")
        agent = self.start_agent("n1", self.port, key)
        agent.wait_until_dialing()

        run = self.run_task(self.task(agents=1, wait=4))

        self.assert_did_not_run(run, "only 0 came", "none")
        agent.wait_for_log("refused")
        agent.stop()
        self.assertNotIn("Traceback", agent.log)

    def test_the_name_is_that_of_the_key_not_that_in_the_file(self):
        key = self.authorize("n1")
        key.write_text(key.read_text().replace("name = n1", "name = n2"))
        self.authorize("n2")
        agent = self.start_agent("n1", self.port, key)

        run = self.run_task(self.task(agents=1, wait=60))

        self.assertEqual(0, run.done.code, run.done.out + run.log)
        [member] = run.workload.load_info["agents"]
        self.assertEqual("n1", member["name"])
        agent.stop()

    def test_the_key_of_another_controller_is_of_no_use(self):
        key = self.authorize("n1")
        other = keys.controller_key(self.sandbox.folder / "other")
        lines = key.read_text().split("\n")
        key.write_text(
            "\n".join(
                "controller = " + other.public
                if line.startswith("controller = ") else line
                for line in lines
            )
        )
        agent = self.start_agent("n1", self.port, key)
        agent.wait_until_dialing()

        run = self.run_task(self.task(agents=1, wait=5))

        self.assert_did_not_run(run, "only 0 came", "none")
        agent.wait_for_log("not the controller that authorized")
        self.assertEqual(1, run.log.count("not a Rally agent, or has the key"))
        agent.stop()

    def test_nobody_listens_beyond_this_host_without_keys_of_its_own(self):
        self.authorize("n1")
        folder = self.sandbox.home / ".rally" / "keys"
        task = task_of({
            "scenario": self.numbered(),
            "runner": distributed(
                CONSTANT, agents=1, wait=5, listen="tcp://*:%d" % self.port
            ),
        })
        for path, mode, words in (
            (folder, 0o777, ("other users may write", "chmod 700")),
            (folder / "controller.key", 0o644, ("readable by other users",)),
        ):
            before = path.stat().st_mode
            path.chmod(mode)
            self.assert_did_not_run(self.run_task(task), *words)
            path.chmod(before)

    def test_one_is_of_another_version(self):
        agent = self.start_agent(
            "n1", self.port, env={"PYTHONPATH": str(OTHER_VERSION)}
        )
        agent.wait_until_dialing()

        run = self.run_task(self.task(agents=1, wait=4))

        self.assert_did_not_run(run, "n1", "5.9.9", "same")
        agent.wait_for_log(r"5\.9\.9")
        agent.stop()

    def test_one_lacks_the_plugin_of_the_scenario(self):
        agent = self.start_agent("n1", self.port, with_plugins=False)

        run = self.run_task(self.task(agents=1, wait=60))

        self.assert_did_not_run(run, "file numbered.py", "none on n1")
        agent.stop()

    def test_the_context_cannot_be_sent(self):
        task = task_of({
            "scenario": self.numbered(),
            "contexts": {"unsendable": {}},
            "runner": distributed(CONSTANT),
        })

        run = self.run_task(task)

        self.assert_did_not_run(
            run, "context['users'][0]['session']", "object"
        )

    def test_the_listening_address_is_none(self):
        run = self.run_task(task_of({
            "scenario": self.numbered(),
            "runner": distributed(CONSTANT, agents=1, listen="here"),
        }))

        self.assert_did_not_run(run, "here", "tcp://")


class AgentStartTestCase(cluster.SharedTestCase, bad_input.Refusal):
    """``rally agent start`` that cannot work says why, and ends."""

    key: t.ClassVar[pathlib.Path]

    @classmethod
    def prepare(cls, home: t.Any) -> None:
        cls.key = home.authorize("n1")

    def refused(self, *words, key=None, spool=None, controller=None,
                code=None):
        done = self.rally(
            "agent", "start",
            "--controller", controller or "tcp://127.0.0.1:9790",
            "--key", key or self.key,
            "--spool", spool or self.sandbox.folder / "spool",
            deadline_s=60,
        )
        self.assert_refused(done, *words, code=code)

    def write_key(self, text, mode=0o600):
        path = self.sandbox.write("other.key", text)
        path.chmod(mode)
        return path

    def test_without_a_key_file(self):
        missing = self.sandbox.folder / "missing.key"
        self.refused(str(missing), "rally agent authorize", key=missing,
                     code=251)

    def test_with_a_malformed_key_file(self):
        text = self.key.read_text()
        for bad in ("", "rubbish", text.replace("secret = ", "secret = x"),
                    text.replace("name = n1", "name = a/b")):
            self.refused("other.key", "authorize", key=self.write_key(bad),
                         code=252)

    def test_with_a_key_file_that_others_can_read(self):
        key = self.write_key(self.key.read_text(), 0o644)
        self.refused("chmod 600", str(key), key=key, code=250)

    def test_with_a_spool_that_cannot_be_written(self):
        below_a_file = self.sandbox.conf / "spool"
        self.refused(str(below_a_file), "Results wait there",
                     spool=below_a_file, code=255)
        if os.geteuid():
            folder = self.sandbox.folder / "read-only"
            folder.mkdir(mode=0o500)
            self.refused(str(folder), spool=folder / "spool", code=255)

    def test_with_an_address_that_is_none(self):
        self.refused("tcp://", controller="10.0.0.1", code=253)

    def test_names_that_no_agent_can_have(self):
        for words in (("authorize", "../n1"), ("revoke", "nobody")):
            self.assert_refused(self.rally("agent", *words), words[1])
