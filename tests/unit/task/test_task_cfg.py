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

"""Tests of reading task files."""

from __future__ import annotations

import copy
import datetime as dt
import json
import typing as t

import ddt
import hypothesis
from hypothesis import strategies as st

from rally import exceptions
from rally.plugins.common.scenarios.dummy import dummy
from rally.task import task_cfg
from tests.unit import test

SHORT: dict[str, t.Any] = {"title": "s", "scenario": {"Dummy.dummy": {}}}
WORKLOAD = {"scenario": {"Dummy.dummy": {}}}
HOOK = {
    "action": {"sys_call": "true"},
    "trigger": {"event": {"unit": "iteration", "at": [1]}},
}


def texts(size: int) -> t.Any:
    """Texts that every database takes."""
    characters = st.characters(codec="utf-8", exclude_characters="\0")
    return st.text(characters, max_size=size)


def _v2(*subtasks: t.Any, **keys: t.Any) -> dict[str, t.Any]:
    return {"version": 2, "title": "T", "subtasks": list(subtasks), **keys}


around_itself: list[t.Any] = []
around_itself.append({"a": around_itself})

configs: t.Any = st.dictionaries(
    st.sampled_from("xyz"), st.integers() | texts(3), max_size=2
)
plugins: t.Any = st.builds(
    lambda name, config: {name: config}, st.sampled_from("abc"), configs
)
hooks: t.Any = st.fixed_dictionaries(
    {"action": plugins, "trigger": plugins},
    optional={"description": texts(3)},
)
workload_keys: dict[str, t.Any] = {
    "runner": plugins,
    "contexts": configs,
    "sla": configs,
    "hooks": st.lists(hooks, max_size=2),
}
subtask_keys: dict[str, t.Any] = {
    "group": texts(3),
    "description": texts(3),
    "tags": st.lists(texts(3), max_size=2),
}
short_subtasks: t.Any = st.fixed_dictionaries(
    {"title": texts(5), "scenario": plugins},
    optional={**subtask_keys, **workload_keys},
)
full_subtasks: t.Any = st.fixed_dictionaries(
    {
        "title": texts(5),
        "workloads": st.lists(
            st.fixed_dictionaries(
                {"scenario": plugins},
                optional={"description": texts(20), **workload_keys},
            ),
            min_size=1,
            max_size=3,
        ),
    },
    optional={**subtask_keys, "run_in_parallel": st.booleans()},
)
tasks: t.Any = st.builds(
    lambda subtasks, keys: _v2(*subtasks, **keys),
    st.lists(short_subtasks | full_subtasks, max_size=3),
    st.fixed_dictionaries(
        {},
        optional={
            "description": texts(3),
            "tags": st.lists(texts(3), max_size=2),
        },
    ),
)


