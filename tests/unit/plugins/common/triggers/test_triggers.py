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

"""Tests of the triggers of hooks."""

from __future__ import annotations

import typing as t

import ddt
import hypothesis
from hypothesis import strategies as st

from rally.plugins.common import validators  # noqa: F401 (registers)
from rally.plugins.common.triggers import event, periodic
from rally.task import hook
from tests.unit import test


class _Noted(hook.HookAction):
    """Remembers nothing, does nothing."""

    @classmethod
    def get_name(cls) -> str:
        return "noted"

    def run_async(self) -> None:
        pass

    def run(self) -> None:
        pass


def _fired(
    cls: type[hook.HookTrigger], config: t.Any, values: t.Iterable[int]
) -> list[int]:
    """Which of *values* start the action."""
    hook_cfg = {"action": ("noted", None), "trigger": ("x", config)}
    trigger = cls(hook_cfg, {"uuid": "t"}, _Noted)
    unit = trigger.get_listening_event()
    assert unit == config["unit"]
    (other,) = {"time", "iteration"} - {unit}
    assert not any(trigger.on_event(other, value) for value in range(9))
    return [value for value in values if trigger.on_event(unit, value)]


@ddt.ddt
class EventTriggerTestCase(test.TestCase):
    @ddt.data("time", "iteration")
    def test_it_fires_at_its_values(self, unit: str) -> None:
        config = {"unit": unit, "at": [2, 7]}
        self.assertEqual([2, 7], _fired(event.EventTrigger, config, range(10)))

    @ddt.data({"unit": "time", "at": [0, 1]}, {"unit": "iteration", "at": [1]})
    def test_good_configs(self, config: t.Any) -> None:
        self.assertEqual(
            [], hook.HookTrigger.validate("event", {}, None, config)
        )

    @ddt.data(
        {"unit": "iteration", "at": [0]},
        {"unit": "time", "at": []},
        {"unit": "time", "at": [1, 1]},
        {"unit": "time", "at": ["1"]},
        {"unit": "time"},
        {"unit": "day", "at": [1]},
        {"unit": "time", "at": [1], "x": 1},
        [],
    )
    def test_bad_configs(self, config: t.Any) -> None:
        self.assertEqual(
            1, len(hook.HookTrigger.validate("event", {}, None, config))
        )


@ddt.ddt
class PeriodicTriggerTestCase(test.TestCase):
    @hypothesis.settings(max_examples=60)
    @hypothesis.given(
        unit=st.sampled_from(["time", "iteration"]),
        step=st.integers(1, 9),
        start=st.none() | st.integers(1, 20),
        end=st.none() | st.integers(1, 40),
    )
    def test_it_fires_at_equal_distances(
        self, unit: str, step: int, start: int | None, end: int | None
    ) -> None:
        config: dict[str, t.Any] = {"unit": unit, "step": step}
        config.update({} if start is None else {"start": start})
        config.update({} if end is None else {"end": end})
        first = (unit == "iteration") if start is None else start
        last = 50 if end is None else end
        self.assertEqual(
            list(range(int(first), last + 1, step)),
            _fired(periodic.PeriodicTrigger, config, range(51)),
        )

    @ddt.data(
        {"unit": "time", "step": 1, "start": 0, "end": 1},
        {"unit": "iteration", "step": 2, "start": 1},
    )
    def test_good_configs(self, config: t.Any) -> None:
        self.assertEqual(
            [], hook.HookTrigger.validate("periodic", {}, None, config)
        )

    @ddt.data(
        {"unit": "iteration", "step": 1, "start": 0},
        {"unit": "time", "step": 0},
        {"unit": "time"},
        {"unit": "time", "step": 1, "end": 0},
    )
    def test_bad_configs(self, config: t.Any) -> None:
        self.assertEqual(
            1, len(hook.HookTrigger.validate("periodic", {}, None, config))
        )
