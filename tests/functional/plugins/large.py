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

"""Things that are larger than anybody expects."""

from __future__ import annotations

import os
import typing as t

from rally.task import context, scenario


@context.configure(name="large", platform="tests", order=1)
class LargeContext(context.Context):
    """Puts so many MiB into the context, of which nothing can be packed."""

    CONFIG_SCHEMA = {"type": "number"}

    def setup(self) -> None:
        lines = int(self.config * 1024)
        self.context["large"] = [os.urandom(512).hex() for _ in range(lines)]

    def cleanup(self) -> None:
        """It is only in the context."""


@scenario.configure(name="Large.read_context")
class ReadContext(scenario.Scenario):
    """Fails unless the whole context is there."""

    def run(self, mib: int) -> None:
        size = sum(map(len, self.context["large"]))
        if size != mib * 1024 * 1024:
            raise ValueError("there are %d bytes" % size)


@scenario.configure(name="Large.fail")
class Fail(scenario.Scenario):
    """Fails with an error of so many bytes, different each time."""

    def run(self, size: int) -> t.NoReturn:
        raise ValueError(os.urandom(size // 2).hex())
