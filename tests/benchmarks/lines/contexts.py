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

"""What an iteration costs that reads one user of many in its context."""

from __future__ import annotations

import time
import typing as t

from rally.task.load import copied_on_touch, isolation
from tests.benchmarks import bench, figures

USERS = (1_000, 5_000, 20_000)
ITERATIONS = 500
BUDGET = figures.Budget.at_most(0.1, "at most 0.1 ms")


def measure(given: bench.Bench) -> t.Iterator[figures.Result]:
    for users in USERS:
        copy = isolation.copier(_cloud(users))
        took_ms = min(_read(copy, users) for _ in range(given.sizes.runs))
        yield figures.Result.judged(
            "Copy of a context with %s users for an iteration that reads "
            "one of them, CPU" % format(users, ","),
            "%.3f ms" % took_ms, took_ms, BUDGET, iteration_ms=took_ms,
        )


def _read(copy: t.Callable[[], t.Any], users: int) -> float:
    started_ns = time.process_time_ns()
    for i in range(ITERATIONS):
        context = copy()
        user = context["users"][i % users]
        context["user"], context["tenant"] = (
            user, context["tenants"][user["tenant_id"]]
        )
        copied_on_touch.release(context)
    return (time.process_time_ns() - started_ns) / 1e6 / ITERATIONS


def _cloud(users: int) -> dict[str, t.Any]:
    """As the context ``users`` of rally-openstack leaves it."""
    context: dict[str, t.Any] = {"users": [], "tenants": {}, "config": {}}
    for i in range(users):
        tenant_id = "tenant-%d" % (i // 2)
        tenant = context["tenants"].setdefault(
            tenant_id, {"id": tenant_id, "name": "c_rally_x", "users": []}
        )
        credential = {"option%d" % n: "value" for n in range(18)}
        user = {
            "id": "user-%d" % i, "tenant_id": tenant_id,
            "credential": {"username": "user-%d" % i, **credential},
        }
        context["users"].append(user)
        tenant["users"].append(user)
    return context
