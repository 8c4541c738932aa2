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

"""Helpers of scenarios and contexts: waiting for resources, and the like."""

from __future__ import annotations

import copy
import functools
import itertools
import traceback
import typing as t

import jsonschema

from rally import consts
from rally.common import utf8
from rally.task import waiting

get_status = waiting.get_status
resource_is = waiting.resource_is
get_from_manager = waiting.get_from_manager
manager_list_size = waiting.manager_list_size
wait_for = waiting.wait_for
wait_is_ready = waiting.wait_is_ready
wait_for_status = waiting.wait_for_status
wait_for_delete = waiting.wait_for_delete


def format_exc(exc: BaseException) -> list[str]:
    """An exception as results hold it: type, message, traceback."""
    text = "".join(
        traceback.format_exception(type(exc), exc, exc.__traceback__)
    )
    return [type(exc).__name__, utf8.text_of(exc), utf8.text_of(text)]


def infinite_run_args_generator(
    args_func: t.Callable[[int], t.Any],
) -> t.Iterator[t.Any]:
    """Yield ``args_func(0)``, ``args_func(1)``, ... without end."""
    return map(args_func, itertools.count())


class ActionBuilder:
    """Builds a list of calls from a list like ``[{"pause": 2}, ...]``.

    :param action_keywords: names of the actions such a list may hold
    """

    SCHEMA_TEMPLATE: dict[str, t.Any] = {
        "type": "array",
        "$schema": consts.JSON_SCHEMA7,
        "items": {
            "type": "object",
            "properties": {},
            "additionalProperties": False,
            "minItems": 0,
        },
    }

    ITEM_TEMPLATE: dict[str, t.Any] = {
        "type": "integer",
        "minimum": 0,
        "exclusiveMinimum": 0,
        "optional": True,
    }

    def __init__(self, action_keywords: t.Iterable[str]) -> None:
        self._bindings: dict[str, t.Callable[..., None]] = {}
        self.schema = copy.deepcopy(self.SCHEMA_TEMPLATE)
        for keyword in action_keywords:
            self.schema["items"]["properties"][keyword] = self.ITEM_TEMPLATE

    def bind_action(
        self,
        action_key: str,
        action: t.Callable[..., t.Any],
        *args: t.Any,
        **kwargs: t.Any,
    ) -> None:
        """Say what an action does.

        :param action_key: its name
        :param action: function to call
        :param args: first arguments of the call
        :param kwargs: keyword arguments of the call
        """
        self.validate([{action_key: 1}])
        self._bindings[action_key] = functools.partial(action, *args, **kwargs)

    def validate(self, actions: t.Any) -> None:
        """Check a list of actions.

        :raises jsonschema.ValidationError: it is not one
        """
        jsonschema.validate(actions, self.schema)

    def _build(
        self,
        func: t.Callable[..., t.Any],
        times: int,
        *args: t.Any,
        **kwargs: t.Any,
    ) -> t.Callable[[], None]:
        def repeat() -> None:
            for _ in range(times):
                func(*args, **kwargs)

        return repeat

    def build_actions(
        self,
        actions: list[dict[str, int]],
        *args: t.Any,
        **kwargs: t.Any,
    ) -> list[t.Callable[[], None]]:
        """Make a function for each item; a call does the item's work.

        :param actions: items ``{name of action: how many times}``
        :param args: more arguments of each call
        :param kwargs: more keyword arguments of each call
        """
        self.validate(actions)
        return [
            self._build(self._bound(key), times, *args, **kwargs)
            for item in actions
            for key, times in item.items()
        ]

    def _bound(self, action_key: str) -> t.Callable[..., t.Any]:
        try:
            return self._bindings[action_key]
        except KeyError:
            raise ValueError(
                f"Action {action_key!r} has no function to call; bind one "
                "with `bind_action` first."
            ) from None
