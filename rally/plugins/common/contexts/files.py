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


"""Files that iterations read on whatever host they run."""

from __future__ import annotations

import os
import typing as t

from rally import consts, exceptions
from rally.task import context


class ExtraFileMissing(exceptions.RallyException):
    error_code = 209
    msg_fmt = (
        "There is no file or folder %(path)s on this host, though the "
        "context extra_files names it. Iterations would look for it in "
        "vain, so no load was generated. Put it there, or name another one."
    )


@context.configure(name="extra_files", order=92)
class ExtraFiles(context.Context):
    """Files of this host that iterations find on theirs.

    ``context["extra_files"]`` says where each is, by the path that the task
    names. With ``--ship-plugins`` agents are sent them; without it they must
    have them at the same place.
    """

    CONFIG_SCHEMA = {
        "type": "object",
        "$schema": consts.JSON_SCHEMA,
        "properties": {
            "paths": {
                "type": "array",
                "items": {"type": "string", "minLength": 1},
                "minItems": 1,
                "uniqueItems": True,
                "description": "Files and folders, relative to where rally "
                               "is called.",
            },
        },
        "required": ["paths"],
        "additionalProperties": False,
    }

    def setup(self) -> None:
        found = {}
        for path in self.config["paths"]:
            found[path] = os.path.abspath(os.path.expanduser(path))
            if not os.path.exists(found[path]):
                raise ExtraFileMissing(path=found[path])
        self.context["extra_files"] = found

    def cleanup(self) -> None:
        self.context.pop("extra_files", None)

    def to_state(self) -> dict[str, t.Any]:
        return {}  # nothing is left to clean up
