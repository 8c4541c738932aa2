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

"""On which CPUs the workers of this process run.

A worker with several threads is bound to one. Several agents on one host
share its CPUs out: each with workers for all of them would only take turns.
"""

from __future__ import annotations

import contextlib
import os

#: names those to use of the ones this process may run on: ``0,2``
VARIABLE = "RALLY_WORKER_CPUS"


def usable() -> list[int]:
    """CPUs that workers of this process may be bound to, ascending."""
    allowed = os.sched_getaffinity(0)
    words = os.environ.get(VARIABLE, "").split(",")
    return sorted(
        allowed & {int(word) for word in words if word.isdecimal()} or allowed
    )


def shares(count: int) -> list[list[int]]:
    """The CPUs dealt out to *count* agents, at least one to each."""
    cpus = usable()
    return [
        cpus[i::count] or [cpus[i % len(cpus)]] for i in range(count)
    ]


def bind(index: int, slots: int) -> None:
    """Run on one CPU from now on, or with a single slot on any of them.

    Threads of one CPU hand over to each other many times cheaper. A worker
    that has one thread for iterations has little to hand over: where it runs
    is left to the kernel, which knows the workers of other agents too.

    :param index: of the worker; those of one process spread over its CPUs
    :param slots: iterations that may run at once in it
    """
    cpus = usable()
    chosen = {cpus[index % len(cpus)]} if slots > 1 else set(cpus)
    with contextlib.suppress(OSError):  # a container may forbid it
        os.sched_setaffinity(0, chosen)
