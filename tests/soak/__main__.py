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

"""``python -m tests.soak``: many agents, then a long run.

Exit status 1 if something grew, something is not accounted for, or the
controller was too slow.
"""

from __future__ import annotations

import argparse
import sys

from rally import plugins
from tests.soak import endurance, many

MINUTES = 30.0


def run_many(agents: int, seconds: float, per_second: int) -> list[str]:
    """A fleet of simulated agents; what does not hold."""
    print("== %d simulated agents" % agents, flush=True)
    site = many.Site(agents, per_second)
    problems = []
    try:
        if not per_second:
            return without_rows(site, seconds)
        for criterion in many.LIMITS:
            figures = many.measure(site, criterion, seconds)
            print(figures, flush=True)
            problems += figures.problems()
    finally:
        site.close()
    return problems


def without_rows(site: many.Site, seconds: float) -> list[str]:
    """Agents that have no results; what does not hold."""
    spent_ms = many.ms_per_agent(site, seconds)
    text = "the controller spends %.3f ms of CPU on an agent each second"
    print(text % spent_ms, flush=True)
    is_too_much = spent_ms > many.MOST_MS_PER_AGENT
    return [text % spent_ms] if is_too_much else []


def run_soak(minutes: float, seed: int, leak: int) -> list[str]:
    """A long run; what does not hold."""
    print("== a soak of %g minutes, seed %d" % (minutes, seed), flush=True)
    soak = endurance.Endurance(minutes * 60, seed, leak)
    try:
        return soak.run()
    finally:
        soak.close()


def main(words: list[str]) -> int:
    """Do what the command line says; the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak", description=__doc__
    )
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--agents", type=int, default=many.AGENTS)
    parser.add_argument(
        "--seconds", type=float, default=many.STEADY_S,
        help="how long the simulated agents are measured",
    )
    parser.add_argument(
        "--rate", type=int, default=many.PER_SECOND,
        help="iterations per second of each simulated agent; 0: it has no "
        "results",
    )
    parser.add_argument("--only", choices=("many", "soak"))
    parser.add_argument(
        "--leak", type=int, default=0,
        help="bytes each iteration leaks: see the soak fail",
    )
    given = parser.parse_args(words)
    plugins.load()
    problems = []
    if given.only != "soak":
        problems += run_many(given.agents, given.seconds, given.rate)
    if given.only != "many":
        problems += run_soak(given.minutes, given.seed, given.leak)
    for problem in problems:
        print("FAILED: %s" % problem, flush=True)
    print("failed" if problems else "passed", flush=True)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
