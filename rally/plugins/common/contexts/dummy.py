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

"""A context that does nothing, or fails."""

from __future__ import annotations

import typing as t

from rally import consts, exceptions
from rally.task import context


@context.configure(name="dummy_context", order=750)
class DummyContext(context.Context):
    """Prepares nothing, or fails to.

    It shows what becomes of a context that fails.
    """

    CONFIG_SCHEMA: t.Any = {
        "type": "object",
        "$schema": consts.JSON_SCHEMA,
        "properties": {
            "fail_setup": {
                "type": "boolean",
                "description": "Fail before the load (false by default).",
            },
            "fail_cleanup": {
                "type": "boolean",
                "description": "Fail after the load (false by default).",
            },
        },
        "additionalProperties": False,
    }

    def setup(self) -> None:
        if self.config.get("fail_setup", False):
            raise exceptions.RallyException("Oops...setup is failed")

    def cleanup(self) -> None:
        if self.config.get("fail_cleanup", False):
            raise exceptions.RallyException("Oops...cleanup is failed")
