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

"""At least 100,000 damaged inputs for everything that reads bytes of others.

They are made from valid ones by a seeded generator: ``FUZZ_SEED`` repeats a
run, ``FUZZ_TIMES`` makes it longer. What the coverage-guided fuzzer of
``make fuzz`` found worth keeping is in ``tests/fuzz/corpus``.
"""

from __future__ import annotations

import logging
import os
import pathlib
import resource

import ddt
import hypothesis
import hypothesis.strategies as st

from rally.common import portable
from rally.task.distributed.wire import codec, messages
from rally.task.results import aggregate
from tests import fuzz
from tests.fuzz import mutation, seeds, targets
from tests.unit import test

CORPUS = pathlib.Path(fuzz.__file__).parent / "corpus"
SEED = int(os.environ.get("FUZZ_SEED", "1"))
TIMES = int(os.environ.get("FUZZ_TIMES", "1"))
#: how many inputs for each target
COUNTS = {
    "codec": 35_000,
    "load_pipe": 22_000,
    "worker_pipe": 22_000,
    "spool": 22_000,
    "packed": 3_000,
    "chunk": 3_000,
    "aggregate": 3_000,
    "spool_folder": 100,
}
#: what all inputs of a target together may add to this process
MEMORY_KB = 300_000


class FuzzTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        seeds.load_criteria()
        logging.disable(logging.CRITICAL)
        self.addCleanup(logging.disable, logging.NOTSET)

    def try_input(self, target, data, origin):
        """:raises AssertionError: *data* did harm; says how to repeat it"""
        try:
            return targets.TARGETS[target](data)
        except Exception as e:
            raise AssertionError(
                "%s of target %s does harm: %r\n%s"
                % (origin, target, e, data[:2000].hex())
            ) from e


@ddt.ddt
class DamagedTestCase(FuzzTestCase):
    @ddt.data(*COUNTS)
    def test_what_was_damaged_is_refused_or_harmless(self, target):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        made = mutation.Mutator(target, SEED)
        count = COUNTS[target] * TIMES
        taken = sum(
            self.try_input(
                target, made.make(), "input %d of FUZZ_SEED=%d" % (i, SEED)
            )
            for i in range(count)
        )
        self.assertGreater(taken, 0)  # some get as deep as can be
        self.assertLess(taken, count / 2)
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self.assertLess(after - before, MEMORY_KB)

    @ddt.data(*COUNTS)
    def test_what_is_intact_is_taken(self, target):
        for data in seeds.of(target):
            is_taken = self.try_input(target, data, "a valid input")
            # there are names in a spool that are not those of chunks
            self.assertTrue(is_taken or target == "spool_folder")

    def test_these_are_a_hundred_thousand(self):
        self.assertGreaterEqual(sum(COUNTS.values()), 100_000)


@ddt.ddt
class CorpusTestCase(FuzzTestCase):
    @ddt.data(*COUNTS)
    def test_what_the_fuzzer_found_is_refused_or_harmless(self, target):
        for path in sorted((CORPUS / target).glob("*")):
            self.try_input(target, path.read_bytes(), path.name)


@ddt.ddt
class AnythingTestCase(FuzzTestCase):
    @ddt.data(*COUNTS)
    @hypothesis.settings(max_examples=100, deadline=None)
    @hypothesis.given(data=st.binary(max_size=200))
    def test_any_bytes_are_refused_or_harmless(self, target, data):
        self.try_input(target, data, "an example")


PLAIN = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | (
    st.floats() | st.text(max_size=5) | st.binary(max_size=5)
)
TREES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


class StateTestCase(FuzzTestCase):
    @hypothesis.settings(max_examples=100, deadline=None)
    @hypothesis.given(data=st.data())
    def test_the_state_of_an_aggregate_may_be_any_tree(self, data):
        state = dict(data.draw(st.sampled_from(seeds.states())))
        state[data.draw(st.sampled_from(sorted(state)))] = data.draw(TREES)
        snapshot = messages.Snapshot(seeds.RUN, 3, False, state)

        body = codec.encode(snapshot).removeprefix(
            messages.PROTOCOL_VERSION
        )

        self.try_input("codec", body, "an example")

    def test_criteria_that_cannot_be_merged_are_refused(self):
        for name, learnt in (
            ("max_avg_duration_per_atomic", {"durations": {"dict": []}}),
            ("performance_degradation", {"min_ns": "x"}),
        ):
            state = dict(seeds.states()[1])
            state["sla"] = {
                **state["sla"], name: {**state["sla"][name], **learnt},
            }
            self.assertRaises(
                portable.MalformedState, self.restore_and_try, state
            )

    def restore_and_try(self, state):
        made = aggregate.Aggregate.from_state(seeds.SLA, state)
        made.checker.try_out()
