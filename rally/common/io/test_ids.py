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

"""Ids of tests: a name, and tags in brackets behind it."""

from __future__ import annotations

import re

import typing_extensions as te

_TAGGED = re.compile(r"(?P<name>.+?)\[(?P<tags>[^\[\]]*)\]", re.DOTALL)
_FIXTURE = re.compile(
    r"(?:setUp|tearDown)(?:Class|Module)? \((?P<owner>.+)\)", re.DOTALL
)


class TestID(str):
    """Id of a test, such as ``a.b.T.test_x[id-1,smoke]``.

    What befell a class or a module as a whole, as in ``setUpClass (a.b.T)``,
    has the class for its id, so both are found by it; its name stays.
    """

    name: str
    tags: list[str]

    def __new__(cls, test_id: str) -> te.Self:
        fixture = _FIXTURE.fullmatch(test_id)
        self = super().__new__(cls, fixture["owner"] if fixture else test_id)
        tagged = None if fixture else _TAGGED.fullmatch(test_id)
        self.name = tagged["name"] if tagged else test_id
        tags = tagged["tags"].split(",") if tagged else []
        self.tags = [tag.strip() for tag in tags if tag.strip()]
        return self

    @property
    def is_fixture(self) -> bool:
        """Whether it is what befell a class, and no test."""
        return self.name != self and _FIXTURE.fullmatch(self.name) is not None
