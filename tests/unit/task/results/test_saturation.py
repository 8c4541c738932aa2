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

"""Tests of the judgement whether a load was limited by its generator."""

from __future__ import annotations

import typing as t

import ddt
import hypothesis
from hypothesis import strategies as st

from rally.common import portable
from rally.task.results import saturation
from rally.task.results.distribution import Distribution
from tests.unit import test
from tests.unit.task import iterations

MS = 1_000_000
S = 1_000_000_000

nanoseconds = st.lists(st.integers(0, 10 ** 12), max_size=30)
sums = st.lists(
    st.integers(0, 10 ** 20),
    min_size=len(saturation.SUMS), max_size=len(saturation.SUMS),
)


def of(values_ns: t.Iterable[int]) -> Distribution:
    made = Distribution()
    made.add_all(list(values_ns))
    return made


def measured(
    lags_ns: t.Iterable[int] = (), waits_ns: t.Iterable[int] = (),
    **values: int,
) -> saturation.Saturation:
    made = saturation.Saturation()
    made.scheduler_lag.merge(of(lags_ns))
    made.slot_wait.merge(of(waits_ns))
    for name, value in values.items():
        setattr(made, name, value)
    return made


@st.composite
def saturations(draw: st.DrawFn) -> saturation.Saturation:
    values = dict(zip(saturation.SUMS, draw(sums), strict=True))
    return measured(draw(nanoseconds), draw(nanoseconds), **values)


def carried(value: saturation.Saturation) -> saturation.Saturation:
    return saturation.Saturation.from_state(
        iterations.over_the_wire(value.to_state())
    )


def merged(*parts: saturation.Saturation) -> saturation.Saturation:
    whole = saturation.Saturation()
    for part in parts:
        whole.merge(part)
    return whole


@ddt.ddt
class SaturationTestCase(test.TestCase):
    @hypothesis.settings(max_examples=50, deadline=None)
    @hypothesis.given(a=saturations(), b=saturations(), c=saturations())
    def test_order_and_grouping_do_not_matter(
        self, a: saturation.Saturation, b: saturation.Saturation,
        c: saturation.Saturation,
    ) -> None:
        whole = merged(a, b, c).to_state()
        self.assertEqual(whole, merged(c, a, b).to_state())
        self.assertEqual(whole, merged(a, merged(b, c)).to_state())
        self.assertEqual(
            whole, merged(carried(a), carried(merged(b, c))).to_state()
        )
        self.assertEqual(
            a.to_state(), merged(saturation.Saturation(), a).to_state()
        )

    @ddt.data(
        None, {}, {"scheduler_lag": 1},
        {**saturation.Saturation().to_state(), "sums": [0]},
        {**saturation.Saturation().to_state(), "sums": ["x"] * 8},
    )
    def test_nonsense_is_refused(self, state: t.Any) -> None:
        self.assertRaises(
            portable.MalformedState, saturation.Saturation.from_state, state
        )


@ddt.ddt
class LimitsTestCase(test.TestCase):
    def check(
        self, expected: str | None, measured: saturation.Saturation,
        lags_ns: t.Iterable[int] = (), duration_ns: int = 50 * MS,
    ) -> None:
        """One reason with *expected* in it; None: no reason."""
        lag = of(lags_ns)
        durations = of([duration_ns] * max(1, lag.count))
        found = saturation.limits(measured, lag, durations)
        if expected is None:
            self.assertEqual([], found)
        else:
            [sentence] = found
            self.assertIn(expected, sentence)

    def test_nothing_measured_is_nothing_found(self) -> None:
        self.check(None, saturation.Saturation())
        self.assertEqual(
            [], saturation.facts(saturation.Saturation(), of([]), of([]))[
                "limited_by"
            ],
        )

    @ddt.data((9, 50, None), (11, 50, "11 ms late"), (11, 200, None),
              (30, 200, "30 ms late"))
    @ddt.unpack
    def test_threads_that_run_late_count_beside_what_iterations_take(
        self, lag_ms: int, duration_ms: int, expected: str | None
    ) -> None:
        self.check(
            expected, measured([lag_ms * MS] * 20),
            duration_ns=duration_ms * MS,
        )

    def test_a_thread_that_is_late_now_and_then_is_no_reason(self) -> None:
        self.check(None, measured([0] * 97 + [500 * MS] * 3))
        self.check(None, measured([500 * MS] * 19))  # too few to tell

    def test_starts_that_are_late_with_a_thread_to_spare_count(self) -> None:
        late = [0] * 90 + [40 * MS] * 10
        self.check("10 % of its iterations", measured(), late)
        self.check(None, measured(), [0] * 96 + [40 * MS] * 4)
        self.check(None, measured(), late, duration_ns=S)

    def test_a_slow_target_is_not_the_generator(self) -> None:
        # every start waited until the target let a thread go
        waits = [k * 100 * MS for k in range(1, 101)]
        lags = [wait + MS for wait in waits]
        self.check(None, measured(waits_ns=waits), lags, duration_ns=S // 5)
        self.check(
            "100 % of its iterations", measured(), lags, duration_ns=S // 5
        )

    @ddt.data(
        ("used up their CPUs for 40 %", {"saturated_ns": 4 * S}),
        (None, {"saturated_ns": 2 * S, "cpu_ns": 8 * S}),
        ("waited for a CPU for 10 %", {"cpu_wait_ns": 4 * S}),
        (None, {"cpu_wait_ns": 39 * S // 10}),
        ("4.0 s, 10 % of their time", {"held_ns": 4 * S}),
        (None, {"held_ns": S // 10}),
        (None, {"spool_wait_ns": 9 * S}),
    )
    @ddt.unpack
    def test_shares_of_the_time_count(
        self, expected: str | None, values: dict[str, int]
    ) -> None:
        self.check(
            expected, measured(worker_ns=10 * S, slot_ns=40 * S, **values)
        )

    def test_a_blink_is_too_short_for_shares(self) -> None:
        self.check(None, measured(
            worker_ns=S // 2, saturated_ns=S // 2, slot_ns=S // 2,
            cpu_wait_ns=S // 2,
        ))

    def test_facts_are_seconds_and_shares(self) -> None:
        found = saturation.facts(
            measured(
                [2 * MS], [3 * MS], worker_ns=4 * S, cpu_ns=S, slot_ns=8 * S,
                cpu_wait_ns=S, held_ns=S // 100, held=3, spool_wait_ns=S,
            ),
            of([5 * MS]), of([S]),
        )
        self.assertEqual(
            {
                "lag_p95_s": 0.005, "scheduler_lag_p95_s": 0.002,
                "cpu_share": 0.25, "cpu_wait_share": 0.125,
                "back_pressure_s": 0.01, "back_pressure_count": 3,
                "spool_wait_s": 1.0, "late_for_a_seat": 1,
                "limited_by": ["its threads waited for a CPU for 12 % of "
                               "the time"],
            },
            found,
        )
