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

"""Large contexts behave as deep copies do, whatever is done with them."""

from __future__ import annotations

import collections
import concurrent.futures
import copy
import datetime
import enum
import heapq
import json
import pickle
import pprint
import threading
import typing as t

import ddt
import hypothesis
import jsonschema
import msgspec
import yaml
from hypothesis import stateful
from hypothesis import strategies as st

from rally.task.load import copied_on_touch, isolation
from tests.unit import test

LARGE = copied_on_touch.LIMIT + 1


class Credential(dict):  # type: ignore[type-arg]
    """As it is done in rally-openstack."""

    @property
    def username(self) -> t.Any:
        return self["username"]


class Flavor(t.NamedTuple):
    name: str
    tags: list[str]


class Color(enum.Enum):
    RED = 1


class Holder:
    def __init__(self, held: t.Any) -> None:
        self.held = held


class Shared:
    def __deepcopy__(self, memo: t.Any) -> Shared:
        return self


class MyDumper(yaml.SafeDumper):
    """Of a plugin that was loaded before."""


MyDumper.add_representer(
    Color, lambda dumper, value: dumper.represent_str(value.name)
)


def cloud(users: int = LARGE) -> dict[str, t.Any]:
    """What the contexts of rally-openstack leave, and odd things."""
    value: dict[str, t.Any] = {"users": [], "tenants": {}, "iteration": 1}
    for i in range(users):
        tenant = value["tenants"].setdefault(
            "t%d" % (i % max(1, users // 2)),
            {"name": "n", "users": [], "images": [{"id": i}]},
        )
        user = {
            "id": i, "tenant_id": "t%d" % (i % max(1, users // 2)),
            "credential": Credential(username="u%d" % i, roles=["a"]),
        }
        value["users"].append(user)
        tenant["users"].append(user)
    value["names"] = ["n%d" % i for i in range(users)]
    value["admin"] = {"credential": Credential(username="admin")}
    value["first"] = value["users"][0]
    value["odd"] = {
        "flavors": [Flavor("f%d" % i, ["x"]) for i in range(users)],
        "color": Color.RED, "when": datetime.date(2026, 1, 2),
        "set": {1, 2}, "pair": ({"a": [1]}, value["users"]),
        "holder": Holder(value["users"]), "by": {(1, 2): [3]},
        "ordered": collections.OrderedDict(a=value["users"][0]),
    }
    return value


def plain(users: int = LARGE) -> dict[str, t.Any]:
    """What JSON can hold, large at several levels."""
    return {
        "list": [{"id": i, "in": [i]} for i in range(users)],
        "dict": {"k%d" % i: {"id": i} for i in range(users)},
        "deep": {"er": [{"a": [i] * 3} for i in range(users)], "b": [1]},
        "numbers": list(range(users)), "small": {"a": [1]},
    }


READS: dict[str, t.Callable[[t.Any], t.Any]] = {
    "json": lambda x: json.dumps(x),
    "json, indented": lambda x: json.dumps(x, indent=1, sort_keys=True),
    "deep copy": copy.deepcopy,
    "copy": lambda x: {key: copy.copy(value) for key, value in x.items()},
    "pickle": lambda x: pickle.loads(pickle.dumps(x)),
    "old pickle": lambda x: pickle.loads(pickle.dumps(x, 0)),
    "slow pickle": lambda x: pickle.loads(pickle._dumps(x)),  # type: ignore
    "dict()": lambda x: dict(x["dict"]),
    "list()": lambda x: list(x["list"]),
    "tuple()": lambda x: tuple(x["list"]),
    "keys as list": lambda x: list(x["dict"]),
    "set": lambda x: set(x["numbers"]) | set(x["dict"]),
    "sorted": lambda x: sorted(x["dict"]),
    "sorted keys": lambda x: sorted(x["dict"].keys()),
    "sorted by": lambda x: sorted(x["list"], key=lambda u: -u["id"]),
    "reversed": lambda x: [*reversed(x["list"]), *reversed(x["dict"])],
    "**": lambda x: (lambda **kwargs: kwargs)(**x["dict"]),
    "*": lambda x: (lambda *args: args)(*x["list"]),
    "{**}": lambda x: {"a": 1, **x["dict"]},
    "[*]": lambda x: [1, *x["list"]],
    "|": lambda x: [x["dict"] | {"a": 1}, {"a": 1} | x["dict"]],
    "+": lambda x: [x["list"] + [1], [1] + x["list"]],
    "+ both": lambda x: x["list"] + x["numbers"],
    "*2": lambda x: [x["numbers"] * 2, 2 * x["list"]],
    "update": lambda x: collections.Counter(x["numbers"]),
    "ordered": lambda x: collections.OrderedDict(x["dict"]),
    "default": lambda x: collections.defaultdict(list, x["dict"]),
    "chain": lambda x: dict(collections.ChainMap({}, x["dict"])),
    "slice": lambda x: [x["list"][2:9:3], x["list"][-2:], x["numbers"][::-1]],
    "negative": lambda x: x["list"][-1],
    "repr": repr,
    "str": lambda x: [str(x["list"]), "%s" % x["dict"], f"{x['list']}"],
    "pprint": pprint.pformat,
    "yaml": lambda x: [yaml.dump(x), yaml.safe_dump(x)],
    "my yaml": lambda x: yaml.dump(x, Dumper=MyDumper),
    "format_map": lambda x: "{k1}".format_map(x["dict"]),
    "%": lambda x: "%(k1)s" % x["dict"],
    "in": lambda x: [
        "k1" in x["dict"], "z" in x["dict"], {"id": 1, "in": [1]} in x["list"],
        5 in x["numbers"], 5 in x["list"],
    ],
    "get": lambda x: [x["dict"].get("k1"), x["dict"].get("z", 5)],
    "items": lambda x: [*x["dict"].items(), *x["dict"].values()],
    "views": lambda x: x["dict"].keys() & {"k1", "z"},
    "==": lambda x: [
        x == plain(), plain() == x, x["list"] == plain()["list"],
        plain()["list"] == x["list"], plain()["dict"] == x["dict"],
        x["dict"] == x["dict"], x["dict"] != plain()["dict"],
        x["list"] == x["numbers"], x["dict"] == {},
    ],
    "<": lambda x: [x["numbers"] < [1], [1] < x["numbers"]],
    "len": lambda x: [len(x["list"]), len(x["dict"]), bool(x["list"])],
    "index": lambda x: [x["numbers"].index(5), x["numbers"].count(5)],
    "min": lambda x: [min(x["numbers"]), sum(x["numbers"]), max(x["dict"])],
    "join": lambda x: ",".join(x["dict"]),
    "match": lambda x: _matched(x),
    "unpack": lambda x: (lambda a, *b: b)(*x["list"]),
    "type()": lambda x: [
        type(x["list"])(x["list"]), type(x["dict"])(x["dict"]),
        type(x["dict"]).fromkeys("a"),
    ],
    "isinstance": lambda x: [
        isinstance(x["list"], list), isinstance(x["dict"], dict),
        isinstance(x["list"], collections.abc.Sequence),
        isinstance(x["dict"], collections.abc.Mapping),
    ],
    "no such": lambda x: [
        _raised(lambda: x["dict"]["z"]), _raised(lambda: x["list"][9999]),
        _raised(lambda: x["list"]["a"]), _raised(lambda: x["dict"][[]]),
        _raised(lambda: hash(x["dict"]))[:1],
        _raised(lambda: x["list"] + (1,)),
        _raised(lambda: x["list"].foo)[:1], _raised(lambda: x["list"] < 5),
    ],
    "schema": lambda x: _raised(lambda: jsonschema.validate(x, {
        "type": "object", "properties": {
            "list": {"type": "array", "items": {"type": "object"}},
            "dict": {"additionalProperties": {"type": "string"}},
        },
    })),
    "largest": lambda x: heapq.nlargest(3, x["numbers"]),
    "next": lambda x: [next(iter(x["list"])), next(iter(x["dict"]))],
}


def _matched(x: t.Any) -> t.Any:
    match x:
        case {"dict": {"k1": found, **rest}, "list": [first, *others]}:
            return found, rest, first, others


def _raised(call: t.Callable[[], t.Any]) -> tuple[str, ...]:
    try:
        call()
    except Exception as e:
        return type(e).__name__, str(e)[:40]
    return ()


WRITES: dict[str, t.Callable[[t.Any], t.Any]] = {
    "item": lambda x: x["list"].__setitem__(3, 5),
    "slice": lambda x: x["list"].__setitem__(slice(2, 5), x["numbers"]),
    "del": lambda x: [x["list"].__delitem__(1), x["dict"].__delitem__("k1")],
    "append": lambda x: x["list"].append(x["dict"]),
    "extend": lambda x: x["list"].extend(x["list"]),
    "pop": lambda x: [x["list"].pop(), x["dict"].pop("k2"), x["list"].pop(0)],
    "popitem": lambda x: x["dict"].popitem(),
    "sort": lambda x: x["list"].sort(key=lambda u: -u["id"]),
    "reverse": lambda x: x["list"].reverse(),
    "update": lambda x: x["dict"].update({"k3": 1, "z": 2}),
    "setdefault": lambda x: x["dict"].setdefault("k1", 5)["id"],
    "clear": lambda x: [x["dict"].clear(), x["list"].clear()],
    "inner": lambda x: x["list"][5]["in"].append(7),
    "inner dict": lambda x: x["dict"]["k5"].update(id=0),
    "inner of iteration": lambda x: [u["in"].append(1) for u in x["list"]],
    "while keys": lambda x: [
        x["dict"].__setitem__(key, i) for i, key in enumerate(x["dict"])
    ],
    "deep": lambda x: x["deep"]["er"][9]["a"].append(x["deep"]),
    "+=": lambda x: x["list"].__iadd__([1]),
    "|=": lambda x: x["dict"].__ior__({"z": 1}),
    "*=": lambda x: x["list"].__imul__(2),
}


@ddt.ddt
class EveryWayTestCase(test.TestCase):
    """One thing done to a large context and to a deep copy of it."""

    def setUp(self) -> None:
        super().setUp()
        self.make = isolation.copier(plain())
        self.assertIsInstance(
            self.make()["deep"]["er"], copied_on_touch.UntouchedList
        )

    @ddt.data(*READS)
    def test_reading(self, name: str) -> None:
        made = self.make()
        self.assertEqual(READS[name](plain()), READS[name](made))
        self.assertEqual(READS[name](plain()), READS[name](made))
        self.assertEqual(plain(), made)

    @ddt.data(*WRITES)
    def test_writing(self, name: str) -> None:
        made, other, expected = self.make(), self.make(), plain()
        self.assertEqual(
            repr(WRITES[name](expected)), repr(WRITES[name](made))
        )
        self.assertEqual(repr(expected), repr(made))
        self.assertEqual(plain(), other)
        self.assertEqual(plain(), self.make())

    @ddt.data("copy", "deep copy", "pickle", "+", "|", "slice", "{**}")
    def test_what_is_made_of_it_is_plain(self, name: str) -> None:
        result = READS[name](self.make())
        stack = [result]
        while stack:
            value = stack.pop()
            if name not in ("deep copy", "pickle") and value is not result:
                continue
            self.assertNotIsInstance(value, copied_on_touch.TouchedDict)
            self.assertNotIsInstance(value, copied_on_touch.TouchedList)
            if type(value) in (dict, list):
                stack += value.values() if type(value) is dict else value

    def test_c_code_that_reads_past_the_methods_fails(self) -> None:
        for key in ("list", "dict"):
            self.assertRaises(
                TypeError, msgspec.msgpack.encode, self.make()[key]
            )
        self.assertRaises(
            TypeError, heapq.heappush, self.make()["numbers"], 1
        )

    def test_the_outermost_dict_and_small_parts_are_plain(self) -> None:
        made = self.make()
        self.assertIs(dict, type(made))
        self.assertIs(dict, type(made["small"]))
        self.assertIs(dict, type(made["list"][0]))


#: where the first user of the cloud is found
PLACES: tuple[t.Callable[[t.Any], t.Any], ...] = (
    lambda x: x["users"][0],
    lambda x: x["first"],
    lambda x: x["tenants"]["t0"]["users"][0],
    lambda x: x["odd"]["holder"].held[0],
    lambda x: x["odd"]["pair"][1][0],
    lambda x: x["odd"]["ordered"]["a"],
)


class ObjectsTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.value = cloud()
        self.make = isolation.copier(self.value)

    def test_what_two_places_share_goes_on_being_shared(self) -> None:
        for order in (1, -1):
            made = self.make()
            first, *others = [get(made) for get in PLACES[::order]]
            first["new"] = 1
            for other in others:
                self.assertIs(first, other)
        self.assertNotIn("new", self.make()["first"])
        self.assertNotIn("new", self.value["first"])

    def test_objects_are_of_their_classes(self) -> None:
        made = self.make()
        self.assertEqual("u7", made["users"][7]["credential"].username)
        self.assertEqual("f7", made["odd"]["flavors"][7].name)
        self.assertIs(Color.RED, made["odd"]["color"])
        self.assertEqual({(1, 2): [3]}, made["odd"]["by"])
        made["odd"]["flavors"][7].tags.append("y")
        self.assertEqual(["x"], self.make()["odd"]["flavors"][7].tags)

    def test_a_class_copies_as_it_wants(self) -> None:
        shared = Shared()
        value = {"a": [shared] * LARGE, "lock": Holder(shared)}
        made = isolation.copier(value)()
        self.assertIs(shared, made["a"][3])
        self.assertIs(shared, made["lock"].held)

    def test_a_cycle_is_kept(self) -> None:
        ring: list[t.Any] = [{"n": i} for i in range(LARGE)]
        ring.append(ring)
        ring.append({"ring": ring})
        made = isolation.copier({"ring": ring})()["ring"]
        self.assertIs(made, made[LARGE])
        self.assertIs(made, made[LARGE + 1]["ring"])
        again = pickle.loads(pickle.dumps(made))
        self.assertIs(again, again[LARGE])
        again = copy.deepcopy(made)
        self.assertIs(again, again[LARGE])

    def test_who_changes_the_original_later_changes_no_copy(self) -> None:
        self.value["users"][3]["id"] = "changed"
        self.value["users"].clear()
        self.assertEqual(3, self.make()["users"][3]["id"])

    def test_what_refuses_to_be_copied_refuses(self) -> None:
        value = cloud()
        value["lock"] = threading.Lock()
        self.assertRaises(TypeError, isolation.copier(value))

    def test_a_deep_one_is_copied(self) -> None:
        value: t.Any = []
        for _ in range(300):
            value = [value]
        made = isolation.copier({"x": value, "y": [0] * LARGE})()
        self.assertEqual(repr(value), repr(made["x"]))

    def test_what_outlives_its_iteration_is_still_a_copy(self) -> None:
        made = self.make()
        users, user = made["users"], made["users"][1]
        user["new"] = 1
        copied_on_touch.release(made)
        self.assertIs(user, users[1])
        self.assertEqual(2, users[2]["id"])
        users[2]["id"] = 5
        self.assertEqual(2, self.make()["users"][2]["id"])

    def test_threads_of_one_iteration_see_the_same(self) -> None:
        for _ in range(20):
            first, *others = _seen_by_threads(self.make())
            self.assertEqual([first] * len(others), others)


def _seen_by_threads(made: t.Any, threads: int = 4) -> list[t.Any]:
    """Which objects each of some threads gets to see at the same time."""
    barrier = threading.Barrier(threads)

    def look(_: int) -> t.Any:
        barrier.wait()
        users = [id(user) for user in made["users"]]
        tenants = [id(tenant) for _, tenant in made["tenants"].items()]
        return users, tenants, [id(user) for user in made["users"][:]]

    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        return list(pool.map(look, range(threads)))


KEYS = st.sampled_from(["a", "b", "c", "d"])
PATHS = st.lists(st.integers(0, 3), max_size=4)


def small_graph() -> st.SearchStrategy[t.Any]:
    leaves = st.one_of(st.integers(0, 3), st.text("xy", max_size=2))
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4),
            st.dictionaries(KEYS, inner, max_size=4),
            st.tuples(inner, inner), st.builds(Holder, inner),
            st.builds(Credential, st.dictionaries(KEYS, inner, max_size=2)),
        ),
        max_leaves=15,
    )


def children(value: t.Any) -> list[t.Any]:
    if isinstance(value, Holder):
        return [value.held]
    if isinstance(value, dict):
        return [value[key] for key in value]
    if isinstance(value, (list, tuple)):
        return [value[i] for i in range(len(value))]
    return []


def at(value: t.Any, path: list[int]) -> t.Any:
    for step in path:
        inner = children(value)
        if not inner:
            break
        value = inner[step % len(inner)]
    return value


def drawn(value: t.Any, seen: dict[int, int] | None = None) -> t.Any:
    """*value* with what is shared in it, comparable."""
    seen = {} if seen is None else seen
    if not isinstance(value, (list, dict, tuple, Holder)):
        return value
    if id(value) in seen:
        return "seen %d" % seen[id(value)]
    if not isinstance(value, tuple):
        seen[id(value)] = len(seen)
    inner = [drawn(item, seen) for item in children(value)]
    keys = list(value) if isinstance(value, dict) else None
    kind = next(
        k for k in (Credential, dict, list, tuple, Holder)
        if isinstance(value, k)
    )
    return kind.__name__, keys, inner


class ManyIterations(stateful.RuleBasedStateMachine):
    """Some iterations read and write as they please; so do deep copies."""

    @stateful.initialize(
        parts=st.lists(small_graph(), min_size=1, max_size=3),
        links=st.lists(st.tuples(PATHS, PATHS), max_size=3),
    )
    def begin(self, parts: list[t.Any], links: t.Any) -> None:
        limit = copied_on_touch.LIMIT
        copied_on_touch.LIMIT = 2  # so that small things are large
        value: dict[str, t.Any] = {"p%d" % i: p for i, p in enumerate(parts)}
        for source, target in links:  # shares, and cycles
            into = at(value, target)
            if type(into) is list:
                into.append(at(value, source))
            elif type(into) is dict:
                into["link"] = at(value, source)
        self.master = copy.deepcopy(value)
        self.before = drawn(value)
        try:
            self.make = isolation.copier(value)
        finally:
            copied_on_touch.LIMIT = limit
        self.value = value
        self.copies = [self.make() for _ in range(3)]
        self.models = [copy.deepcopy(self.master) for _ in range(3)]

    def both(self, who: int, path: list[int]) -> list[t.Any]:
        return [at(self.copies[who], path), at(self.models[who], path)]

    @stateful.rule(who=st.integers(0, 2), path=PATHS, n=st.integers(0, 9))
    def write(self, who: int, path: list[int], n: int) -> None:
        for found in self.both(who, path):
            if isinstance(found, dict):
                found["new%d" % (n % 2)] = [n]
            elif isinstance(found, list):
                found.insert(n % 3, {"n": n})
            elif isinstance(found, Holder):
                found.held = [n]

    @stateful.rule(who=st.integers(0, 2), path=PATHS, n=st.integers(0, 9))
    def remove(self, who: int, path: list[int], n: int) -> None:
        for found in self.both(who, path):
            if isinstance(found, dict) and found:
                found.pop(sorted(found, key=str)[n % len(found)])
            elif isinstance(found, list) and found:
                del found[n % len(found)]

    @stateful.rule(who=st.integers(0, 2), origin=PATHS, into_path=PATHS)
    def move(
        self, who: int, origin: list[int], into_path: list[int]
    ) -> None:
        for copied in (self.copies[who], self.models[who]):
            found, into = at(copied, origin), at(copied, into_path)
            if isinstance(into, list):
                into.append(found)
            elif isinstance(into, dict):
                into["moved"] = found

    @stateful.rule(who=st.integers(0, 2), path=PATHS)
    def read(self, who: int, path: list[int]) -> None:
        one, other = self.both(who, path)
        assert drawn(copy.deepcopy(one)) == drawn(copy.deepcopy(other))
        if isinstance(one, (list, dict)):
            assert len(one) == len(other)
            assert list(map(str, one)) == list(map(str, other)) or any(
                isinstance(item, Holder) for item in _all(one)
            )

    @stateful.rule(who=st.integers(0, 2))
    def compare(self, who: int) -> None:
        assert drawn(self.copies[who]) == drawn(self.models[who])

    @stateful.rule(who=st.integers(0, 2))
    def start_anew(self, who: int) -> None:
        copied_on_touch.release(self.copies[who])
        self.copies[who] = self.make()
        self.models[who] = copy.deepcopy(self.master)

    def teardown(self) -> None:
        if not hasattr(self, "make"):
            return
        for one, other in zip(self.copies, self.models, strict=True):
            assert drawn(one) == drawn(other)
        assert drawn(self.make()) == drawn(self.master)
        assert drawn(self.value) == self.before


def _all(value: t.Any, seen: set[int] | None = None) -> t.Iterator[t.Any]:
    seen = set() if seen is None else seen
    if id(value) not in seen:
        seen.add(id(value))
        yield value
        for item in children(value):
            yield from _all(item, seen)


class IsolationTestCase(test.TestCase):
    def test_no_iteration_sees_what_another_does(self) -> None:
        stateful.run_state_machine_as_test(
            ManyIterations,
            settings=hypothesis.settings(
                max_examples=60, stateful_step_count=15, deadline=None,
            ),
        )
