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

"""A plugin with options in ``rally.conf``, and objects in the context."""

from __future__ import annotations

import dataclasses
import typing as t

from rally import consts
from rally.common import cfg
from rally.task import context, scenario

cfg.CONF.register_opts(
    [
        cfg.FloatOpt("pace", default=9.0),
        cfg.StrOpt("password", default="", secret=True),
        cfg.StrOpt("untouched", default="by default"),
    ],
    group="opted",
)


@dataclasses.dataclass(frozen=True)
class Ticket:
    number: int

    def pay(self) -> int:
        return self.number * 2


@context.configure(name="tickets", order=200)
class Tickets(context.Context):
    """Leaves objects of a class of its own."""

    CONFIG_SCHEMA = {
        "type": "object",
        "$schema": consts.JSON_SCHEMA7,
        "additionalProperties": False,
    }

    def setup(self) -> None:
        self.context["tickets"] = {Ticket(1): {"next": Ticket(21)}}

    def cleanup(self) -> None:
        self.context["tickets"][Ticket(1)]["next"].pay()


@scenario.configure(name="Opted.compare")
class OptedCompare(scenario.Scenario):
    def run(self, expected: dict[str, t.Any]) -> None:
        """Fail unless options and context are as they are to be.

        :param expected: values of the options
        """
        found = dict(cfg.CONF.opted)
        if found != expected:
            raise ValueError("the options are not as they are to be")
        if self.context["tickets"][Ticket(1)]["next"].pay() != 42:
            raise ValueError("the tickets are not as they are to be")
