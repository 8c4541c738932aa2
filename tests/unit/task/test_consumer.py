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

"""Tests of how often merged aggregates are looked at."""

from __future__ import annotations

import ddt

from rally.task import consumer
from tests.unit import test


@ddt.ddt
class JudgeIntervalTestCase(test.TestCase):
    @ddt.data(
        (0.0, 0.1),  # few agents: ten times a second
        (0.001, 0.1),
        (0.03, 0.3),  # many: looking takes a tenth of one CPU
        (5.0, 1.0),  # however many: once a second
    )
    @ddt.unpack
    def test_many_agents_are_looked_at_less_often(self, look_s, expected):
        self.assertAlmostEqual(expected, consumer.judge_interval_s(look_s))
