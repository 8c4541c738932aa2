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

"""Tests of the checks that plugins declare."""

from __future__ import annotations

import typing as t

import ddt

from rally import exceptions
from rally.common import validation
from rally.common.plugin import plugin
from tests.unit import test

OPENSTACK = {"platforms": {"openstack": {"admin": 1}}}


class FakeValidator(validation.Validator):
    """Fails with the message it is given, or raises it."""

    def __init__(self, result: t.Any = None) -> None:
        super().__init__()
        self.result = result

    def validate(
        self,
        context: t.Any,
        config: t.Any,
        plugin_cls: t.Any,
        plugin_cfg: t.Any,
    ) -> None:
        if isinstance(self.result, Exception):
            raise self.result
        if self.result:
            self.fail(f"{self.result} {config} {plugin_cfg}")


def make_plugin(*decorators: t.Any) -> t.Any:
    @plugin.base()
    class Base(plugin.Plugin, validation.ValidatablePluginMixin):
        pass

    @plugin.configure("one")
    class One(Base):
        pass

    for decorator in decorators:
        decorator(One)
    return Base


@ddt.ddt
class ValidateTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.register("test-syntax", FakeValidator)
        self.semantic = self.register("test-semantic", FakeValidator)
        validation.add("required_platform", platform="openstack", admin=True)(
            self.semantic
        )

    def register(
        self, name: str, cls: t.Any, platform: str = "default"
    ) -> t.Any:
        made: t.Any = type("Made", (cls,), {})
        self.addCleanup(made.unregister)
        return validation.configure(name, platform)(made)

    def check(self, base: t.Any, **kwargs: t.Any) -> list[str]:
        kwargs.setdefault("context", OPENSTACK)
        return base.validate("one", config="W", plugin_cfg="C", **kwargs)

    def test_names_plugin_and_validator_and_cause(self) -> None:
        base = make_plugin(validation.add("test-syntax", result="bad"))

        self.assertEqual(
            [
                "Base plugin 'one' doesn't pass test-syntax@default "
                "validation. Details: bad W C"
            ],
            self.check(base),
        )

    def test_all_of_the_first_failing_stage_are_reported(self) -> None:
        base = make_plugin(
            validation.add("test-semantic", result="late"),
            validation.add("test-syntax", result="one"),
            validation.add("test-syntax", result="two"),
        )

        self.assertEqual(2, len(self.check(base)))
        (semantic,) = self.check(base, vtype="semantic")
        self.assertIn("late", semantic)
        self.assertEqual([], self.check(base, vtype=("platform",)))

    def test_what_a_validator_needs_is_a_platform_check(self) -> None:
        base = make_plugin(
            validation.add("test-semantic"),
            validation.add(
                "required_platform", platform="openstack", admin=True
            ),
        )

        (message,) = self.check(base, context={"platforms": {}})

        self.assertIn("required_platform@default", message)
        self.assertIn("openstack", message)

    def test_raising_validator_shows_its_traceback(self) -> None:
        base = make_plugin(
            validation.add("test-syntax", result=ZeroDivisionError("boom"))
        )

        (message,) = self.check(base)

        self.assertIn("Traceback", message)
        self.assertIn("boom", message)

    def test_unknown_plugin_is_a_message(self) -> None:
        (message,) = make_plugin().validate("two", {}, None, None)

        self.assertIn("two", message)

    def test_hidden_plugin_is_validated_for_those_who_ask(self) -> None:
        base = make_plugin()
        plugin.configure("two", hidden=True)(type("Two", (base,), {}))

        self.assertEqual(1, len(base.validate("two", {}, None, None)))
        self.assertEqual(
            [], base.validate("two", {}, None, None, allow_hidden=True)
        )

    @ddt.data("nonsense", ["syntax", "nonsense"])
    def test_unknown_stage_is_refused(self, vtype: t.Any) -> None:
        self.assertRaises(ValueError, self.check, make_plugin(), vtype=vtype)

    def test_default_validators_reach_every_subclass(self) -> None:
        @validation.add_default("test-syntax", result="bad")
        @plugin.base()
        class Base(plugin.Plugin, validation.ValidatablePluginMixin):
            pass

        @plugin.configure("one")
        class One(Base):
            pass

        self.assertEqual(1, len(self.check(Base)))

    def test_validators_take_no_validators_but_the_platform(self) -> None:
        self.assertRaises(
            exceptions.RallyException,
            validation.add("test-syntax"),
            self.semantic,
        )
        self.assertRaises(
            exceptions.RallyException,
            validation.add("required_platform", platform="x"),
            validation.RequiredPlatformValidator,
        )

    def test_title_and_parameters_come_from_both_docstrings(self) -> None:
        found = validation.RequiredPlatformValidator.get_info()

        self.assertTrue(found["title"].startswith("The environment"))
        self.assertEqual(
            ["platform", "admin", "users"],
            [parameter["name"] for parameter in found["parameters"]],
        )


@ddt.ddt
class RequiredPlatformTestCase(test.TestCase):
    @ddt.data(
        ({"platform": "moon"}, {"moon": {}}, True),
        ({"platform": "moon"}, {"mars": {}}, False),
        ({"platform": "openstack"}, {"openstack": {}}, False),
        ({"platform": "openstack", "admin": True}, {"openstack": {}}, False),
        (
            {"platform": "openstack", "admin": True},
            {"openstack": {"admin": 1}},
            True,
        ),
        (
            {"platform": "openstack", "admin": True, "users": True},
            {"openstack": {"users": [1]}},
            False,
        ),
        (
            {"platform": "openstack", "users": True},
            {"openstack": {"users": [1]}},
            True,
        ),
        ({"platform": "openstack", "users": True}, {"openstack": {}}, False),
        (
            {"platform": "openstack", "users": True},
            {"openstack": {"admin": 1}},
            True,
        ),
    )
    @ddt.unpack
    def test_platform_and_credentials(
        self, kwargs: t.Any, platforms: t.Any, is_good: bool
    ) -> None:
        validator = validation.RequiredPlatformValidator(**kwargs)
        context = {"platforms": platforms}

        if is_good:
            validator.validate(context, None, plugin.Plugin, None)
        else:
            self.assertRaises(
                validation.ValidationError,
                validator.validate,
                context,
                None,
                plugin.Plugin,
                None,
            )

    def test_validator_of_the_platform_goes_first(self) -> None:
        @validation.configure("required_platform", platform="moon")
        class MoonPlatform(validation.RequiredPlatformValidator):
            def __init__(self, dark_side: bool = False) -> None:
                super().__init__(platform="moon")
                self.dark_side = dark_side

            def validate(self, *args: t.Any) -> None:
                if self.dark_side:
                    self.fail("no light")

        self.addCleanup(MoonPlatform.unregister)
        validator = validation.RequiredPlatformValidator

        validator(platform="moon").validate({}, None, plugin.Plugin, None)
        error = self.assertRaises(
            validation.ValidationError,
            validator(platform="moon", dark_side=True).validate,
            {},
            None,
            plugin.Plugin,
            None,
        )
        self.assertEqual("no light", error.message)
