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

"""What is in a context arrives as what it is, or is refused by its path."""

from __future__ import annotations

import collections
import contextlib
import datetime
import decimal
import ipaddress
import pathlib
import sys
import types
import typing as t
import zoneinfo

import hypothesis
import hypothesis.strategies as st
import msgspec

from rally.common.plugin import discover
from rally.task.serialization import context_codec
from tests.unit import test
from tests.unit.task import plugin_classes as own

PLUGIN = own.__name__


def over_the_wire(value: t.Any) -> t.Any:
    body = msgspec.msgpack.encode(context_codec.to_plain(value, "context"))
    return context_codec.from_plain(msgspec.msgpack.decode(body))


def anatomy(value: t.Any) -> t.Any:
    """Types and contents at all depths, told without the codec."""
    cls = type(value)
    if isinstance(value, dict):
        base: t.Any = (
            collections.OrderedDict
            if isinstance(value, collections.OrderedDict) else dict
        )
        content = [
            (anatomy(key), anatomy(item)) for key, item in base.items(value)
        ]
    elif isinstance(value, (list, tuple, collections.deque)):
        base = next(
            b for b in (list, tuple, collections.deque)
            if isinstance(value, b)
        )
        content = [anatomy(item) for item in base.__iter__(value)]
    elif isinstance(value, (set, frozenset)):
        content = sorted((anatomy(item) for item in value), key=repr)
    elif isinstance(value, (float, complex, decimal.Decimal)):
        content = str(value)  # NaN equals nothing, -0.0 equals 0.0
    elif isinstance(value, types.SimpleNamespace):
        content = None  # all of it is attributes
    elif hasattr(cls, "__slots__") or cls.__module__ == PLUGIN:
        content = value if isinstance(value, (str, bytes, int)) else None
    else:
        content = value
    return cls, content, _extras(value, cls)


def _extras(value: t.Any, cls: type) -> t.Any:
    extras = {"factory": getattr(value, "default_factory", None)}
    extras["maxlen"] = getattr(value, "maxlen", None)
    extras["fold"] = getattr(value, "fold", None)
    if cls.__module__ != PLUGIN and cls is not types.SimpleNamespace:
        return extras
    if isinstance(value, own.enum.Enum):
        return value
    attributes = getattr(value, "__dict__", {})
    if attributes is not value:
        extras["dict"] = {
            key: anatomy(item) for key, item in attributes.items()
        }
    for each in cls.__mro__:
        for name, member in vars(each).items():
            if isinstance(member, types.MemberDescriptorType):
                try:
                    extras[name] = anatomy(member.__get__(value))
                except AttributeError:
                    extras[name] = "unset"
    return extras


def bare(cls: t.Any, *content: t.Any, **attributes: t.Any) -> t.Any:
    """An instance made past what refuses to be called."""
    base = next(
        (b for b in (dict, list) if issubclass(cls, b)), object
    )
    made = base.__new__(cls)
    if base is not object:
        base.__init__(made, *content)
    made.__dict__.update(attributes)
    return made


with_surrogates = st.text(
    st.characters(codec=None, categories=None), max_size=4  # type: ignore
)
zones = st.none() | st.sampled_from([
    datetime.timezone.utc,
    datetime.timezone(datetime.timedelta(hours=5, minutes=30)),
    datetime.timezone(datetime.timedelta(0), "Zulu"),
    datetime.timezone(datetime.timedelta(seconds=-1), ""),
])
hashable = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats()
    | with_surrogates | st.binary(max_size=4)
    | st.complex_numbers() | st.datetimes(timezones=zones)
    | st.dates() | st.times() | st.timedeltas()
    | st.decimals().filter(lambda number: not number.is_snan())
    | st.fractions() | st.uuids()
    | st.ip_addresses()
    | st.sampled_from([
        "\0", "\0tuple", "", 2 ** 64, -(2 ** 63) - 1, -0.0,
        decimal.Decimal("NaN12"), decimal.Decimal("-0E+7"),
        datetime.datetime(2026, 10, 25, 2, 30, fold=1),
        zoneinfo.ZoneInfo("UTC"),
        pathlib.Path("/a/b"), pathlib.PurePosixPath("//x"),
        pathlib.PureWindowsPath("c:\\x"), pathlib.Path(),
        ipaddress.ip_network("10.0.0.0/8"),
        ipaddress.ip_interface("10.0.0.1/8"),
        ipaddress.ip_interface("fe80::1/64"),
        own.Colour.RED, own.Colour.BLUE, own.Level.LOW,
        own.Rights.READ | own.Rights.WRITE, own.Rights(0),
        own.Text("x"), own.Number(7), own.Number(2 ** 70), own.Real(0.5),
        own.Bytes(b"b"),
    ]),
    lambda inner: st.tuples(inner, inner)
    | st.frozensets(inner, max_size=3)
    | st.builds(own.Point, inner, inner)
    | st.builds(own.Flavor, st.text(max_size=2), inner)
    | st.builds(own.Tuple, st.tuples(inner))
    | st.builds(own.FrozenSet, st.frozensets(inner, max_size=2)),
    max_leaves=4,
)


