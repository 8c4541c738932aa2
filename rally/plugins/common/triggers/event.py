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

"""The trigger of single moments."""

from __future__ import annotations

import typing as t

from rally import consts
from rally.task import hook


def _at(unit: str, minimum: int, description: str) -> dict[str, t.Any]:
    return {
        "description": description,
        "properties": {
            "unit": {
                "enum": [unit], "description": "What the numbers of at count.",
            },
            "at": {
                "type": "array",
                "minItems": 1,
                "uniqueItems": True,
                "items": {"type": "integer", "minimum": minimum},
                "description": "When the action runs, once at each.",
            },
        },
        "required": ["unit", "at"],
        "additionalProperties": False,
    }


@hook.configure(name="event")
class EventTrigger(hook.HookTrigger):
    """Runs the hook at given moments or iterations."""

    CONFIG_SCHEMA: t.Any = {
        "type": "object",
        "$schema": consts.JSON_SCHEMA,
        "oneOf": [
            _at("time", 0, "At whole seconds after the first iteration has "
                "started:"),
            _at("iteration", 1, "When iterations of these numbers start:"),
        ],
    }

    def get_listening_event(self) -> str:
        return self.config["unit"]

    def on_event(self, event_type: str, value: t.Any = None) -> bool:
        if event_type != self.config["unit"]:
            return False
        if value not in self.config["at"]:
            return False
        return super().on_event(event_type, value)
