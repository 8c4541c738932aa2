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

"""Tests of how long threads may keep the interpreter."""

from __future__ import annotations

import sys

from rally.task.load import switching
from tests.unit import test


class SwitchingTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(sys.setswitchinterval, sys.getswitchinterval())

    def test_an_open_load_of_any_size_begins_with_few_threads(self) -> None:
        switching.begin(is_open=True)
        switching.grown_to(2)
        self.assertAlmostEqual(switching.OPEN_S, sys.getswitchinterval())

    def test_many_threads_save_wake_ups(self) -> None:
        switching.begin(is_open=False)
        for threads in range(1, switching.MANY_THREADS + 1):
            switching.grown_to(threads)
        self.assertAlmostEqual(switching.CLOSED_S, sys.getswitchinterval())
        switching.grown_to(switching.MANY_THREADS + 1)
        self.assertAlmostEqual(switching.MANY_S, sys.getswitchinterval())
