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
"""Giving way to a thread that may not be held up."""

from __future__ import annotations

import threading

from rally.common import right_of_way
from tests.unit import test


class RightOfWayTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        self.way = right_of_way.RightOfWay()
        self.patch(right_of_way, "MOST_S", 60)

    def give_way(self):
        """Have another thread give way; is told when it goes on."""
        goes_on = threading.Event()

        def work():
            self.way.give_way()
            goes_on.set()

        thread = threading.Thread(target=work)
        thread.start()
        self.addCleanup(thread.join, 20)
        return goes_on

    def test_nobody_waits_while_nobody_claims_it(self):
        self.assertTrue(self.give_way().wait(20))

        self.way.claim()
        self.way.release()
        self.assertTrue(self.give_way().wait(20))

    def test_others_wait_until_it_is_released(self):
        self.way.claim()
        goes_on = self.give_way()

        self.assertFalse(goes_on.wait(0.05))
        self.way.release()
        self.assertTrue(goes_on.wait(20))

    def test_nobody_waits_for_ever(self):
        self.patch(right_of_way, "MOST_S", 0.01)
        self.way.claim()

        self.assertTrue(self.give_way().wait(20))