def _compound(inner: t.Any) -> t.Any:
    pairs = st.dictionaries(hashable, inner, max_size=3)
    named = st.dictionaries(
        st.sampled_from(["a", "b_c", "é"]), inner, max_size=2
    )
    return (
        st.lists(inner, max_size=3) | st.tuples(inner, inner) | pairs
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        | st.builds(collections.OrderedDict, pairs)
        | st.builds(
            collections.defaultdict,
            st.sampled_from([None, list, int, collections.Counter]), pairs,
        )
        | st.builds(
            collections.deque, st.lists(inner, max_size=3),
            st.none() | st.integers(0, 9),
        )
        | st.builds(lambda at: types.SimpleNamespace(**at), named)
        | st.builds(lambda at: own.Namespace(**at), named)
        | st.builds(lambda at: bare(own.Plain, **at), named)
        | st.builds(lambda d, at: bare(own.Dict, d, **at), pairs, named)
        | st.builds(
            lambda items, at: bare(own.List, items, **at),
            st.lists(inner, max_size=2), named,
        )
        | st.builds(own.Ordered, pairs)
        | st.builds(own.Typed, st.text(max_size=2), inner)
        | st.builds(own.Server, st.text(max_size=2), inner)
        | st.builds(own.Slotted, inner)
        | st.builds(own.SlottedChild, inner)
        | st.builds(own.Outer.Inner, pairs)
    )


contexts = st.recursive(
    hashable | st.sets(hashable, max_size=3)
    | st.builds(own.Set, st.sets(hashable, max_size=3))
    | st.builds(bytearray, st.binary(max_size=4))
    | st.builds(collections.Counter, st.lists(hashable, max_size=4)),
    _compound, max_leaves=8,
)


class CodecTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        # the module is imported already, and becomes one of a plugin
        discover.load_plugins(str(own.__file__))
        self.addCleanup(delattr, own, discover.MARK)


class CarryingTestCase(CodecTestCase):
    @hypothesis.given(value=contexts)
    @hypothesis.example(types.SimpleNamespace(a=bare(own.Plain)))
    def test_what_arrives_is_what_was_sent(self, value: t.Any) -> None:
        self.assertEqual(anatomy(value), anatomy(over_the_wire(value)))

    @hypothesis.given(value=contexts)
    def test_a_round_trip_is_no_obstacle(self, value: t.Any) -> None:
        context_codec.check_round_trip(value, "context")

    def test_plain_values_stand_for_themselves(self) -> None:
        value = {"users": [{"id": "u", "n": 1, "x": None}], "f": 0.5}
        self.assertEqual(value, context_codec.to_plain(value, "context"))

    def test_an_unhashed_order_is_kept(self) -> None:
        sent = collections.OrderedDict(a=1, b=2)
        sent.move_to_end("a")
        self.assertEqual(["b", "a"], list(over_the_wire(sent)))

    def test_a_credential_leaves_its_sessions_behind(self) -> None:
        sent = own.Credential(name="x", inner={"y": (1,)})
        sent._sessions["live"] = object()

        arrived = over_the_wire({"credential": sent})["credential"]

        self.assertIs(own.Credential, type(arrived))
        self.assertEqual(sent, arrived)
        self.assertEqual({}, arrived._sessions)
        self.assertEqual("x", arrived.name)

    def test_a_dict_that_is_its_own_attributes_stays_so(self) -> None:
        arrived = over_the_wire(own.Attributes(name="x"))
        arrived.size = 3
        self.assertEqual({"name": "x", "size": 3}, dict(arrived))

    def test_a_class_may_say_how_it_travels(self) -> None:
        sent = own.Moving([own.Moving(1)])
        arrived = over_the_wire(sent)
        self.assertEqual(sent, arrived)
        self.assertIsNot(sent.lock, arrived.lock)

    def test_an_alias_of_an_enumeration_is_the_member(self) -> None:
        self.assertIs(own.Colour.RED, over_the_wire(own.Colour.CRIMSON))

    def test_a_signalling_nan_arrives(self) -> None:
        arrived = over_the_wire([decimal.Decimal("-sNaN12")])
        self.assertEqual("-sNaN12", str(arrived[0]))

    def test_integers_may_be_longer_than_python_writes_them(self) -> None:
        value = {10 ** 5000: {-(10 ** 5000)}}
        self.assertTrue(value == over_the_wire(value))

    def test_a_shared_object_becomes_two(self) -> None:
        shared = [1]
        arrived = over_the_wire([shared, shared])
        self.assertEqual([[1], [1]], arrived)

    def test_zones_of_the_system_arrive(self) -> None:
        zone = zoneinfo.ZoneInfo("Europe/Berlin")
        sent = datetime.datetime(2026, 7, 1, tzinfo=zone)
        self.assertIs(zone, over_the_wire(sent).tzinfo)


