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

"""Is it the generator? What making a load asked of the host that made it.

A slow result may be the fault of whoever measured. So each agent measures
how late its threads ran, how much CPU its workers got and wanted, and for
how long iterations waited for results to be taken away; ``limits`` says in
sentences where that changed the load.
"""

from __future__ import annotations

import typing as t

from rally.common import portable
from rally.task.results.distribution import Distribution
from rally.task.results.row import NS

#: a thread that is late by less is of no account: on idle virtual machines
#: timers are met within 1 to 4 ms at p99
LATE_NS = 10_000_000
#: and so is one that is late by less than this part of an iteration: it
#: changes durations, and the rate of a closed model, by no more than that
LATE_PART = 0.1
#: lateness counts at p95, that is if one in twenty is late ...
LATE_SHARE = 0.05
#: ... of no fewer than so many; the p95 of less is the worst of them
MIN_COUNT = 20
#: a worker has one CPU: one that gets more of it than this has used it up
SATURATED = 0.9
#: such a worker limits the load if it lasts; starting up does not
SATURATED_SHARE = 0.25
#: share of the time of iterations that their threads waited for a CPU
CPU_WAIT_SHARE = 0.1
#: share of that time in which results had to be taken away first
HELD_SHARE = 0.01
#: time of workers after which shares of it say something
MIN_WORKER_NS = NS

#: what adds up: see ``Saturation``
SUMS = (
    "worker_ns", "cpu_ns", "saturated_ns", "slot_ns", "cpu_wait_ns",
    "held_ns", "held", "spool_wait_ns",
)


class Saturation:
    """What a load asked of its generator; part of an ``Aggregate``.

    Merge law as for ``Aggregate``. The sums, over all workers:

    * ``worker_ns``: time in which a worker process made load;
    * ``cpu_ns``: CPU time it used; a worker is bound to one CPU;
    * ``saturated_ns``: that of ``worker_ns`` in which it had used that up;
    * ``slot_ns``: time of the threads that run iterations;
    * ``cpu_wait_ns``: that of it in which they could run, and had no CPU;
    * ``held_ns``, ``held``: that of it in which they waited until results
      were taken away, and how often;
    * ``spool_wait_ns``: time in which results waited for spool or database.
    """

    __slots__ = ("scheduler_lag", "slot_wait", *SUMS)

    def __init__(self) -> None:
        #: how late threads ran that wanted to at a known moment
        self.scheduler_lag = Distribution()
        #: how late those starts were that had to wait for a free thread
        #: because as many iterations as allowed ran already
        self.slot_wait = Distribution()
        self.worker_ns = self.cpu_ns = self.saturated_ns = 0
        self.slot_ns = self.cpu_wait_ns = 0
        self.held_ns = self.held = self.spool_wait_ns = 0

    def merge(self, other: Saturation) -> None:
        """Learn what *other* knows, which stays as it is."""
        self.scheduler_lag.merge(other.scheduler_lag)
        self.slot_wait.merge(other.slot_wait)
        for name in SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def to_state(self) -> dict[str, t.Any]:
        return {
            "scheduler_lag": self.scheduler_lag.to_state(),
            "seat_wait": self.slot_wait.to_state(),
            "sums": [portable.pack_int(getattr(self, x)) for x in SUMS],
        }

    @classmethod
    def from_state(cls, state: t.Any) -> Saturation:
        """Inverse of ``to_state``.

        :raises MalformedState: *state* is not of a ``Saturation``
        """
        self = cls()
        with portable.reading(cls.__name__):
            self.scheduler_lag = Distribution.from_state(
                state["scheduler_lag"]
            )
            self.slot_wait = Distribution.from_state(state["seat_wait"])
            for name, value in zip(SUMS, state["sums"], strict=True):
                setattr(self, name, portable.unpack_int(value))
        return self


def limits(
    measured: Saturation, lag: Distribution, durations: Distribution
) -> list[str]:
    """Why the load is not what it should be, through its generator.

    A slow target is no reason: what it does to durations makes starts late
    only once as many iterations as allowed run, which does not count here.

    :param lag: how late iterations started (open model)
    :param durations: of the iterations
    :returns: sentences without a subject; none: it was not limited
    """
    late_ns = max(LATE_NS, LATE_PART * (durations.percentile(0.5) or 0.0))
    found = [
        _late_threads(measured, late_ns), _late_starts(measured, lag, late_ns)
    ]
    if measured.worker_ns >= MIN_WORKER_NS:
        found += [_saturated(measured), _starved(measured), _held(measured)]
    return [sentence for sentence in found if sentence]


def _late_threads(measured: Saturation, late_ns: float) -> str:
    p95 = measured.scheduler_lag.percentile(1 - LATE_SHARE) or 0.0
    if measured.scheduler_lag.count < MIN_COUNT or p95 <= late_ns:
        return ""
    return "its threads ran %.0f ms late (p95)" % (p95 / 1e6)


def _late_starts(
    measured: Saturation, lag: Distribution, late_ns: float
) -> str:
    late = late_starts(measured, lag, late_ns)
    if lag.count < MIN_COUNT or late <= LATE_SHARE * lag.count:
        return ""
    return (
        "%.0f %% of its iterations started more than %.0f ms late, with a "
        "thread to spare" % (100 * late / lag.count, late_ns / 1e6)
    )


def late_starts(
    measured: Saturation, lag: Distribution, late_ns: float
) -> int:
    """How many iterations started later than that, not for want of a slot.
    """
    def is_late(value_ns: float) -> bool:
        return value_ns > late_ns

    return max(
        0, lag.count_above(is_late) - measured.slot_wait.count_above(is_late)
    )


def _saturated(measured: Saturation) -> str:
    share = measured.saturated_ns / measured.worker_ns
    if share < SATURATED_SHARE:
        return ""
    return (
        "its workers used up their CPUs for %.0f %% of the time"
        % (100 * share)
    )


def _starved(measured: Saturation) -> str:
    share = _share(measured.cpu_wait_ns, measured.slot_ns)
    if share < CPU_WAIT_SHARE:
        return ""
    return (
        "its threads waited for a CPU for %.0f %% of the time" % (100 * share)
    )


def _held(measured: Saturation) -> str:
    share = _share(measured.held_ns, measured.slot_ns)
    if share < HELD_SHARE:
        return ""
    return (
        "its iterations waited %.1f s, %.0f %% of their time, until results "
        "were taken away" % (measured.held_ns / NS, 100 * share)
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def facts(
    measured: Saturation, lag: Distribution, durations: Distribution
) -> dict[str, t.Any]:
    """What reports show of a generator; times in seconds, shares 0 to 1."""
    is_measured = measured.worker_ns > 0
    return {
        "lag_p95_s": _seconds(lag.percentile(0.95)) if lag.max_ns else None,
        "scheduler_lag_p95_s": _seconds(
            measured.scheduler_lag.percentile(0.95)
        ),
        "cpu_share": (
            measured.cpu_ns / measured.worker_ns if is_measured else None
        ),
        "cpu_wait_share": (
            _share(measured.cpu_wait_ns, measured.slot_ns)
            if is_measured else None
        ),
        "back_pressure_s": measured.held_ns / NS,
        "back_pressure_count": measured.held,
        "spool_wait_s": measured.spool_wait_ns / NS,
        "late_for_a_seat": measured.slot_wait.count,
        "limited_by": limits(measured, lag, durations),
    }


def _seconds(ns: float | None) -> float | None:
    return None if ns is None else ns / NS
