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

"""Stands in for the task where load is made without a database."""

from __future__ import annotations

import typing as t


class TaskOfLoad:
    """What plugins on an agent see of the task: its uuid.

    Not a dict: each iteration gets a copy, and one of a subclass of dict
    costs ten times as much as one of a plain object.
    """

    def __init__(self, task: dict[str, t.Any]) -> None:
        self.task = task

    def __getitem__(self, key: str) -> t.Any:
        return self.task[key]

    def to_dict(self) -> dict[str, t.Any]:
        return dict(self.task)

    def result_has_valid_schema(self, result: t.Any) -> bool:
        return isinstance(result, dict)