class RefusingTestCase(CodecTestCase):
    def refused(self, value: t.Any) -> str:
        error = self.assertRaises(
            context_codec.CannotBeSent, context_codec.to_plain, value,
            "context",
        )
        return str(error)

    def test_the_path_is_named(self) -> None:
        lock = own.threading.Lock()
        for value, path in (
            (lock, "context"),
            ({"users": [{"client": lock}]}, "context['users'][0]['client']"),
            ({"a": (1, {2: open})}, "context['a'][1][2]"),
            ({(1, lock): 3}, "context.key("),
            ({"x": own.Locked()}, "context['x'].lock"),
            ({"x": own.Moving([lock])}, "context['x'].to_state()['value'][0]"),
            (types.SimpleNamespace(a={lock}), "context.a[0]"),
            ({"c": own.Server}, "context['c']"),
            ({"e": own.Failure("x")}, "context['e']"),
            ({"d": own.local_object()}, "context['d']"),
            ({"f": collections.defaultdict(lambda: 1)}, "context['f']"),
            ({"n": ...}, "context['n']"),
            ({10 ** 5000: lock}, "context[<builtins.int: ValueError>]"),
        ):
            self.assertIn("%s" % path, self.refused(value))

    def test_a_class_of_nobody_is_refused_with_its_name(self) -> None:
        class Stranger(dict):
            pass

        text = self.refused({"x": [Stranger()]})

        self.assertIn("context['x'][0]", text)
        self.assertIn("Stranger", text)

    def test_a_class_hidden_by_another_is_refused(self) -> None:
        twin = type("Plain", (), {"__module__": PLUGIN})
        self.assertIn("another class", self.refused([twin()]))

    def test_what_contains_itself_is_refused(self) -> None:
        ring: dict[str, t.Any] = {"a": []}
        ring["a"].append(ring)
        self.assertIn("context['a'][0]", self.refused(ring))
        plain = own.Server("x")
        plain.inner = {"me": plain}
        self.assertIn("context.inner['me']", self.refused(plain))

    def test_too_deep_nesting_is_refused(self) -> None:
        for make in (
            lambda inner: [inner],
            lambda inner: {"x": inner},
            lambda inner: own.Server("x", inner),
            lambda inner: own.Credential(x=inner),
        ):
            value: t.Any = 1
            for _ in range(40):
                value = make(value)
            over_the_wire(value)
            for _ in range(5000):
                value = make(value)
            self.assertIn("context", self.refused(value))

    def test_what_can_be_left_out_is(self) -> None:
        lock = own.threading.Lock()
        locked = own.Locked()
        omitted: list[str] = []
        plain = context_codec.to_plain(
            {
                "a": lock, "b": [1, lock, 2], "c": (1, {"x": lock}),
                "d": (1, lock), "e": locked, "f": {(lock,): 1, 2: 3},
                "g": own.Moving(lock),
            },
            "context", omitted,
        )
        arrived = context_codec.from_plain(plain)
        self.assertEqual({"name": "x"}, vars(arrived.pop("e")))
        self.assertEqual(
            {"b": [1, 2], "c": (1, {}), "f": {2: 3}}, arrived
        )
        self.assertEqual(7, len(omitted))
        for path, text in zip(
            ("context['a']", "context['b'][1]", "context['c'][1]['x']",
             "context['d'][1]", "context['e'].lock", "context['f']",
             "context['g'].to_state()['value']"),
            omitted, strict=True,
        ):
            self.assertTrue(text.startswith(path), text)

    def test_what_does_not_survive_is_found_before_it_is_sent(self) -> None:
        error = self.assertRaises(
            context_codec.CannotBeSent, context_codec.check_round_trip,
            {"a": [own.Moving(1), own.Forgetful(2)]}, "context",
        )
        self.assertIn("context['a'][1]", str(error))
        self.assertIn("Forgetful", str(error))


