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

"""Contexts that note what is done with them, and hold a credential."""

from __future__ import annotations

import os
import typing as t

from rally import consts
from rally.task import context

#: a credential; nobody may find it anywhere
CANARY = "canary-%s-in-the-mine"


class Noting(context.Context):
    CONFIG_SCHEMA = {
        "type": "object",
        "$schema": consts.JSON_SCHEMA7,
        "properties": {"log": {"type": "string"}},
        "required": ["log"],
        "additionalProperties": False,
    }

    made: str | None = None

    def _note(self, what: str) -> None:
        words = what, self.get_name(), os.getpid(), self.made
        line = " ".join(map(str, words)) + "\n"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        descriptor = os.open(self.config["log"], flags, 0o600)
        os.write(descriptor, line.encode())
        os.close(descriptor)

    def setup(self) -> None:
        self.made = "%s-1" % self.get_owner_id()[:8]
        self.context["users"] = [{"password": CANARY % "secret"}]
        self._note("setup")

    def to_state(self) -> t.Any:
        return self.made

    def restore(self, state: t.Any) -> None:
        self.made = state

    def cleanup(self) -> None:
        self._note("cleanup")


@context.configure(name="first_noting", order=101)
class First(Noting):
    """Is set up first."""


@context.configure(name="second_noting", order=102)
class Second(Noting):
    """Is cleaned up first."""
