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

"""A fleet with labels, looked at while it works."""

from __future__ import annotations

import http.client
import json
import re
import signal
import typing as t

from prometheus_client.openmetrics import parser

from tests.functional import cluster
from tests.functional.sandbox import wait_until

ZONES = {"n1": "a", "n2": "b", "n3": "a", "n4": "c"}
#: for longer than all is looked at
TIMES = 2400
RATE = 80


def scraped(url: str) -> dict[tuple[str, str], float]:
    """Samples by name and the value of their own label, if they have one."""
    host, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=20)
    connection.request("GET", "/" + path)
    text = connection.getresponse().read().decode()
    connection.close()
    return {
        (sample.name, next((
            value for key, value in sorted(sample.labels.items())
            if key not in ("task", "workload", "position")
        ), "")): sample.value
        for family in parser.text_string_to_metric_families(text)
        for sample in family.samples
    }


class LabelledFleetTestCase(cluster.SharedTestCase):
    """An open load on two of three zones, three to one."""

    run_: t.ClassVar[cluster.Run]
    listed: t.ClassVar[dict[str, t.Any]]
    table: t.ClassVar[str]
    status: t.ClassVar[str]
    task_metrics: t.ClassVar[dict[tuple[str, str], float]]
    agent_metrics: t.ClassVar[dict[tuple[str, str], float]]

    @classmethod
    def prepare(cls, home: t.Any) -> None:
        port = home.sandbox.take_ports()
        agents = [
            home.start_agent(
                name, port, home.authorize(name, {"zone": zone}),
                words=("--metrics", "0"),
            )
            for name, zone in ZONES.items()
        ]
        address = "tcp://127.0.0.1:%d" % port
        cls.run_ = home.start_task(
            cluster.task_of(
                {
                    "scenario": home.numbered(0.01),
                    "runner": cluster.distributed(
                        {"rps": {"times": TIMES, "rps": RATE,
                                 "max_concurrency": 40}},
                        agents=3, weights={"zone": {"a": 3, "b": 1}},
                        listen=address,
                    ),
                    "sla": {"failure_rate": {"max": 0}},
                }
            ),
            "--metrics", "0",
        )
        cls.run_.wait_until(
            lambda: len(home.started()) > 4 * RATE, "it has begun", 60
        )
        listing = ("agent", "list", "--listen", address, "--controller",
                   address)
        as_json, table, status = home.sandbox.rally_many((
            (*listing, "--json"), listing,
            ("task", "status", cls.run_.uuid),
        ))
        cls.listed = json.loads(as_json.out)
        cls.table, cls.status = table.out, status.out
        cls.task_metrics = scraped(url_in(cls.run_.out))
        cls.agent_metrics = scraped(url_in(agents[0].process.out))
        cls.run_.finish(120)
        for agent in agents:
            agent.stop()

    def test_the_task_passes(self) -> None:
        self.assertEqual(0, self.run_.finish().code, self.run_.log)
        self.assertEqual(
            list(range(1, TIMES + 1)), sorted(self.run_.workload.numbers)
        )

    def test_zones_have_shares_by_weight_exactly(self) -> None:
        zones = {
            group["value"]: group["iterations"]
            for group in self.run_.workload.load_info["by_label"]
        }
        self.assertEqual({"a": TIMES * 3 // 4, "b": TIMES // 4}, zones)

    def test_the_list_says_what_agents_are_doing(self) -> None:
        agents = {each["name"]: each for each in self.listed["agents"]}
        self.assertEqual("running", self.listed["phase"])
        self.assertEqual(set(ZONES), set(agents))
        for name, zone in ZONES.items():
            self.assertEqual({"zone": zone}, agents[name]["labels"])
        self.assertEqual("joined", agents["n4"]["state"])
        self.assertEqual(
            [15, 10, 15, 0], [agents[name]["share"] for name in sorted(ZONES)]
        )
        self.assertGreater(agents["n1"]["rate"], 0)
        self.assertLess(abs(agents["n1"]["clock_offset_s"]), 0.1)

    def test_the_list_is_a_table_for_people(self) -> None:
        lines = self.table.splitlines()
        self.assertIn("running: 4 agents", lines[0])
        self.assertEqual("Name", lines[2].split()[0])
        self.assertIn("zone=a", lines[3])

    def test_the_report_shows_groups(self) -> None:
        out = self.must("task", "detailed", self.run_.uuid).out
        self.assertIn("Agents by label", out)
        self.assertIn("by agent: n1", self.status)

    def test_metrics_of_the_task_are_those_of_its_agents(self) -> None:
        found = self.task_metrics
        self.assertGreater(found["rally_iterations_total", ""], 4 * RATE / 2)
        self.assertEqual(0, found["rally_iterations_failed_total", ""])
        self.assertEqual(3, found["rally_agents", "running"])
        self.assertEqual(1, found["rally_sla_holds", "failure_rate"])
        self.assertIn(
            ("rally_agent_clock_offset_seconds", "n1"), found
        )

    def test_metrics_of_an_agent_are_its_own(self) -> None:
        found = self.agent_metrics
        self.assertIn(("rally_spool_bytes", "n1"), found)
        self.assertGreater(found["rally_iterations_total", "n1"], 0)
        self.assertGreater(found["rally_leases_total", "n1"], 0)


def url_in(text: str) -> str:
    return str(wait_until(
        lambda: re.search(r"Metrics: (http\S+)", text), 60, "a URL was said"
    )[1])


class MetricsPortTestCase(cluster.TestCase):
    def test_one_in_use_is_told_before_there_is_a_task(self) -> None:
        port = self.sandbox.take_ports()
        gate = self.sandbox.folder / "go"
        task = cluster.task_of({
            "scenario": self.numbered(),
            "contexts": {"waiting": {"file": str(gate)}},
            "runner": {"constant": {"times": 1}},
        })
        run = self.start_task(task, "--metrics", port)
        run.wait_until(lambda: "Metrics: " in run.out, "it serves", 60)

        path = self.sandbox.write("second.json", json.dumps(task))
        done = self.rally("task", "start", path, "--metrics", port)

        self.assertEqual(157, done.code, done.err)
        self.assertIn("in use", done.out + done.err)
        self.assertNotIn(": started", done.out)
        gate.touch()
        self.assertEqual(0, run.finish().code)


class DrainByLabelTestCase(cluster.TestCase):
    def test_a_zone_is_taken_out_and_watched(self) -> None:
        port = self.sandbox.take_ports()
        zones = {"n1": "a", "n2": "b", "n3": "a"}
        agents = [
            self.start_agent(name, port, self.authorize(name, {"zone": zone}))
            for name, zone in zones.items()
        ]
        address = "tcp://127.0.0.1:%d" % port
        run = self.start_task(cluster.task_of({
            "scenario": self.numbered(0.05),
            "runner": cluster.distributed(
                # it lasts longer than two commands take
                {"constant": {"times": 2000, "concurrency": 6}}, agents=3,
                listen=address,
            ),
        }))
        run.wait_until(lambda: len(self.started()) > 30, "it has begun", 60)
        watch = self.sandbox.start(
            "agent", "list", "--watch", "--json", "--controller", address
        )

        none = self.rally(
            "agent", "drain", "--label", "zone=x", "--controller", address
        )
        said = self.must(
            "agent", "drain", "--label", "zone=a", "--controller", address,
            "--wait", 30,
        ).out
        done = run.finish(120)
        wait_until(
            lambda: '"done"' in watch.out, 30, "the watch shows the drain"
        )
        watch.signal(signal.SIGINT)
        self.assertEqual(0, watch.wait().code, watch.err)
        self.assertEqual(0, done.code, done.err)
        for name in ("n1", "n3"):
            self.assertIn("Agent %s has been drained" % name, said)
        self.assertEqual(159, none.code)
        self.assertIn("zone=a; zone=b", none.out + none.err)
        self.assertEqual(
            list(range(1, 2001)), sorted(run.workload.numbers)
        )
        for agent in agents:
            agent.stop()
