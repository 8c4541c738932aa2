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

"""One clock for everything a run measures.

Durations come from the monotonic clock. A timestamp is a wall base, read
once, plus monotonic time, so a step of the wall clock falsifies nothing. All
processes of one agent share the base through ``RALLY_WALL_BASE_NS``: their
monotonic clock is the same one already (Linux ``CLOCK_MONOTONIC`` is per
host).
"""

from __future__ import annotations

import os
import pathlib
import time

WALL_BASE_VARIABLE = "RALLY_WALL_BASE_NS"

#: readings of both clocks of which the closest to each other counts
READINGS = 5


def _wall_base_ns() -> int:
    """Nanoseconds since the epoch at which the monotonic clock read zero.

    A process may be kept from running between two readings of a clock.
    """
    found = []
    for _ in range(READINGS):
        before, wall, after = (
            time.monotonic_ns(), time.time_ns(), time.monotonic_ns(),
        )
        found.append((after - before, wall - (before + after) // 2))
    return min(found)[1]


#: the base of all timestamps of this process
WALL_BASE_NS: int = int(
    os.environ.get(WALL_BASE_VARIABLE) or _wall_base_ns()
)
#: names the boot of the host; the monotonic clock begins anew with each
BOOT_ID_FILE = pathlib.Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """Name of this boot of the host; empty if the host does not say."""
    try:
        return BOOT_ID_FILE.read_text().strip()
    except OSError:  # not Linux
        return ""


def now_ns() -> int:
    """Nanoseconds since the epoch; never goes back."""
    return WALL_BASE_NS + time.monotonic_ns()


def now() -> float:
    """Seconds since the epoch; never goes back."""
    return (WALL_BASE_NS + time.monotonic_ns()) / 1_000_000_000


def to_ns(seconds: float) -> int:
    """Nanoseconds of a float of seconds, without the error of one product.

    ``seconds * 1e9`` of a present-day timestamp is off by up to 128 ns;
    splitting off the whole seconds first keeps every bit of the float.
    """
    whole = int(seconds)
    return whole * 1_000_000_000 + round((seconds - whole) * 1e9)
