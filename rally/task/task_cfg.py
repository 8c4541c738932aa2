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

"""Task files: both versions of their format, turned into one form."""

from __future__ import annotations

import copy
import typing as t

import jsonschema

from rally import consts, exceptions
from rally.common import portable, spelling, texts

_Dict: t.TypeAlias = dict[str, t.Any]

_STRING = {"type": "string"}
_OBJECT = {"type": "object"}


def _object_of(
    properties: _Dict, required: t.Sequence[str] = (), **more: t.Any
) -> _Dict:
    """Schema of an object with these properties and no others."""
    schema = {
        "type": "object", **more, "properties": properties,
        "additionalProperties": False,
    }
    return {**schema, "required": list(required)} if required else schema


def _single(value: _Dict, **more: t.Any) -> _Dict:
    """Schema of an object with one property."""
    return {
        "type": "object", **more, "minProperties": 1, "maxProperties": 1,
        "patternProperties": {".*": value},
    }


_SINGLE_ENTITY = _single(
    _OBJECT, description="An object with a single property."
)
_HOOK = _object_of(
    {
        "action": _single({}),
        "trigger": _SINGLE_ENTITY,
        "description": _STRING,
    },
    ["action", "trigger"],
)
_WORKLOAD_KEYS: _Dict = {
    "scenario": _SINGLE_ENTITY,
    "description": _STRING,
    "runner": _SINGLE_ENTITY,
    "sla": _OBJECT,
    "hooks": {"type": "array", "items": _HOOK},
    "contexts": _OBJECT,
}
_SUBTASK_KEYS: _Dict = {
    "title": {"type": "string", "maxLength": 128},
    "group": _STRING,
    "description": _STRING,
    "tags": {
        "type": "array",
        "items": {"type": "string", "maxLength": texts.NAME},
    },
}
_SUBTASK_SIMPLE = _object_of(
    {**_SUBTASK_KEYS, **_WORKLOAD_KEYS}, ["title", "scenario"],
    **{"$schema": consts.JSON_SCHEMA},
)
_SUBTASK_COMPLEX = _object_of(
    {
        **_SUBTASK_KEYS,
        "title": _STRING,
        "run_in_parallel": {"type": "boolean"},
        "workloads": {
            "type": "array",
            "minItems": 1,
            "items": _object_of(_WORKLOAD_KEYS, ["scenario"]),
        },
    },
    ["title", "workloads"],
    **{"$schema": consts.JSON_SCHEMA},
)
_V1_HOOK = _object_of(
    {
        "name": _STRING,
        "description": _STRING,
        "args": {},
        "trigger": _object_of({"name": _STRING, "args": {}}, ["name", "args"]),
    },
    ["name", "args", "trigger"],
)
_V1_WORKLOAD = _object_of(
    {
        "args": _OBJECT,
        "description": _STRING,
        "runner": {
            "type": "object",
            "properties": {"type": _STRING},
            "required": ["type"],
        },
        "context": _OBJECT,
        "sla": _OBJECT,
        "hooks": {"type": "array", "items": _V1_HOOK},
    },
)
_V1: _Dict = {
    "type": "object",
    "$schema": consts.JSON_SCHEMA,
    "patternProperties": {".*": {"type": "array", "items": _V1_WORKLOAD}},
}


