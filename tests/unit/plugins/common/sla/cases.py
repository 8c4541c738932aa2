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

"""Help for the tests of single criteria."""

from __future__ import annotations

import importlib
import typing as t

from rally.task import sla


def iteration(
    duration: float, failed: bool = False, **actions: float
) -> dict[str, t.Any]:
    """A result.

    :param actions: name of a top-level action -> seconds
    """
    return {
        "duration": duration, "timestamp": 0.0, "idle_duration": 0.0,
        "error": ["ValueError", "no", "Traceback"] if failed else [],
        "output": {"additive": [], "complete": []},
        "atomic_actions": [
            {"name": name, "started_at": 0.0, "finished_at": seconds,
             "children": []}
            for name, seconds in actions.items()
        ],
    }


def problems(name: str, value: t.Any) -> list[str]:
    """What validation says about *value* of the criterion *name*."""
    importlib.import_module("rally.plugins.common.validators")
    return sla.SLA.validate(name, {}, None, value)
