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

"""What 200 agents cost the controller; the agents are simulated."""

from __future__ import annotations

import contextlib
import typing as t

from rally import plugins
from tests.benchmarks import bench, figures
from tests.soak import many

CORES = figures.Budget.below(many.MOST_CORES, "below one")


def measure(given: bench.Bench) -> t.Iterator[figures.Result]:
    plugins.load()
    agents, seconds = given.sizes.simulated_agents, given.sizes.steady_s
    with contextlib.closing(many.Site(agents, many.PER_SECOND)) as site:
        for criterion, limit_s in many.LIMITS.items():
            found = many.measure(site, criterion, seconds)
            yield figures.Result.judged(
                "Cores the controller of %d agents needs, %s iterations/s"
                % (agents, format(round(found.per_second), ",")),
                "%.2f, and %.0f MiB; %s iterations/s stored"
                % (found.cores, found.rss_mib,
                   format(round(found.stored_per_second), ",")),
                found.cores, CORES,
            )
            yield figures.Result.judged(
                "From a violation of %s by one of %d agents to the stop of "
                "the last" % (criterion, agents),
                "%.2f s" % found.stop_s, found.stop_s,
                figures.Budget.at_most(limit_s, "at most %g s" % limit_s),
            )
