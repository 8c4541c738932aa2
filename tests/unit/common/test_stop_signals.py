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

"""Signals that ask a process for its end."""

from __future__ import annotations

import contextlib
import os
import signal
import threading

import ddt

from rally.common import stop_signals
from tests.unit import test


@contextlib.contextmanager
def disposition(number, handler):
    """Within the block, this signal is handled so."""
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)


@ddt.ddt
class StopSignalsTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        self.seen = []

    def take(self, number, frame):
        self.seen.append(number)

    @ddt.data(signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    def test_each_is_handled_within_the_block_only(self, number):
        with disposition(number, signal.default_int_handler):
            with stop_signals.handled(self.take):
                os.kill(os.getpid(), number)
            after = signal.getsignal(number)

        self.assertEqual([number], self.seen)
        self.assertEqual(signal.default_int_handler, after)

    def test_a_closed_terminal_that_is_ignored_stays_ignored(self):
        with disposition(signal.SIGHUP, signal.SIG_IGN):
            with stop_signals.handled(self.take):
                os.kill(os.getpid(), signal.SIGHUP)
            after = signal.getsignal(signal.SIGHUP)

        self.assertEqual([], self.seen)
        self.assertEqual(signal.SIG_IGN, after)

    def test_another_thread_changes_nothing(self):
        found = []

        def look():
            with stop_signals.handled(self.take):
                found.append(signal.getsignal(signal.SIGTERM))

        before = signal.getsignal(signal.SIGTERM)
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()

        self.assertEqual([before], found)
