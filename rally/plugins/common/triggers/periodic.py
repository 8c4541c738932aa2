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

"""The trigger of moments at equal intervals."""

from __future__ import annotations

import typing as t

from rally import consts
from rally.task import hook

_FIRST = {"time": 0, "iteration": 1}


def _every(unit: str, description: str) -> dict[str, t.Any]:
    return {
        "description": description,
        "properties": {
            "unit": {
                "enum": [unit],
                "description": "What start, end and step count.",
            },
            "start": {
                "type": "integer", "minimum": _FIRST[unit],
                "description": "When the action runs first (by default at "
                               "second %d, or iteration %d)."
                               % tuple(_FIRST.values()),
            },
            "end": {
                "type": "integer", "minimum": 1,
                "description": "The last moment or iteration at which the "
                               "action may run (none by default).",
            },
            "step": {
                "type": "integer", "minimum": 1,
                "description": "How far apart two runs of the action are.",
            },
        },
        "required": ["unit", "step"],
        "additionalProperties": False,
    }


@hook.configure(name="periodic")
class PeriodicTrigger(hook.HookTrigger):
    """Runs the hook again and again, at equal intervals."""

    CONFIG_SCHEMA: t.Any = {
        "type": "object",
        "$schema": consts.JSON_SCHEMA,
        "oneOf": [
            _every("time", "By seconds after the first iteration has "
                   "started:"),
            _every("iteration", "By the numbers of iterations that start:"),
        ],
    }

    def __init__(
        self,
        hook_cfg: dict[str, t.Any],
        task: t.Any,
        hook_cls: type[hook.HookAction],
    ) -> None:
        super().__init__(hook_cfg, task, hook_cls)
        unit = self.config["unit"]
        self._start: int = self.config.get("start", _FIRST[unit])
        self._end: float = self.config.get("end", float("inf"))

    def get_listening_event(self) -> str:
        return self.config["unit"]

    def on_event(self, event_type: str, value: t.Any = None) -> bool:
        if event_type != self.get_listening_event():
            return False
        if not self._start <= value <= self._end:
            return False
        if (value - self._start) % self.config["step"]:
            return False
        return super().on_event(event_type, value)
