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

from __future__ import annotations

import pathlib
import socket
import time

from rally import consts
from rally.task import context, scenario


@context.configure(name="canary", order=200)
class Canary(context.Context):
    """Puts a credential into the context, as one that makes users does."""

    CONFIG_SCHEMA = {
        "type": "object",
        "$schema": consts.JSON_SCHEMA7,
        "properties": {"file": {"type": "string"}},
        "required": ["file"],
        "additionalProperties": False,
    }

    def setup(self) -> None:
        credential = pathlib.Path(self.config["file"]).read_text()
        self.context["users"] = [
            {"name": "u1", "credential": {"password": credential}}
        ]

    def cleanup(self) -> None:
        """Nothing was made."""


@scenario.configure(name="CanaryInTheMine.sing")
class Sing(scenario.Scenario):
    def run(self, host: str, port: int, song: str) -> None:
        """Tell the referee when it starts; every seventh iteration fails.

        :param host: address of the referee
        :param port: where it listens
        :param song: nobody may hear it
        """
        number = self.context["iteration"]
        password = self.context["users"][0]["credential"]["password"]
        with socket.create_connection((host, port), 30) as connection:
            answers = connection.makefile()
            connection.sendall(b"start %d\n" % number)
            answers.readline()
            time.sleep(0.02)
            connection.sendall(b"end %d\n" % number)
            answers.readline()
        if not (password and song):
            raise ValueError("the context has not come along")
        if number % 7 == 0:
            raise RuntimeError("iteration %d fails" % number)
