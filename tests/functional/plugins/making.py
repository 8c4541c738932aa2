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

"""A context whose resources are files, made and deleted one by one."""

from __future__ import annotations

import pathlib
import time
import typing as t

from rally import consts
from rally.common import broker, utils
from rally.task import context


class Made:
    """What a context keeps of a resource: an object of a plugin's own."""

    def __init__(self, name: str, password: str) -> None:
        self.name = name
        self.password = password


class TargetIsDown(Exception):
    """Nothing can be deleted now."""


@context.configure(name="making", order=200)
class Making(context.Context):
    """Makes files, and tells of them when all are there."""

    CONFIG_SCHEMA = {
        "type": "object",
        "$schema": consts.JSON_SCHEMA7,
        "properties": {
            "folder": {"type": "string"},
            "count": {"type": "integer"},
            "pause": {"type": "number"},
            "by_name": {"type": "boolean"},
        },
        "required": ["folder"],
        "additionalProperties": False,
    }
    DEFAULT_CONFIG = {"count": 10, "pause": 0.0, "by_name": False}

    @property
    def folder(self) -> pathlib.Path:
        return pathlib.Path(self.config["folder"])

    @property
    def finds_by_name(self) -> bool:
        return bool(self.config["by_name"])

    def setup(self) -> None:
        made = []
        for _ in range(self.config["count"]):
            name = self.generate_random_name()
            (self.folder / name).touch()
            made.append(Made(name, "canary-of-made"))
            time.sleep(self.config["pause"])
        self.context["made"] = made

    def cleanup(self) -> None:
        broker.run(self._publish, self._delete)

    def _publish(self, queue: broker.Queue) -> None:
        if not self.config["by_name"]:
            queue.extend(made.name for made in self.context["made"])
            return
        queue.extend(
            path.name for path in self.folder.iterdir()
            if utils.name_matches_object(
                path.name, type(self), task_id=self.get_owner_id()
            )
        )

    def _delete(self, cache: dict[str, t.Any], name: str) -> None:
        if self.folder.with_name("down").exists():
            raise TargetIsDown("no answer")
        time.sleep(self.config["pause"])
        (self.folder / name).unlink(missing_ok=True)