class NormalFormTestCase(test.TestCase):
    def test_everything_that_a_file_says_is_kept(self) -> None:
        workload = {
            "scenario": {"Dummy.dummy": {"sleep": 1}},
            "description": "wd",
            "runner": {"constant": {"times": 1}},
            "contexts": {"dummy_context": {}},
            "sla": {"failure_rate": {"max": 1}},
            "hooks": [{**HOOK, "description": "h"}],
        }
        subtask = {
            "title": "q",
            "group": "g",
            "description": "sd",
            "tags": ["x"],
            "run_in_parallel": False,
            "workloads": [workload, {"scenario": {"No.such": {}}}],
        }
        given = _v2(subtask, description="D", tags=["a"])
        before = copy.deepcopy(given)
        cfg = task_cfg.TaskConfig(given)
        self.assertEqual(before, given)
        self.assertEqual(
            ("2", "T", "D", ["a"]),
            (cfg.version, cfg.title, cfg.description, cfg.tags),
        )
        (normal,) = cfg.subtasks
        first, second = normal.pop("workloads")
        del subtask["workloads"]
        self.assertEqual({**subtask, "contexts": {}}, normal)
        self.assertEqual(
            {
                "name": "Dummy.dummy",
                "args": {"sleep": 1},
                "position": 0,
                "description": "wd",
                "runner_type": "constant",
                "runner": {"times": 1},
                "contexts": {"dummy_context": {}},
                "sla": {"failure_rate": {"max": 1}},
                "hooks": [
                    {
                        "action": ("sys_call", "true"),
                        "trigger": (
                            "event",
                            {"unit": "iteration", "at": [1]},
                        ),
                        "description": "h",
                    }
                ],
            },
            first,
        )
        self.assertEqual(
            {
                "name": "No.such",
                "args": {},
                "position": 1,
                "description": "",
                "runner_type": "serial",
                "runner": {},
                "contexts": {},
                "sla": {"failure_rate": {"max": 0}},
                "hooks": [],
            },
            second,
        )

    def test_a_short_subtask_has_one_workload(self) -> None:
        cfg = task_cfg.TaskConfig(
            _v2({**SHORT, "group": "g", "description": "d", "sla": {}})
        )
        (subtask,) = cfg.subtasks
        (workload,) = subtask["workloads"]
        self.assertEqual(
            ("s", "g", "d", []),
            tuple(
                subtask[key]
                for key in ("title", "group", "description", "tags")
            ),
        )
        self.assertEqual({}, workload["sla"])
        self.assertEqual("Dummy.dummy", workload["name"])

    def test_a_workload_is_described_by_its_scenario(self) -> None:
        cfg = task_cfg.TaskConfig(_v2(SHORT))
        self.assertEqual(
            dummy.Dummy.get_title(),
            cfg.subtasks[0]["workloads"][0]["description"],
        )

    def test_version_1(self) -> None:
        cfg = task_cfg.TaskConfig(
            {
                "Dummy.dummy": [
                    {
                        "args": {"sleep": 1},
                        "description": "x",
                        "runner": {"type": "constant", "times": 10},
                        "context": {"dummy_context": {}},
                        "sla": {},
                        "hooks": [
                            {
                                "name": "sys_call",
                                "description": "hd",
                                "args": "true",
                                "trigger": {"name": "event", "args": [1]},
                            }
                        ],
                    },
                    {},
                ],
                "No.such": [{}],
            }
        )
        self.assertEqual("1", cfg.version)
        self.assertEqual("Task (adopted from task format v1)", cfg.title)
        self.assertEqual(
            ["Dummy.dummy", "No.such"], [s["title"] for s in cfg.subtasks]
        )
        first, second = cfg.subtasks[0]["workloads"]
        self.assertEqual(
            ("constant", {"times": 10}),
            (first["runner_type"], first["runner"]),
        )
        self.assertEqual({"dummy_context": {}}, first["contexts"])
        self.assertEqual(
            [
                {
                    "action": ("sys_call", "true"),
                    "trigger": ("event", [1]),
                    "description": "hd",
                }
            ],
            first["hooks"],
        )
        self.assertEqual(
            (1, "serial"), (second["position"], second["runner_type"])
        )

    @hypothesis.settings(max_examples=60)
    @hypothesis.given(task=tasks)
    def test_a_task_written_out_is_the_same_task(self, task: t.Any) -> None:
        cfg = task_cfg.TaskConfig(task)
        written = json.loads(json.dumps(cfg.to_dict()))
        again = task_cfg.TaskConfig(written)
        self.assertEqual(cfg.subtasks, again.subtasks)
        self.assertEqual(cfg.to_dict(), again.to_dict())
        self.assertEqual(
            (cfg.title, cfg.description, cfg.tags),
            (again.title, again.description, again.tags),
        )


