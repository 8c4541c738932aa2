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

"""Agents that are killed, or not run for a while."""

from __future__ import annotations

import time

from tests.cluster import cluster

TIMES = 900
AT_ONCE = 6
CLOSED = {"constant": {"times": TIMES, "concurrency": AT_ONCE}}
LOST_LINE = "agent n2 was lost: it missed its liveness deadline"


class KilledAgentTestCase(cluster.TestCase):
    def test_costs_only_what_it_was_granted(self):
        run = self.start_load(CLOSED, sleep=0.05)
        self.wait_for_visits(run, 200)

        self.agents["n2"].kill()

        done = run.finish()
        self.assertEqual(0, done.code, done.out)
        self.assertIn(LOST_LINE, run.log)
        self.check_accounting(run.workload, TIMES, AT_ONCE, {"n2"})
        self.check_order(run.workload)
        self.assertNotEqual([], run.workload.lost)
        self.figure("lost with a killed agent", str(run.workload.lost_count))
        self.discard_spool("n2")

    def test_restarted_it_delivers_what_it_kept_and_goes_on(self):
        # it counts as lost by its restart, however long that takes
        times = 1500
        run = self.start_load(
            {"constant": {"times": times, "concurrency": AT_ONCE}},
            sleep=0.05, agent_timeout=30,
        )
        self.wait_for_visits(run, 200)
        victim = self.agents["n2"]

        victim.kill()
        killed = cluster.now()
        self.start_host("n2")

        run.wait_for_log("agent n2 was lost: its process was restarted")
        settled = self.wait_until_settled(run, "n2")
        run.finish()
        self.check_accounting(run.workload, times, AT_ONCE, {"n2"})
        self.check_order(run.workload)
        self.assertIn("agent n2 makes load again", run.log)
        later = [
            event.at for event in self.referee.arrivals(victim.address)
            if event.at > killed + 0.5
        ]
        self.assertGreater(min(later), settled)
        self.figure(
            "a restarted agent makes load again",
            "%.1f s after its end" % (min(later) - killed),
        )


class FrozenAgentTestCase(cluster.TestCase):
    #: seconds; below and above the liveness deadline
    SHORT_S, LONG_S = 3.0, cluster.TIMEOUT_S + 4.0

    def begin(self, times=TIMES):
        run = self.start_load(
            {"constant": {"times": times, "concurrency": AT_ONCE}},
            sleep=0.05,
        )
        self.wait_for_visits(run, 200)
        return run

    def freeze_for(self, seconds):
        """Freeze an agent; when it was frozen."""
        agent = self.agents["n2"]
        agent.freeze()
        frozen = cluster.now()
        time.sleep(seconds)
        agent.thaw()
        return frozen

    def test_for_less_than_its_deadline_nothing_is_lost(self):
        run = self.begin()

        self.freeze_for(self.SHORT_S)

        done = run.finish()
        self.assertEqual(0, done.code, done.out)
        self.check_accounting(run.workload, TIMES, AT_ONCE)

    def test_for_longer_it_is_fenced_and_delivers_what_it_did(self):
        times = 1200  # enough for the others until it is back
        run = self.begin(times)

        frozen = self.freeze_for(self.LONG_S)

        thawed = cluster.now()
        settled = self.wait_until_settled(run, "n2")
        run.finish()
        self.assertIn(LOST_LINE, run.log)
        self.assertIn("agent n2 came back", run.log)
        self.check_accounting(run.workload, times, AT_ONCE, {"n2"})
        later = [
            event for event in self.referee.arrivals(
                self.agents["n2"].address
            ) if frozen + 0.5 < event.at < settled
        ]
        self.figure(
            "starts of a fenced agent once it runs again",
            "%d of %d" % (len(later), run.workload.lost_count),
        )
        # a process that was frozen between its look at the lease and the
        # arrival cannot call it back; one for each place to run
        self.assertLessEqual(len(later), AT_ONCE // len(self.AGENTS))
        self.assertTrue(all(event.at < thawed + 1 for event in later), later)
