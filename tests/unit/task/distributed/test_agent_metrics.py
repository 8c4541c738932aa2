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

import itertools
import pathlib
import tempfile

from prometheus_client.openmetrics import parser

from rally.task.distributed import agent_metrics, commands
from rally.task.distributed.agent import machine
from rally.task.distributed.wire import messages
from rally.task.distributed.wire.channels import Channel
from tests.fuzz import seeds
from tests.unit import test


class Ports:
    """Ports of an agent to which nothing happens."""

    now = 10**9

    def now_ns(self):
        return self.now

    def wait(self, timeout_s):
        return ()

    def execute(self, command):
        return None


class Endpoint:
    def __init__(self):
        self.pages = []
        self.publish = self.pages.append


class MeteredPortsTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        seeds.load_criteria()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.spool = pathlib.Path(folder.name)
        self.endpoint, self.inner = Endpoint(), Ports()
        self.cpu = itertools.repeat(0.0)
        self.ports = agent_metrics.MeteredPorts(
            self.inner, "n1", machine.Agent("i", "6", "host", 2, 0),
            self.spool, self.endpoint, lambda: next(self.cpu),
        )

    def page(self):
        self.inner.now += 10**9
        self.ports.wait(0)
        text = self.endpoint.pages[-1].decode()
        return {
            (s.name, s.labels.get("state") or s.labels.get("quantile")):
            s.value
            for family in parser.text_string_to_metric_families(text)
            for s in family.samples
        }

    def test_shows_state_and_spool(self):
        (self.spool / "run").mkdir()
        (self.spool / "run" / "0.chunk").write_bytes(b"12345")

        page = self.page()

        self.assertEqual(1, page["rally_agent_state", "dialing"])
        self.assertEqual(0, page["rally_agent_state", "running"])
        self.assertEqual(1, page["rally_spool_chunks", None])
        self.assertEqual(5, page["rally_spool_bytes", None])
        self.assertGreater(page["rally_spool_free_bytes", None], 0)

    def test_shows_what_the_load_counted(self):
        [_, snapshot, *_] = [  # the first one has counted nothing
            each for each in seeds.from_agents()
            if isinstance(each, messages.Snapshot)
        ]
        self.ports.execute(commands.Send("", Channel.AGGREGATES, snapshot))

        page = self.page()

        self.assertEqual(9, page["rally_iterations_total", None])
        self.assertEqual(3, page["rally_iterations_failed_total", None])
        self.assertGreater(
            page["rally_iteration_duration_seconds", "0.5"], 0.04
        )

    def test_is_made_once_a_second(self):
        self.page()
        self.ports.wait(0)
        self.ports.wait(0)
        self.assertEqual(1, len(self.endpoint.pages))

    def test_takes_a_small_part_of_a_cpu(self):
        self.cpu = itertools.count()  # a page takes a second
        self.page()
        for seconds, pages in ((49, 1), (1, 2)):
            self.inner.now += seconds * 10**9
            self.ports.wait(0)
            self.assertEqual(pages, len(self.endpoint.pages))

    def test_a_spool_that_is_gone_is_no_reason_to_fail(self):
        self.assertEqual((0, 0), agent_metrics.spooled(self.spool / "no"))
        self.assertIsNone(agent_metrics.free(self.spool / "no"))