# what is wrong, and what the message must hold
WRONG: list[tuple[t.Any, str]] = [
    (None, "It is empty"),
    ({}, "It is empty"),
    ([], "It is not a dict"),
    ("text", "It is not a dict"),
    ({"version": 3}, "version 3 is not supported"),
    ({"version": 2}, "'subtasks', 'title' are required properties, but"),
    (
        {"version": 2, "title": "x"},
        "'subtasks' is a required property, but it is missed.",
    ),
    (
        _v2(SHORT, zz=1),
        "Additional properties are not allowed ('zz' was unexpected).",
    ),
    (_v2(SHORT, zz=1, yy=2), "('yy', 'zz' were unexpected)."),
    (
        _v2(SHORT, title="x" * 256),
        "Title has 256 characters, but may have 255: 'xxx",
    ),
    (_v2(SHORT, title="a\0b"), "Title has a null character"),
    (_v2(SHORT, description="a\0b"), "Description has a null character"),
    (_v2(SHORT, title=5), "Title should be a string, but 'int'"),
    (_v2(SHORT, description=4), "Description should be a string"),
    (_v2(SHORT, tags="a"), "Tags should be an array(list) of strings"),
    (_v2(SHORT, tags=[5]), "Tag '5' should be a string"),
    (
        _v2(SHORT, tags=["b", "a" * 256]),
        "Tag #2 has 256 characters, but may have 255",
    ),
    ({**_v2(), "subtasks": {}}, "'subtasks' should be an array(list)"),
    (_v2(SHORT, 5), "Subtask #2. 5 is not of type 'object'"),
    (_v2({"title": "q"}), "Subtask #1. 'scenario' is a required property"),
    (
        _v2({**SHORT, "title": "q" * 129}),
        "Subtask #1. The text has 129 characters, but may have 128: 'qqq",
    ),
    (
        _v2({**SHORT, "tags": ["q" * 256]}),
        "has 256 characters, but may have 255: '%s...' (at ['tags'][0])"
        % ("q" * 40),
    ),
    (
        _v2(SHORT, {"title": "q" * 256, "workloads": [WORKLOAD]}),
        "Subtask #2. Its title has 256 characters, but may have 255",
    ),
    (
        _v2({"title": "q", "workloads": [{"scenario": {"S" * 256: {}}}]}),
        "Subtask #1. A scenario's name has 256 characters, but may have 255",
    ),
    (
        _v2({"title": "q", "workloads": [
            {**WORKLOAD, "runner": {"r" * 256: {}}},
        ]}),
        "Subtask #1. A runner's name has 256 characters, but may have 255",
    ),
    ({"S" * 256: [{}]}, "Subtask #1. Its title has 256 characters"),
    (
        _v2({"title": "q", "workloads": [
            {**WORKLOAD, "description": "\0"},
        ]}),
        "Subtask #1. A workload's description has a null character",
    ),
    (_v2({**SHORT, "foo": 1}), "'foo' was unexpected"),
    (_v2({**SHORT, "workloads": []}), "Subtask #1. "),
    (_v2({**SHORT, "runner": {}}), "(at ['runner'])"),
    (_v2({**SHORT, "runner": {"a": 1}}), "(at ['runner']['a'])"),
    (
        _v2({"title": "q", "workloads": [{"scenario": {"a": {}, "b": {}}}]}),
        "(at ['workloads'][0]['scenario'])",
    ),
    (_v2({**SHORT, "hooks": [{"action": {"a": 1}}]}), "'trigger' is a req"),
    (_v2({**SHORT, "scenario": {5: {}}}), "should be strings"),
    ({5: []}, "should be strings"),
    ({"Dummy.dummy": {}}, "{} is not of type 'array' (at ['Dummy.dummy'])"),
    ({"Dummy.dummy": [{"runner": {}}]}, "'type' is a required property"),
    ({"Dummy.dummy": [{"foo": 1}]}, "'foo' was unexpected"),
    # what is likely to be meant
    (_v2(SHORT, titel="x"), "('titel' was unexpected). Did you mean title?"),
    (
        _v2({**SHORT, "context": {}, "rnner": {}}),
        "('context', 'rnner' were unexpected). "
        "Did you mean contexts or runner?",
    ),
    (
        {"title": "x", "subtasks": [SHORT]},
        "It has no version (such as 'version: 2'), so it was read as",
    ),
    (
        _v2({**SHORT, "runner": {"type": "constant", "times": 1}}),
        "(at ['runner']). There can be one key, the name of a plugin",
    ),
    (
        _v2({**SHORT, "scenario": {"Dummy.dummy": None}}),
        "(at ['scenario']['Dummy.dummy']). Write {} if",
    ),
    (
        _v2({**SHORT, "scenario": "Dummy.dummy"}),
        "(at ['scenario']). Write {Dummy.dummy: {}}",
    ),
    ({"Dummy.dummy": [{"hooks": [{"name": "a"}]}]}, "required property"),
]


@ddt.ddt
class InvalidTaskTestCase(test.TestCase):
    @ddt.data(
        (dt.date(2020, 1, 1), "['a'] is a value of type date"),
        ([b"x"], "['a'][0] is a value of type bytes"),
        ({"b": {1, 2}}, "['a']['b'] is a value of type set"),
        (float("nan"), "['a'] is nan"),
        ("x\ud800", "['a'] has half of a character"),
        ({("b",): 1}, "a key of ['subtasks']"),
        ({"\udcff": 1}, "a key of ['subtasks']"),
        (around_itself, "['a'][0]['a'] contains itself"),
    )
    @ddt.unpack
    def test_what_json_cannot_hold_is_refused(self, value, reason) -> None:
        tasks = (
            _v2({**SHORT, "scenario": {"Dummy.dummy": {"a": value}}}),
            {"Dummy.dummy": [{"args": {"a": value}}]},
        )
        for task in tasks:
            error = self.assertRaises(
                exceptions.InvalidTaskException, task_cfg.TaskConfig, task
            )
            self.assertIn(
                reason.replace("['subtasks']", "["), str(error)
            )

    def test_what_is_nested_too_deep_is_refused(self) -> None:
        deep: list[t.Any] = []
        for _ in range(2000):
            deep = [deep]
        error = self.assertRaises(
            exceptions.InvalidTaskException, task_cfg.TaskConfig, {"a": deep}
        )
        self.assertIn("nested too deep", str(error))

    def test_what_json_makes_text_of_is_taken(self) -> None:
        shared = [1]
        args = {"a": {1: 10 ** 40, None: shared}, "b": (shared, True)}
        cfg = task_cfg.TaskConfig(
            _v2({**SHORT, "scenario": {"Dummy.dummy": args}})
        )
        self.assertEqual(args, cfg.subtasks[0]["workloads"][0]["args"])

    @ddt.data(*WRONG)
    @ddt.unpack
    def test_it_is_refused_with_the_reason(
        self, config: t.Any, reason: str
    ) -> None:
        error = self.assertRaises(
            exceptions.InvalidTaskException, task_cfg.TaskConfig, config
        )
        self.assertIn(reason, str(error))
        self.assertLess(len(str(error)), 600)