class TaskConfig:
    """A task file in normal form.

    Attributes: ``version title tags description subtasks``. A subtask has
    ``title description tags contexts workloads``; a workload has ``name args
    position description runner_type runner contexts sla hooks``, where
    action and trigger of a hook are pairs of name and config.

    :param config: the file as parsed
    :raises InvalidTaskException: it is not a task
    """

    CONFIG_SCHEMA_V1 = _V1
    CONFIG_SCHEMA_V2_HOOK = _HOOK
    CONFIG_SCHEMA_V2_SUBTASK_SIMPLE = _SUBTASK_SIMPLE
    CONFIG_SCHEMA_V2_SUBTASK_COMPLEX = _SUBTASK_COMPLEX
    V2_TOP_ALLOWED_KEYS = [
        "title", "version", "description", "tags", "subtasks",
    ]
    V2_TOP_REQUIRED_KEYS = ["title", "version", "subtasks"]

    def __init__(self, config: t.Any) -> None:
        if not isinstance(config, dict) and config is not None:
            raise exceptions.InvalidTaskException("It is not a dict")
        if not config:
            raise exceptions.InvalidTaskException("It is empty")
        problem = portable.json_problem(config)
        if problem:
            raise exceptions.InvalidTaskException(
                f"{problem}. It could be neither stored nor sent to agents; "
                "write it as text, or as a list or an object"
            )
        version = str(config.get("version", "1"))
        process = {"1": self._process_1, "2": self._process_2}.get(version)
        if process is None:
            raise exceptions.InvalidTaskException(
                f"Task configuration version {version} is not supported. "
                "Supported versions: 1, 2"
            )
        normal = process(copy.deepcopy(config))
        self.version = version
        self.title: str = normal.get("title", "Task")
        self.tags: list[str] = normal.get("tags", [])
        self.description: str = normal.get("description") or ""
        self.subtasks: list[_Dict] = [
            _normal_subtask(subtask) for subtask in normal["subtasks"]
        ]
        problem = texts.problem_in(self._texts())
        if problem:
            raise exceptions.InvalidTaskException(
                f"{problem}. It could not be stored"
            )

    def _texts(self) -> t.Iterator[texts.Found]:
        """What is stored in columns of its own."""
        yield "Title", self.title, texts.NAME
        yield "Description", self.description, None
        for number, tag in enumerate(self.tags, 1):
            yield f"Tag #{number}", tag, texts.NAME
        for i, subtask in enumerate(self.subtasks, 1):
            at = f"Subtask #{i}. "
            yield at + "Its title", subtask["title"], texts.NAME
            yield at + "Its description", subtask["description"], None
            for workload in subtask["workloads"]:
                yield at + "A scenario's name", workload["name"], texts.NAME
                yield (
                    at + "A runner's name", workload["runner_type"], texts.NAME
                )
                yield (
                    at + "A workload's description", workload["description"],
                    None,
                )

    def to_dict(self) -> _Dict:
        """The task as a version 2 task file."""
        return {
            "version": 2,
            "title": self.title,
            "description": self.description,
            "tags": self.tags,
            "subtasks": [_subtask_to_dict(s) for s in self.subtasks],
        }

    def _process_1(self, config: _Dict) -> _Dict:
        """Version 1 as version 2."""
        why = ""
        if not isinstance(config.get("version", []), list):
            del config["version"]  # else it is the name of a scenario
        else:
            why = (
                "It has no version (such as 'version: 2'), so it was read as "
                "version 1, where each key is a scenario with a list of "
                "workloads. "
            )
        _validate(config, self.CONFIG_SCHEMA_V1, identifier=why)
        return {
            "title": "Task (adopted from task format v1)",
            "subtasks": [
                {
                    "title": name,
                    "workloads": [_v1_workload(name, w) for w in workloads],
                }
                for name, workloads in config.items()
            ],
        }

    def _process_2(self, config: _Dict) -> _Dict:
        self._check_keys(config)
        self._check_title(config["title"])
        self._check_tags(config.get("tags", []))
        _check_type(
            config.get("description") or "", str, "Description", "a string"
        )
        subtasks = config["subtasks"]
        _check_type(subtasks, list, "Property 'subtasks'", "an array(list)")
        for i, subtask in enumerate(subtasks, 1):
            is_complex = isinstance(subtask, dict) and "workloads" in subtask
            _validate(
                subtask,
                self.CONFIG_SCHEMA_V2_SUBTASK_COMPLEX
                if is_complex
                else self.CONFIG_SCHEMA_V2_SUBTASK_SIMPLE,
                identifier=f"Subtask #{i}. ",
            )
            if not is_complex:
                subtask["workloads"] = [
                    {
                        k: subtask.pop(k)
                        for k in _WORKLOAD_KEYS
                        if k in subtask and k != "description"
                    }
                ]
        return config

    def _check_keys(self, config: _Dict) -> None:
        missing = sorted(
            k for k in self.V2_TOP_REQUIRED_KEYS if k not in config
        )
        if missing:
            raise exceptions.InvalidTaskException(
                _listed(missing)
                + (
                    " are required properties, but they are missed."
                    if len(missing) > 1
                    else " is a required property, but it is missed."
                )
            )
        extra = sorted(
            str(k) for k in config if k not in self.V2_TOP_ALLOWED_KEYS
        )
        if extra:
            raise exceptions.InvalidTaskException(
                "Additional properties are not allowed "
                f"({_listed(extra)} "
                f"{'were' if len(extra) > 1 else 'was'} unexpected)."
                + spelling.did_you_mean(extra, self.V2_TOP_ALLOWED_KEYS)
            )

    @staticmethod
    def _check_title(title: t.Any) -> None:
        _check_type(title, str, "Title", "a string")

    @staticmethod
    def _check_tags(tags: t.Any) -> None:
        _check_type(tags, list, "Tags", "an array(list) of strings")
        for tag in tags:
            _check_type(tag, str, f"Tag '{tag}'", "a string")


