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

from __future__ import annotations

import pathlib
import tempfile
from unittest import mock

from rally.task.distributed import agent_ports, commands, shipped_files
from tests.unit import test

RUN = "e6b628a7cb45430c8e2a70469b4c5e6e"


class ShippedTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        self.folder = shipped_files.folder_of(made.name, RUN)
        self.load = mock.Mock(is_alive=True)
        self.ports = agent_ports.AgentPorts(
            "n1", mock.Mock(),
            mock.Mock(folder=pathlib.Path(made.name), left=lambda run: (0, 0)),
            lambda: self.load,
        )
        self.ports.execute(commands.StartLoad(mock.Mock(run=RUN), b"", {}))
        self.folder.mkdir(parents=True)

    def test_a_run_may_be_over_before_its_load_process_has_ended(self):
        self.ports.execute(commands.DiscardSpool(RUN))
        self.assertTrue(self.folder.exists())

        self.ports.execute(commands.EndLoad())

        self.assertFalse(self.folder.exists())

    def test_what_the_next_load_brings_is_left_alone(self):
        self.ports.execute(commands.EndLoad())
        self.folder.mkdir(parents=True)

        self.ports.execute(commands.EndLoad())

        self.assertTrue(self.folder.exists())
