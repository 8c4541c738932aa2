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

"""``doc/source/openstack.rst``, followed command by command."""

from __future__ import annotations

import re
import shlex
import typing as t

import yaml

from tests.cloud import case
from tests.functional.sandbox import TREE, Process
from tests.unit.doc.test_examples import examples

PAGE = TREE / "doc" / "source" / "openstack.rst"
PROMPT = re.compile(r"^(controller|node\d)\$ +(.+)$", re.MULTILINE)


class PageTestCase(case.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.port = self.sandbox.take_ports()
        self.environ = {"RALLY_ENV": ""}
        self.agents: list[Process] = []
        self.write_files()

    def write_files(self) -> None:
        """The files of the page, with the addresses of this cloud."""
        spec, task = map(yaml.safe_load, examples(PAGE, "yaml"))
        own = self.cloud.spec()["existing@openstack"]
        del spec["existing@openstack"]["https_cacert"]  # it speaks plain HTTP
        self.assertEqual(
            set(own) - {"endpoint_type"}, set(spec["existing@openstack"])
        )
        self.assertEqual(
            set(own["admin"]), set(spec["existing@openstack"]["admin"])
        )
        self.sandbox.write(
            "cloud.yaml", yaml.safe_dump({"existing@openstack": own})
        )
        [subtask] = task["subtasks"]
        arguments = subtask["scenario"]["GlanceImages.create_and_delete_image"]
        arguments["image_location"] = self.cloud.image_url
        subtask["runner"]["distributed"]["listen"] = (
            "tcp://127.0.0.1:%d" % self.port
        )
        self.sandbox.write("many.yaml", yaml.safe_dump(task))

    def words_of(self, command: str) -> list[str]:
        words = [
            word.replace("$TREE", str(TREE))
            .replace("tcp://ctl:9790", "tcp://127.0.0.1:%d" % self.port)
            for word in shlex.split(command)
        ]
        self.assertEqual("rally", words[0])
        return words[1:]

    def test_every_command_does_what_the_page_says(self) -> None:
        commands = [
            match.groups()
            for text in examples(PAGE, "text")
            for match in PROMPT.finditer(text)
        ]
        self.assertGreater(len(commands), 10)
        for host, command in commands:
            self.follow(host, command)
        for agent in self.agents:
            agent.signal(15)
            self.assertEqual(0, agent.wait().code, agent.err)
        for name in ("authenticate.html", "images.html"):
            text = (self.sandbox.folder / name).read_text()
            self.assertIn("</html>", text)

    def follow(self, host: str, command: str) -> None:
        if command == ". openrc":
            self.environ.update(self.cloud.openrc())
            return
        words = self.words_of(command)
        if host != "controller":
            spool = self.sandbox.folder / ("spool-" + host)
            self.agents.append(self.sandbox.start(
                *words, "--spool", spool, env=self.environ
            ))
            return
        done: t.Any = self.sandbox.rally(
            *words, env=self.environ, deadline_s=300
        )
        self.assertEqual(0, done.code, command + done.out + done.err)
