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

"""What a distributed runner refuses before any agent is asked."""

from __future__ import annotations

import threading
from unittest import mock

import ddt
import msgspec

from rally import plugins
from rally.common.db import retrying
from rally.plugins.common.runners import arrangement, distributed
from rally.plugins.common.scenarios.dummy import dummy
from rally.task import runner, sla
from rally.task.distributed.wire import channels, codec
from rally.task.reporting import load_info
from rally.task.results import aggregate, board, chunk
from rally.task.serialization import context_codec
from tests.unit import test


class ArgumentsTestCase(test.TestCase):
    def test_agents_check_what_the_task_file_says(self):
        plugins.load()
        given = {"big": 10 ** 30, "by_number": {1: "\0", "\0": 2}}
        spread = distributed.DistributedRunner(
            {"uuid": "task"}, {"runner": {"serial": {}}, "agents": 1}
        )
        spread._given_args = given
        order, packed = spread._prepare(dummy.Dummy, {"config": {}}, {})
        sent = codec.decode_content(packed[order.content.digest])
        self.assertEqual(given, context_codec.from_plain(sent.given_args))

    def test_criteria_and_options_reach_agents_as_they_are(self):
        plugins.load()
        criteria = {"max_seconds_per_iteration": 10 ** 30}
        options = {"times": 2, "note": {"big": 10 ** 30, 1: "\0"}}
        spread = distributed.DistributedRunner(
            {"uuid": "task"}, {"runner": {"serial": options}, "agents": 1}
        )
        spread.configure_streams(
            sla_config=criteria, chunk_size=10, iteration_events=False
        )
        prepare, contents = spread._prepare(
            dummy.Dummy, {"config": {}}, {}
        )
        machine = spread._machine(
            prepare, contents,
            dict.fromkeys(channels.Channel, "tcp://127.0.0.1:9"),
            "",
        )
        [share] = machine.run.plan.shares
        sent = codec.decode(
            codec.encode(msgspec.structs.replace(prepare, runner=share))
        )
        self.assertEqual(criteria, context_codec.from_plain(sent.sla))
        self.assertEqual(options, context_codec.from_plain(sent.runner))


@sla.configure(name="distributed_test_stuck")
class StuckSLA(sla.SLA):
    """Has an attribute that cannot travel."""

    CONFIG_SCHEMA = {"type": "integer"}

    def __init__(self, criterion_value):
        super().__init__(criterion_value)
        self.lock = threading.Lock()

    def add_iteration(self, iteration):
        return True

    def merge(self, other):
        return True

    def details(self):
        return ""


@runner.configure(name="distributed_test_unsplit")
class UnsplitRunner(runner.ScenarioRunner):
    """Does not say how its load is split."""

    CONFIG_SCHEMA = {"type": "object"}

    def _run_scenario(self, cls, method_name, context, args):
        pass


class AgentsInfoTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        plugins.load()

    def spreads(self, inner, starts_ms):
        """Start spread of agents that began at these moments, in ms."""
        made = runner.ScenarioRunner.get("distributed")(
            {"uuid": "task"}, {"runner": inner, "agents": len(starts_ms)}
        )
        for position, start_ms in enumerate(starts_ms):
            name = "n%d" % position
            made.members.append({"name": name, "position": position})
            learnt = aggregate.Aggregate({})
            learnt.first_started_ns = int((5000 + start_ms) * 1e6)
            made.board.put(name, 1, learnt)
        return [
            info["start_spread_s"] * 1000 for info in made.agents_info()
        ]

    def test_agents_of_a_closed_model_begin_together(self):
        inner = {"constant": {"times": 9, "concurrency": 3}}
        self.assertEqual([2.0, 0.0, 7.0], self.spreads(inner, [2, 0, 7]))

    def test_agents_of_an_open_model_begin_in_turn(self):
        inner = {"rps": {"times": 9, "rps": 10}}
        self.assertEqual([0.0, 0.0, 4.0], self.spreads(inner, [1, 101, 205]))


def counted(iterations):
    """What an agent knows that has counted so many."""
    learnt = aggregate.Aggregate({})
    row = {"timestamp": 1.0, "duration": 1.0, "idle_duration": 0.0,
           "error": [], "output": {"additive": [], "complete": []},
           "atomic_actions": []}
    learnt.add_chunk(chunk.Chunk.of_results([row] * iterations))
    return learnt


