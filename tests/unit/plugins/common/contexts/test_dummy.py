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

"""Tests of the dummy context."""

from __future__ import annotations

import typing as t

import ddt

from rally import exceptions
from rally.plugins.common import validators  # noqa: F401 (registers)
from rally.plugins.common.contexts import dummy
from rally.task import context
from tests.unit import test


@ddt.ddt
class DummyContextTestCase(test.TestCase):
    def make(self, config: dict[str, t.Any]) -> dummy.DummyContext:
        return dummy.DummyContext({"config": {"dummy_context": config}})

    def test_it_does_nothing(self) -> None:
        instance = self.make({})
        instance.setup()
        instance.cleanup()
        self.assertEqual(750, instance.get_order())

    @ddt.data("setup", "cleanup")
    def test_it_fails_where_it_is_asked_to(self, phase: str) -> None:
        instance = self.make({f"fail_{phase}": True})
        self.assertRaises(exceptions.RallyException, getattr(instance, phase))
        (other,) = {"setup", "cleanup"} - {phase}
        getattr(instance, other)()

    @ddt.data({"fail_setup": "yes"}, {"fail": True}, [], "x")
    def test_other_configs_are_refused(self, config: t.Any) -> None:
        self.assertEqual(
            1,
            len(context.Context.validate("dummy_context", {}, None, config)),
        )
