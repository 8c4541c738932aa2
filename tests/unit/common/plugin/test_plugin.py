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

"""Tests of finding plugins by name."""

from __future__ import annotations

import typing as t

import ddt

from rally import exceptions
from rally.common.plugin import plugin
from tests.unit import test


def make_base() -> t.Any:
    @plugin.base()
    class Base(plugin.Plugin):
        pass

    return Base


def make(
    base: t.Any, name: str, platform: str = "default", hidden: bool = False
) -> t.Any:
    @plugin.configure(name, platform=platform, hidden=hidden)
    class Made(base):  # type: ignore[misc]
        pass

    return Made


@ddt.ddt
class PluginTestCase(test.TestCase):
    def test_found_by_short_and_by_full_name(self) -> None:
        base = make_base()
        made = make(base, "one", "moon")

        self.assertIs(made, base.get("one"))
        self.assertIs(made, base.get("one@moon"))
        self.assertIs(made, base.get("one", platform="moon"))
        self.assertEqual("one@moon", made.get_fullname())
        self.assertIs(base, made._get_base())

    def test_default_platform_wins(self) -> None:
        base = make_base()
        make(base, "one", "moon")
        default = make(base, "one")

        self.assertIs(default, base.get("one"))

    def test_other_platforms_are_ambiguous(self) -> None:
        base = make_base()
        make(base, "one", "moon")
        make(base, "one", "mars")

        error = self.assertRaises(
            exceptions.MultiplePluginsFound, base.get, "one"
        )
        self.assertIn("one@mars, one@moon", str(error))

    def test_unknown_name_gets_a_hint(self) -> None:
        base = make_base()
        make(base, "constant")

        error = self.assertRaises(
            exceptions.PluginNotFound, base.get, "constnat"
        )

        self.assertIn("Did you mean constant?", str(error))
        self.assertIn("Base", str(error))

    def test_a_name_like_no_other_may_be_elsewhere(self) -> None:
        error = self.assertRaises(
            exceptions.PluginNotFound, make_base().get, "Shelf.look"
        )

        self.assertIn("or named by --plugin-paths?", str(error))

    def test_hidden_ones_are_for_those_who_ask(self) -> None:
        base = make_base()
        hidden = make(base, "one", hidden=True)

        self.assertRaises(exceptions.PluginNotFound, base.get, "one")
        self.assertIs(hidden, base.get("one", allow_hidden=True))
        self.assertEqual([], base.get_all())

    def test_same_name_is_refused_and_the_first_stays(self) -> None:
        base = make_base()
        first = make(base, "one")

        self.assertRaises(
            exceptions.PluginWithSuchNameExists, make, base, "one"
        )

        self.assertEqual([first], base.get_all(allow_hidden=True))

    def test_to_name_one_the_others_are_not_looked_at(self) -> None:
        """With thousands of plugins that would take minutes."""
        looks: list[str] = []

        class Base(plugin.Plugin):
            @classmethod
            def get_name(cls) -> str:
                name = super().get_name()
                looks.append(name)
                return name

        plugin.base()(Base)
        kept = [
            plugin.configure("number %d" % number)(
                type("Numbered", (Base,), {})
            )
            for number in range(20)
        ]

        self.assertEqual([], looks)
        self.assertEqual(20, len(Base.get_all()))
        self.assertEqual(20, len(kept))

    def test_a_name_that_was_given_up_can_be_taken(self) -> None:
        class Base(plugin.Plugin):
            pass

        plugin.base()(Base)
        first = plugin.configure("one")(type("First", (Base,), {}))
        first.unregister()
        second = plugin.configure("one")(type("Second", (Base,), {}))

        self.assertIs(second, Base.get("one"))
        self.assertRaises(
            exceptions.PluginWithSuchNameExists,
            plugin.configure("one"), type("Third", (Base,), {}),
        )

    def test_a_plugin_that_was_named_anew_frees_its_name(self) -> None:
        class Base(plugin.Plugin):
            pass

        plugin.base()(Base)
        first = plugin.configure("one")(type("First", (Base,), {}))
        plugin.configure("two")(first)
        second = plugin.configure("one")(type("Second", (Base,), {}))

        self.assertIs(first, Base.get("two"))
        self.assertIs(second, Base.get("one"))

    def test_names_are_apart_below_each_base(self) -> None:
        one, other = make_base(), make_base()

        self.assertIsNot(make(one, "one"), make(other, "one"))

    @ddt.data("", None, "a@b")
    def test_bad_name_is_refused(self, name: t.Any) -> None:
        self.assertRaises(ValueError, make, make_base(), name)

    def test_bases_do_not_nest(self) -> None:
        self.assertRaises(
            exceptions.RallyException, plugin.base(), make(make_base(), "one")
        )

    def test_classes_without_configure_are_no_plugins(self) -> None:
        base = make_base()

        class Helper(base):  # type: ignore[misc, valid-type]
            pass

        grandchild = make(Helper, "one")

        self.assertEqual([grandchild], base.get_all())

    def test_unregistered_ones_are_unknown(self) -> None:
        base = make_base()
        made = make(base, "one")

        made.unregister()
        made.unregister()

        self.assertEqual([], base.get_all())

    def test_deprecation_says_why(self) -> None:
        made = make(make_base(), "one")
        self.assertFalse(made.is_deprecated())

        plugin.deprecated("use two", "6.0.0")(made)

        self.assertEqual(
            {"reason": "use two", "rally_version": "6.0.0"},
            made.is_deprecated(),
        )
