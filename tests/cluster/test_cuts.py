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

"""Links that carry one direction only, and are mended later."""

from __future__ import annotations

import time

import ddt

from tests.cluster import cluster
from tests.functional.sandbox import wait_until

#: enough for the others until the one that was cut off is back
TIMES = 1500
AT_ONCE = 6
CLOSED = {"constant": {"times": TIMES, "concurrency": AT_ONCE}}


@ddt.ddt
class OneWayCutTestCase(cluster.TestCase):
    """Healed after twice the lease, when the agent was lost or was not."""

    TIMEOUT_S = 3.0

    def cut_off(self, source, target, how):
        """Cut a link for twice the lease; when it was cut."""
        cut = cluster.now()
        self.hosts.cut(source, target, how)
        time.sleep(2 * cluster.LEASE_S)
        self.healed = cluster.now()
        self.hosts.heal(source, target, how)
        return cut

    @ddt.data(
        ("n2", cluster.CONTROLLER, "silent"),
        (cluster.CONTROLLER, "n2", "silent"),
        ("n2", cluster.CONTROLLER, "blackhole"),
    )
    @ddt.unpack
    def test_fences_the_agent_and_its_spool_is_collected(
        self, source, target, how
    ):
        run = self.start_load(
            CLOSED, sleep=0.06, agent_timeout=self.TIMEOUT_S
        )
        self.wait_for_visits(run, 200)
        agent = self.agents["n2"]

        cut = self.cut_off(source, target, how)

        last = max(
            event.at for event in self.referee.arrivals(agent.address)
            if event.at < self.healed
        )
        self.figure(
            "last arrival after the cut of %s to %s (%s)"
            % (source, target, how), "%.2f s" % (last - cut),
        )
        self.assertLess(last - cut, cluster.LEASE_S + 1)
        settled = self.wait_until_settled(run, "n2")
        done = run.finish()
        self.assertEqual(0, done.code, done.out)
        self.check_accounting(run.workload, TIMES, AT_ONCE, {"n2"})
        is_lost = "agent n2 was lost" in run.log
        self.figure("lost", str(run.workload.lost_count))
        if is_lost:
            self.assertEqual([], [
                event for event in self.referee.arrivals(agent.address)
                if self.healed < event.at < settled
            ])
        wait_until(
            lambda: not agent.spooled(), cluster.SOON_S,
            "the spool of the agent that was cut off is empty",
        )


class UnpluggedTestCase(cluster.TestCase):
    def test_an_agent_nobody_reaches_is_lost_and_delivers_later(self):
        run = self.start_load(CLOSED, sleep=0.06)
        self.wait_for_visits(run, 200)
        agent = self.agents["n2"]

        self.hosts.unplug("n2")
        run.wait_for_log("agent n2 was lost", cluster.SOON_S)
        self.hosts.plug_in("n2")

        run.finish()
        self.assertIn("agent n2 came back", run.log)
        # the target takes the lines of a link that is mended
        self.check_accounting(run.workload, TIMES, AT_ONCE, {"n2"})
        wait_until(
            lambda: not agent.spooled(), cluster.SOON_S,
            "the agent has heard that all of it is stored",
        )
