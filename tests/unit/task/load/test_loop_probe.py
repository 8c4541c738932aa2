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

"""Tests of the thread that asks an event loop how late it is."""

from __future__ import annotations

import asyncio
import threading

from rally.task.load import loop_probe
from tests.unit import test


class LoopProbeTestCase(test.TestCase):
    def test_a_stop_just_before_it_asks_is_not_missed(self) -> None:
        loop = asyncio.new_event_loop()  # it runs no more
        self.addCleanup(loop.close)
        probe = loop_probe.LoopProbe(
            loop, threading.get_ident(), lambda lag_ns: None,
            lambda text: None,
        )

        class Answered(threading.Event):
            def clear(self) -> None:
                probe._stop.set()
                self.set()
                super().clear()

        probe._answered = Answered()
        probe._thread.start()
        probe._thread.join(20)
        is_alive = probe._thread.is_alive()
        probe._answered.set()
        self.assertFalse(is_alive)
