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

"""Tests of services and of what unifies their versions."""

from __future__ import annotations

import types
import typing as t

from rally import exceptions
from rally.task import atomic, service
from tests.unit import test


@service.service("music", service_type="audio", version="1", client_name="m")
class _MusicV1(service.Service):
    @atomic.action_timer("music_v1.play")
    def play(self, song: str, *, volume: int = 1) -> t.Any:
        return ("v1", song, volume)

    def name(self) -> str:
        return self.generate_random_name()


@service.service("music", service_type="audio", version="2", client_name="m")
class _MusicV2(service.Service):
    @atomic.action_timer("music_v2.play")
    def play(self, song: str, *, volume: int = 1) -> t.Any:
        return ("v2", song, volume)


class _Music(service.UnifiedService):
    @service.should_be_overridden
    def play(self, song: str, *, volume: int = 1) -> t.Any:
        """Play it."""
        return self._impl.play(song, volume=volume)


@service.compat_layer(_MusicV1)
class _UnifiedV1(_Music):
    def play(self, song: str, *, volume: int = 1) -> t.Any:
        return self._impl.play(song, volume=volume)


class _MusicMixin:
    _impl: t.Any

    def play(self, song: str, *, volume: int = 1) -> t.Any:
        return self._impl.play(song, volume=volume)


@service.compat_layer(_MusicV2)
class _UnifiedV2(_MusicMixin, _Music):
    pass


def _clients(version: str) -> t.Any:
    client = types.SimpleNamespace(choose_version=lambda: version)
    return types.SimpleNamespace(m=client)


class ServiceTestCase(test.TestCase):
    def test_what_a_service_is_kept_with_its_class(self) -> None:
        self.assertEqual(
            ["music", "audio", "1", "m"],
            [
                _MusicV1._meta_get(key)
                for key in ("name", "type", "version", "client_name")
            ],
        )
        self.assertEqual("1", _MusicV1(None).version)

    def test_methods_take_one_positional_argument(self) -> None:
        error = self.assertRaises(TypeError, _MusicV1(None).play, "song", 3)
        self.assertIn("play takes at most 1 positional", str(error))
        self.assertEqual(
            ("v1", "song", 3), _MusicV1(None).play("song", volume=3)
        )

    def test_private_and_static_methods_take_what_they_like(self) -> None:
        class Free(service.Service):
            def _add(self, a: int, b: int) -> int:
                return a + b

            @classmethod
            def made(cls, a: int, b: int) -> int:
                return a - b

        self.assertEqual(3, Free(None)._add(1, 2))
        self.assertEqual(1, Free(None).made(3, 2))

    def test_actions_go_into_the_given_list(self) -> None:
        actions: list[t.Any] = []
        _MusicV1(None, atomic_inst=actions).play("song")
        self.assertEqual(["music_v1.play"], [a["name"] for a in actions])

    def test_names_need_a_generator(self) -> None:
        self.assertRaises(exceptions.RallyException, _MusicV1(None).name)
        named = _MusicV1(None, name_generator=lambda: "s_1")
        self.assertEqual("s_1", named.name())


class UnifiedServiceTestCase(test.TestCase):
    def test_the_layer_that_suits_the_clients_is_used(self) -> None:
        for version in ("1", "2"):
            unified = _Music(_clients(version))
            self.assertEqual(version, unified.version)
            self.assertEqual(
                (f"v{version}", "song", 4), unified.play("song", volume=4)
            )

    def test_actions_reach_the_list_through_all_layers(self) -> None:
        actions: list[t.Any] = []
        _Music(_clients("2"), atomic_inst=actions).play("song")
        self.assertEqual(["music_v2.play"], [a["name"] for a in actions])

    def test_a_layer_can_be_used_directly(self) -> None:
        unified = _UnifiedV1(_clients("other"), name_generator=lambda: "n")
        self.assertIsInstance(unified._impl, _MusicV1)
        self.assertEqual("n", unified.generate_random_name())

    def test_no_layer_may_suit(self) -> None:
        error = self.assertRaises(
            exceptions.RallyException, _Music, _clients("3")
        )
        self.assertIn("no proper implementation for _Music", str(error))
        self.assertIn("_UnifiedV1", str(error))

    def test_all_layers_are_told(self) -> None:
        chosen, layers = _Music(_clients("1")).discover_impl()
        self.assertIs(_UnifiedV1, chosen)
        self.assertEqual({_UnifiedV1: _MusicV1, _UnifiedV2: _MusicV2}, layers)

    def test_a_layer_must_have_all_methods(self) -> None:
        error = self.assertRaises(
            exceptions.RallyException, type(_Music), "Lacks", (_Music,), {}
        )
        self.assertIn("Missing: play", str(error))


class ResourceTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.cls = service.make_resource_cls("Network", ["id", "name"])

    def test_it_has_just_its_properties(self) -> None:
        net = self.cls(id=1, name="n")
        self.assertEqual("n", net["name"])
        self.assertIsNone(net["other"])
        self.assertEqual({"id": 1, "name": "n"}, net._as_dict())
        self.assertEqual("<Network id=1>", repr(net))
        self.assertRaises(AttributeError, setattr, net, "other", 1)

    def test_two_are_equal_if_their_ids_are(self) -> None:
        self.assertEqual(self.cls(id=1, name="a"), self.cls(id=1, name="b"))
        self.assertNotEqual(self.cls(id=1, name="a"), self.cls(id=2, name="a"))
        self.assertNotEqual(self.cls(id=1, name="a"), 1)

    def test_another_property_may_be_the_id(self) -> None:
        cls = service.make_resource_cls(
            "Rule", properties=["key", "x"], id_property="key"
        )
        self.assertEqual(cls(key=1, x=1), cls(key=1, x=2))