def _check_type(value: t.Any, cls: type, what: str, wanted: str) -> None:
    if not isinstance(value, cls):
        raise exceptions.InvalidTaskException(
            f"{what} should be {wanted}, but '{type(value).__name__}' is "
            "found."
        )


def _listed(names: t.Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _validate(instance: t.Any, schema: _Dict, identifier: str = "") -> None:
    """Check against a schema, with an error that says where it is wrong."""
    validator = jsonschema.Draft4Validator(schema)
    try:
        errors = list(validator.iter_errors(instance))
    except TypeError:  # jsonschema takes all keys for strings
        raise exceptions.InvalidTaskException(
            f"{identifier}Names of scenarios and other plugins should be "
            "strings; put those that look like numbers into quotes."
        ) from None
    error = jsonschema.exceptions.best_match(errors)
    if error is None:
        return
    place = "".join(f"[{part!r}]" for part in error.absolute_path)
    where = f" (at {place})" if place else ""
    message = error.message
    if error.validator == "maxLength":
        message = texts.problem_of(
            "The text", error.instance, error.validator_value
        )
    raise exceptions.InvalidTaskException(
        f"{identifier}{message}{where}{_hint(error)}"
    )


def _hint(error: jsonschema.ValidationError) -> str:
    """What to write instead; empty if nobody can know."""
    if error.validator == "additionalProperties":
        known = error.schema["properties"]
        extra = [key for key in error.instance if key not in known]
        question = spelling.did_you_mean(extra, known)
        return f".{question}" if question else ""
    if error.validator == "maxProperties":
        return (
            ". There can be one key, the name of a plugin; its options stand "
            "below it, as in {constant: {times: 10}}"
        )
    if error.validator == "type" and error.validator_value == "object":
        if error.instance is None:
            return ". Write {} if it is empty"
        if error.schema == _SINGLE_ENTITY and isinstance(error.instance, str):
            return f". Write {{{error.instance}: {{}}}}"
    return ""


def _v1_workload(name: str, workload: _Dict) -> _Dict:
    """A workload of version 1 in the form of version 2."""
    workload["scenario"] = {name: workload.pop("args", {})}
    if "context" in workload:
        workload["contexts"] = workload.pop("context")
    if "runner" in workload:
        runner_type = workload["runner"].pop("type")
        workload["runner"] = {runner_type: workload["runner"]}
    for hook in workload.get("hooks", []):
        trigger = hook["trigger"]
        hook["action"] = {hook.pop("name"): hook.pop("args")}
        hook["trigger"] = {trigger["name"]: trigger["args"]}
    return workload


def _normal_subtask(subtask: _Dict) -> _Dict:
    subtask.setdefault("tags", [])
    subtask.setdefault("description", "")
    subtask.setdefault("contexts", {})
    for position, workload in enumerate(subtask["workloads"]):
        _normalise_workload(workload, position)
    return subtask


def _normalise_workload(workload: _Dict, position: int) -> None:
    name, args = _only_item(workload.pop("scenario"))
    runner_type, runner = _only_item(workload.get("runner", {"serial": {}}))
    workload["name"] = name
    workload["args"] = args
    workload["position"] = position
    workload["runner_type"] = runner_type
    workload["runner"] = runner
    workload.setdefault("description", _title_of(name))
    workload.setdefault("contexts", {})
    workload.setdefault("sla", {"failure_rate": {"max": 0}})
    workload["hooks"] = [
        {
            **hook,
            "action": _only_item(hook["action"]),
            "trigger": _only_item(hook["trigger"]),
        }
        for hook in workload.get("hooks", [])
    ]


def _only_item(single: _Dict) -> tuple[str, t.Any]:
    return next(iter(single.items()))


def _title_of(name: str) -> str:
    """Title of a scenario; empty if it is not known (or not yet)."""
    # a file can be read where no plugin has been loaded
    from rally.task import scenario

    try:
        return scenario.Scenario.get(name).get_title()
    except (exceptions.PluginNotFound, exceptions.MultiplePluginsFound):
        return ""


def _subtask_to_dict(subtask: _Dict) -> _Dict:
    result = {k: v for k, v in subtask.items() if k != "contexts"}
    result["workloads"] = [_workload_to_dict(w) for w in subtask["workloads"]]
    return copy.deepcopy(result)


def _workload_to_dict(workload: _Dict) -> _Dict:
    return {
        "scenario": {workload["name"]: workload["args"]},
        "description": workload["description"],
        "runner": {workload["runner_type"]: workload["runner"]},
        "contexts": workload["contexts"],
        "sla": workload["sla"],
        "hooks": [
            {
                **hook,
                "action": dict([hook["action"]]),
                "trigger": dict([hook["trigger"]]),
            }
            for hook in workload["hooks"]
        ],
    }
