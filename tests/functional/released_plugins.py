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

"""Plugins that the released Rally and this one load alike."""

from __future__ import annotations

import pathlib
import time

from rally import consts
from rally.task import context, scenario


@scenario.configure(name="Released.wait")
class Wait(scenario.Scenario):
    def run(self, path: str, sleep: float = 0.1) -> None:
        """Say that it runs by making a file, and sleep."""
        pathlib.Path(path).touch()
        time.sleep(sleep)


@context.configure(name="released_broken", order=100)
class Broken(context.Context):
    """Cannot be set up."""

    CONFIG_SCHEMA = {"type": "object", "$schema": consts.JSON_SCHEMA7}

    def setup(self) -> None:
        raise RuntimeError("the cloud said no")

    def cleanup(self) -> None:
        """Nothing was made."""
