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

"""The offset of an agent's clock and the bound of its error."""

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st

from rally.task.distributed import clock
from tests.unit import test

delays = st.integers(0, 10**9)


class ClockTestCase(test.TestCase):
    @hypothesis.given(
        offset=st.integers(-10**14, 10**14),
        ways=st.lists(
            st.tuples(delays, delays, delays), min_size=1, max_size=40
        ),
    )
    def test_the_true_offset_is_within_the_bound(self, offset, ways):
        estimate, now = clock.ClockEstimate(), 10**18
        for there, held, back in ways:
            received = now + there + offset
            sent = received + held
            answered = sent - offset + back
            estimate.add(clock.ClockSample(now, received, sent, answered))
            now = answered + 1

        error = estimate.error_ns
        self.assertIsNotNone(error)
        self.assertLessEqual(abs(estimate.offset_ns - offset), error + 1)

    @hypothesis.given(
        drift_ppm=st.integers(-clock.DRIFT_PPM, clock.DRIFT_PPM),
        ways=st.lists(
            st.tuples(delays, delays, delays), min_size=1, max_size=40
        ),
    )
    # the better sample is old, and its question was held
    @hypothesis.example(
        drift_ppm=43, ways=[(0, 162_906_977, 2_303), (0, 0, 323_279)]
    )
    def test_it_is_within_the_bound_whatever_the_drift(
        self, drift_ppm, ways
    ):
        def on_agent(ns):
            return ns + ns * drift_ppm // 1_000_000

        estimate, now = clock.ClockEstimate(), 0
        for there, held, back in ways:
            answered = now + there + held + back
            estimate.add(clock.ClockSample(
                now, on_agent(now + there), on_agent(now + there + held),
                answered,
            ))
            off = abs(estimate.offset_ns - (on_agent(answered) - answered))
            # the agent's clock reads whole nanoseconds
            self.assertLessEqual(off, estimate.error_ns + 3)
            now = answered + 500_000_000

    def test_nothing_is_known_before_the_first_exchange(self):
        estimate = clock.ClockEstimate()

        self.assertIsNone(estimate.error_ns)
        self.assertEqual((0, 0), (estimate.offset_ns, estimate.count))

    @hypothesis.given(ways=st.lists(
        st.tuples(delays, delays, delays), min_size=1, max_size=200
    ))
    def test_the_best_of_the_newest_exchanges_is_used(self, ways):
        estimate, now, samples = clock.ClockEstimate(), 10**18, []
        for there, held, back in ways:
            answered = now + there + held + back
            samples.append(clock.ClockSample(
                now, now + there, now + there + held, answered
            ))
            estimate.add(samples[-1])
            now = answered + 1

            bounds = {
                each.error_ns(answered): each.offset_ns
                for each in reversed(samples[-estimate.KEPT:])
            }
            self.assertEqual(min(bounds), estimate.error_ns)
            self.assertEqual(bounds[min(bounds)], estimate.offset_ns)
