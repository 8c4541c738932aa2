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

import dataclasses
import shutil
import subprocess

from prometheus_client import exposition
from prometheus_client.openmetrics import parser

from rally.task.reporting import metrics
from rally.task.reporting.progress import AgentProgress
from rally.task.results import aggregate, chunk
from rally.task.results.traffic import Traffic
from tests.fuzz import seeds
from tests.unit import test
from tests.unit.cli.test_live import PROGRESS


def parsed(page):
    """Samples of a page by name and labels, once a parser took it."""
    text = page.text().decode()
    families = list(parser.text_string_to_metric_families(text))
    found = {}
    for family in families:
        for sample in family.samples:
            labels = {
                key: value for key, value in sample.labels.items()
                if key not in ("task", "workload", "position")
            }
            found[sample.name, tuple(sorted(labels.items()))] = sample.value
    return found


def of_actions(names):
    """An aggregate of iterations with one action each."""
    made = aggregate.Aggregate({})
    made.add_chunk(chunk.Chunk.of_rows([
        chunk.Row(
            i + 1, seeds.BEGIN_NS + i, 50_000_000, 0, 0,
            (chunk.Node(name, 0, False),), (0, 10_000_000), None, None,
        )
        for i, name in enumerate(names)
    ]))
    return made


def progress(**more):
    return dataclasses.replace(PROGRESS, **more)


def agents(count):
    return [
        AgentProgress(
            "n%04d" % i, "running" if i else "lost", 10, 1.5, 0.001, 0.0001,
            0, {}, 2, 3,
        )
        for i in range(count)
    ]


class PageTestCase(test.TestCase):
    def test_has_what_is_known_of_a_task(self):
        seeds.load_criteria()
        seen = aggregate.Aggregate({})
        seen.add_chunk(seeds.rows(9))
        seen.traffic = Traffic(2, 300, 4000)
        page = metrics.page_of("uuid", progress(seen=seen, agents=agents(2)))

        found = parsed(page)

        self.assertEqual(40, found["rally_iterations_total", ()])
        self.assertEqual(2, found["rally_iterations_failed_total", ()])
        self.assertEqual(0, found[
            "rally_sla_holds", (("criterion", "failure_rate"),)
        ])
        self.assertEqual(1, found[
            "rally_phase", (("phase", "running"),)
        ])
        self.assertEqual(9, found["rally_iteration_duration_seconds_count",
                                  ()])
        self.assertGreater(found[
            "rally_iteration_duration_seconds", (("quantile", "0.99"),)
        ], 0.05)
        self.assertEqual(4000, found["rally_http_received_bytes_total", ()])
        self.assertEqual(1, found["rally_agents", (("state", "lost"),)])
        self.assertEqual(0.001, found[
            "rally_agent_clock_offset_seconds", (("agent", "n0001"),)
        ])
        self.assertEqual(6, found[
            "rally_action_duration_seconds_count", (("action", "boot"),)
        ])

    def test_thousands_of_actions_and_agents_are_a_bounded_page(self):
        seen = of_actions(["action %d" % i for i in range(5000)])
        page = metrics.page_of("u", progress(seen=seen, agents=agents(2000)))

        found = parsed(page)

        self.assertLess(len(found), 1000)
        self.assertEqual(5000, sum(
            value for (name, _), value in found.items()
            if name == "rally_action_duration_seconds_count"
        ))
        self.assertEqual(1900, found["rally_agents_without_series", ()])

    def test_any_name_is_a_value_and_long_ones_stay_apart(self):
        names = ['quote " slash \\ line \n', "é" * 10, "x" * 500 + "1",
                 "x" * 500 + "2"]
        found = parsed(metrics.page_of("u", progress(seen=of_actions(names))))

        actions = [
            dict(labels)["action"] for name, labels in found
            if name == "rally_action_duration_seconds_count"
        ]
        self.assertEqual(4, len(set(actions)))
        self.assertIn(names[0], actions)
        self.assertLessEqual(max(map(len, actions)), metrics.MAX_VALUE)

    def test_has_the_form_of_openmetrics(self):
        text = metrics.page_of("u", progress()).text().decode()
        self.assertTrue(text.endswith("# EOF\n"))
        for family in parser.text_string_to_metric_families(text):
            self.assertTrue(family.documentation.endswith("."), family.name)
            self.assertIn(family.type, ("counter", "gauge", "summary"))

    def test_promtool_has_nothing_to_say(self):
        promtool = shutil.which("promtool")
        if promtool is None:
            self.skipTest("promtool is not installed (package prometheus)")
        seen = of_actions(["a", "b"])
        page = metrics.page_of("u", progress(seen=seen, agents=agents(3)))
        # it reads the older form only, which has the same names
        text = exposition.generate_latest(page)
        done = subprocess.run(
            [promtool, "check", "metrics"], input=text, capture_output=True,
            timeout=60,
        )
        self.assertEqual((0, b"", b""),
                         (done.returncode, done.stdout, done.stderr))


class MetricsListenerTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        self.pages, self.now, self.cpu = [], 0.0, iter(range(10**6))
        self.listener = metrics.MetricsListener(
            "u", self.pages.append, lambda: self.now, lambda: next(self.cpu)
        )

    def tell(self, at, **more):
        self.now = at
        self.listener.on_progress(progress(**more))
        return len(self.pages)

    def test_takes_a_small_part_of_a_cpu(self):
        """Each page takes a second of it, by this clock."""
        self.assertEqual(1, self.tell(0.0))
        self.assertEqual(1, self.tell(49.0))
        self.assertEqual(2, self.tell(50.0))

    def test_a_new_phase_is_shown_at_once(self):
        self.tell(0.0)
        self.assertEqual(2, self.tell(0.1, phase="done"))
