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

from __future__ import annotations

from rally.task.load import hangs, peer, shared
from tests.unit import test

NS = 1_000_000_000


class Process:
    is_killed = False

    def kill(self):
        self.is_killed = True


def worker():
    return peer.Peer(
        name="worker-1", index=0, slots=1, process=Process(), exit_fd=-1,
        results_fd=-1, control_fd=-1, sla_config={},
        watch=shared.Words(1).view,
    )


class HangWatchTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        self.watch = hangs.HangWatch(1.0)
        self.worker = worker()

    def look(self, *moments):
        for now in moments:
            self.watch.end_hung([self.worker], now)
        return self.worker.process.is_killed

    def test_a_watchdog_that_never_looks_again_is_noticed(self):
        self.worker.watch[0] = 100 * NS
        self.assertFalse(self.look(*range(90, 105)))

        self.assertTrue(self.look(105))
        self.assertIn("hung", self.worker.verdict)
        self.assertIsNone(self.watch.next_look([self.worker]))

    def test_one_that_looks_late_is_not_blamed(self):
        for now in range(100, 200):
            self.worker.watch[0] = now * NS - 1
            self.assertFalse(self.look(now))

    def test_a_pool_that_was_not_run_blames_nobody(self):
        self.worker.watch[0] = 100 * NS
        self.assertFalse(self.look(101, 500, 500.5))

        self.worker.watch[0] = 501 * NS
        self.assertFalse(self.look(501.5, 502.5))

    def test_many_looks_in_a_second_are_one(self):
        self.worker.watch[0] = 100 * NS
        self.assertFalse(self.look(*(101 + i / 100 for i in range(100))))

    def test_it_is_looked_at_when_it_is_late_and_then_each_second(self):
        self.assertIsNone(self.watch.next_look([self.worker]))
        self.worker.watch[0] = 100 * NS
        self.assertEqual(100, self.watch.next_look([self.worker]))
        self.look(100.5)
        self.assertEqual(101.5, self.watch.next_look([self.worker]))

    def test_without_a_timeout_nobody_hangs(self):
        self.watch = hangs.HangWatch(None)
        self.worker.watch[0] = 100 * NS
        self.assertIsNone(self.watch.next_look([self.worker]))
        self.assertFalse(self.look(*range(100, 200)))