#: what a peer that means harm may write, beside changes of true forms
WORDS = (
    "object", "dict", "tuple", "set", "frozenset", "int", "text", "enum",
    "flag", "state", "Decimal", "ZoneInfo", "Fraction", "datetime", "UUID",
    "subprocess:Popen", PLUGIN + ":subprocess.Popen", PLUGIN + ":PurePath",
    "antigravity:x", "os:system", "builtins:eval", "builtins:type",
    "rally.no.such:Thing", "rally.exceptions:RallyException", PLUGIN + ":",
    PLUGIN + ":local_object", PLUGIN + ":Failure", PLUGIN + ":Dict.__init__",
    "collections:defaultdict", "", ":", "\0", "__dict__", "../../etc/passwd",
    "this:x", "rally..:x", "rally.__main__:x",
)
junk = st.recursive(
    st.none() | st.booleans() | st.integers(-(2 ** 63), 2 ** 64 - 1)
    | st.floats() | st.binary(max_size=4) | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(WORDS), inner, max_size=2)
    | st.builds(lambda parts: {"\0": parts}, st.lists(inner, max_size=5)),
    max_leaves=8,
)


def places(plain: t.Any) -> list[tuple[t.Any, t.Any]]:
    """Every container of a plain form with each key in it."""
    keys: t.Iterable[t.Any] = ()
    if isinstance(plain, dict):
        keys = list(plain)
    elif isinstance(plain, list):
        keys = range(len(plain))
    found = [(plain, key) for key in keys]
    for key in keys:
        found += places(plain[key])
    return found


class ReadingTestCase(CodecTestCase):
    def read(self, plain: t.Any) -> None:
        """It is read, or refused with the one error; nothing is loaded."""
        before = set(sys.modules)
        with contextlib.suppress(context_codec.CannotBeRead):
            context_codec.from_plain(plain)
        loaded = {
            name for name in set(sys.modules) - before
            if not name.startswith(("rally.", "encodings."))
        }
        self.assertEqual(set(), loaded)

    @hypothesis.given(plain=junk)
    def test_junk_is_refused_or_read(self, plain: t.Any) -> None:
        self.read(plain)

    @hypothesis.given(value=contexts, data=st.data())
    def test_a_changed_form_is_refused_or_read(
        self, value: t.Any, data: t.Any
    ) -> None:
        plain = [context_codec.to_plain(value, "context")]
        for _ in range(data.draw(st.integers(1, 3))):
            where = places(plain)
            if not where:
                break
            container, key = data.draw(st.sampled_from(where))
            if data.draw(st.booleans()):
                container[key] = data.draw(junk)
            elif isinstance(container, list):
                container.insert(key, data.draw(junk))
            else:
                del container[key]
        self.read(plain)

    def refused(self, plain: t.Any) -> str:
        return str(
            self.assertRaises(
                context_codec.CannotBeRead, context_codec.from_plain, plain
            )
        )

    def test_only_classes_of_plugins_are_used(self) -> None:
        for name in (
            "subprocess:Popen", "builtins:object", "antigravity:x",
            PLUGIN + ":subprocess.Popen", PLUGIN + ":PurePath",
            "pathlib:Path", "collections.abc:Mapping",
        ):
            for kind in ("object", "state", "enum", "flag"):
                self.refused({"\0": [kind, name, [], None][:4]})
        self.assertNotIn("antigravity", sys.modules)

    def test_a_module_that_is_no_plugin_is_not_even_loaded(self) -> None:
        delattr(own, discover.MARK)
        self.addCleanup(setattr, own, discover.MARK, True)
        text = self.refused({"\0": ["object", PLUGIN + ":Plain", [], None]})
        self.assertIn("belongs neither", text)

    def test_fields_of_another_version_are_refused(self) -> None:
        self.refused({"\0": ["object", PLUGIN + ":Point", [1, 2, 3], None]})
        self.refused({"\0": ["object", PLUGIN + ":Flavor", [], {"z": 1}]})

    def test_an_object_is_not_made_around_its_own_state(self) -> None:
        self.refused({"\0": ["object", PLUGIN + ":Moving", [], None]})

    def test_deep_forms_are_refused(self) -> None:
        plain: t.Any = 1
        for _ in range(100_000):
            plain = [plain]
        self.refused(plain)

    def test_no_key_of_a_zone_leads_elsewhere(self) -> None:
        for key in ("../../etc/passwd", "/etc/passwd", "a.b", "", "a//b"):
            self.refused({"\0": ["ZoneInfo", key]})