class DoneAndLostTestCase(test.TestCase):
    """100 iterations were asked for: n0 was granted 60, n1 40 of them."""

    def setUp(self):
        super().setUp()
        plugins.load()
        self.runner = runner.ScenarioRunner.get("distributed")(
            {"uuid": "task"},
            {"runner": {"constant": {"times": 100, "concurrency": 2}},
             "agents": 2},
        )
        self.watch = load_info.RunWatch(
            {"name": "a", "position": 0}, retrying.RetryPolicy("task", 1)
        )
        self.watch.started()

    def count(self, name, iterations, number=1):
        self.runner.board.put(name, number, counted(iterations))

    def count_anew(self, name, iterations, epoch):
        packed = board.PackedAggregate(counted(iterations).to_bytes(), 0)
        self.runner.board.put(name, 1, packed, False, epoch)
        self.runner.board.merged()

    def members(self, *members, settled=None):
        self.runner.members = [
            {"name": "n%d" % position, "position": position, "state": state,
             "rate": 1.0, "clock_offset_s": None, "clock_error_s": None,
             "delivered": delivered, "lost": lost, "labels": {},
             "leases": 1, "spooled_chunks": 0,
             "settled": settled if state == "running" else None}
            for position, (state, delivered, lost) in enumerate(members)
        ]

    def seen(self):
        return self.watch.progress(
            "running", self.runner.board.merged(), self.runner, 1.0
        )

    def test_what_a_lost_agent_took_along_is_lost_and_not_done(self):
        self.count("n0", 60)
        self.count("n1", 25)
        self.members(("running", 50, 0), ("running", 20, 0))
        before = self.seen()
        self.members(("running", 60, 0), ("lost", 20, 20))
        after = self.seen()
        self.assertEqual(
            (85, 0, 0), (before.done, before.lost, before.withdrawn)
        )
        self.assertEqual(
            (80, 20, 5), (after.done, after.lost, after.withdrawn)
        )
        self.assertEqual([60, 20], [x.iterations for x in after.agents])

    def test_what_is_counted_again_changes_nothing_more(self):
        self.count("n0", 60)
        self.count("n1", 25)
        self.members(("done", 60, 0), ("lost", 20, 20))
        before = self.seen()
        self.runner.board.replace("n1", counted(20))
        self.assertEqual(before, self.seen())

    def test_so_is_what_one_took_along_that_began_anew(self):
        self.count("n0", 60)
        self.count_anew("n1", 25, epoch=0)
        self.count_anew("n1", 10, epoch=1)
        self.members(("done", 60, 0), ("running", 28, 5), settled=20)
        seen = self.seen()
        self.assertEqual((90, 5), (seen.done, seen.lost))
        self.assertEqual([60, 35], [x.iterations for x in seen.agents])

    def test_results_without_a_snapshot_are_done(self):
        self.count("n1", 15)
        self.members(("done", 0, 0), ("lost", 20, 20))
        self.assertEqual((20, 20), (self.seen().done, self.seen().lost))

    def test_the_rate_is_never_negative(self):
        with mock.patch("time.monotonic") as now:
            now.return_value = 10.0
            self.watch.started()
            now.return_value = 11.0
            self.count("n1", 25)
            self.assertEqual(25.0, self.seen().rate)
            now.return_value = 12.0
            self.runner.board.replace("n1", aggregate.Aggregate({}))
            self.assertEqual(25.0, self.seen().rate)
            now.return_value = 13.0
            self.assertEqual(0.0, self.seen().rate)


@ddt.ddt
class CheckTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        plugins.load()
        self.cls = runner.ScenarioRunner.get("distributed")

    def problems(self, inner, sla_config=None, **options):
        workload = {
            "runner": {"runner": inner, "local_agents": 2, **options},
            "sla": sla_config or {},
        }
        return " ".join(self.cls.check_workload(workload))

    def test_rally_s_own_runners_can_be_spread(self):
        for inner in (
            {"constant": {"times": 5, "concurrency": 2}},
            {"constant_for_duration": {"duration": 1, "concurrency": 2}},
            {"rps": {"times": 5, "rps": {"start": 1, "end": 3, "step": 1}}},
            {"serial": {"times": 3}},
        ):
            self.assertEqual("", self.problems(inner))

    @ddt.data(
        ({"distributed": {"runner": {"serial": {}}, "local_agents": 1}},
         "inside another one"),
        ({"constant": {"times": 1, "concurrency": 2}}, "concurrency"),
        ({"nope": {}}, "nope"),
        ({"distributed_test_unsplit": {}}, "load_plan"),
    )
    @ddt.unpack
    def test_what_cannot_be_spread_is_named(self, inner, text):
        self.assertIn(text, self.problems(inner))

    def check_agents(self, agents):
        return " ".join(self.cls.check_workload({
            "runner": {"runner": {"serial": {}}, "agents": agents},
            "sla": {},
        }))

    def test_the_provider_of_agents_checks_its_own_configuration(self):
        self.assertEqual("", self.check_agents({"local": {"count": 2}}))
        self.assertIn("'count'", self.check_agents({"local": {}}))
        self.assertIn("nope", self.check_agents({"nope": {}}))

    def test_local_agents_are_those_of_the_provider_local(self):
        self.assertEqual(
            arrangement.provided({"agents": {"local": {"count": 2}}}),
            arrangement.provided({"local_agents": 2}),
        )

    def test_a_count_of_agents_with_labels_is_no_provider(self):
        self.assertIsNone(arrangement.provided(
            {"agents": {"count": 2, "select": {"zone": "a"}}}
        ))

    @ddt.data(
        ({"local_agents": 2}, "have no labels"),
        ({"agents": 1}, "Ask for more `agents`"),
        ({"agents": 2}, "nothing is left for b"),
        ({"agents": 2, "runner": {"serial": {"times": 9}}}, "by weights"),
    )
    @ddt.unpack
    def test_weights_that_cannot_be_kept_are_refused(self, config, text):
        whole = {
            "runner": {"constant": {"times": 9, "concurrency": 3}},
            "weights": {"zone": {"a": 9, "b": 1}}, **config,
        }
        problems = self.cls.check_workload({"runner": whole, "sla": {}})
        self.assertIn(text, " ".join(problems))

    def test_weights_may_be_shared_out(self):
        whole = {
            "runner": {"rps": {"times": 90, "rps": 10}},
            "agents": {"count": 2, "select": {"disk": "fast"}},
            "weights": {"zone": {"a": 9, "b": 1}},
        }
        self.assertEqual(
            [], self.cls.check_workload({"runner": whole, "sla": {}})
        )

    def test_a_lease_must_end_before_an_agent_counts_as_lost(self):
        problems = self.problems({"serial": {}}, lease=10, agent_timeout=10)

        self.assertIn("must be shorter than agent_timeout", problems)

    def test_an_sla_that_cannot_travel_is_named_with_its_attribute(self):
        problems = self.problems({"serial": {}}, {"distributed_test_stuck": 1})

        self.assertIn("distributed_test_stuck", problems)
        self.assertIn("lock", problems)
        self.assertIn("to_state", problems)

    @ddt.data(
        {"runner": {"serial": {}}},
        {"runner": {"serial": {}}, "agents": 1, "local_agents": 1},
        {"runner": {"serial": {}, "rps": {}}, "agents": 1},
        {"runner": {"serial": {}}, "agents": 0},
        {"runner": {"serial": {}}, "agents": {"select": {"zone": "a"}}},
        {"runner": {"serial": {}}, "agents": {"count": 1, "select": {}}},
        {"runner": {"serial": {}}, "agents": {"count": 1,
                                              "select": {"zone": "a b"}}},
        {"runner": {"serial": {}}, "agents": 1, "weights": {"zone": {}}},
        {"runner": {"serial": {}}, "agents": 1, "weights": {
            "zone": {"a": 1.5}}},
        {"runner": {"serial": {}}, "agents": 1, "weights": {
            "zone": {"a": 11}}},
        {"runner": {"serial": {}}, "agents": 1, "weights": {
            "zone": {"a": 1}, "rack": {"a": 1}}},
        {"runner": {"serial": {}}, "agents": 1, "on_agent_loss": "retry"},
        {"agents": 1},
        {"runner": {"serial": {}}, "agents": {}},
        {"runner": {"serial": {}}, "agents": {"local": 2}},
        {"runner": {"serial": {}}, "agents": {"local": {}, "ssh": {}}},
    )
    def test_the_schema_refuses(self, config):
        problems = runner.ScenarioRunner.validate(
            name="distributed", context=None, config=None, plugin_cfg=config,
            vtype="syntax",
        )
        self.assertEqual(1, len(problems))
