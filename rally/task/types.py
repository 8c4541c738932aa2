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

"""Resource types: what turns arguments of a task file into what a scenario
takes, once per workload (``{"name": "cirros"}`` into the id of an image)."""

from __future__ import annotations

import abc
import copy
import inspect
import re
import types as builtin_types
import typing as t

import typing_extensions as te

from rally import exceptions
from rally.common import logging
from rally.common.plugin import plugin
from rally.utils import typeutils

if t.TYPE_CHECKING:
    from rally.task import scenario

LOG = logging.getLogger(__name__)

_C = t.TypeVar("_C", bound="type[scenario.Scenario]")
_Schemas: t.TypeAlias = "dict[str, dict[str, t.Any]]"


class ConvertConfig(te.TypedDict):
    """How an argument is converted; further keys are for the type."""

    type: str  # name of the resource type


def convert(**kwargs: t.Any) -> t.Callable[[_C], _C]:
    """Convert arguments of a scenario before it runs.

    :param kwargs: argument name -> ``{"type": resource type, ...}``
    """

    def wrapper(cls: _C) -> _C:
        cls._meta_setdefault("preprocessors", {})
        cls._meta_get("preprocessors").update(kwargs)
        return cls

    return wrapper


class Convert:
    """The same beside one argument: ``Annotated[str, Convert("file")]``."""

    def __init__(self, type_: str, /, **config: t.Any) -> None:
        self._type_cfg = t.cast(ConvertConfig, {"type": type_, **config})

    @property
    def type_cfg(self) -> ConvertConfig:
        return self._type_cfg


class DeferredResource(abc.ABC):
    """A converted argument whose value differs from iteration to iteration.

    It crosses processes, so it must pickle.
    """

    @abc.abstractmethod
    def resolve(self, scenario: scenario.Scenario) -> t.Any:
        """The value for the iteration that *scenario* is about to run."""


def _find_convert_marker(hint: t.Any) -> tuple[Convert, t.Any] | None:
    """The marker of an annotation, also within a union.

    :returns: the marker and the type it stands beside, or None
    """
    origin = t.get_origin(hint)
    if origin is t.Annotated:
        inner, *notes = t.get_args(hint)
        for note in notes:
            if isinstance(note, Convert):
                return note, inner
        return _find_convert_marker(inner)
    if origin in (t.Union, builtin_types.UnionType):
        for part in t.get_args(hint):
            found = _find_convert_marker(part)
            if found:
                return found
    return None


def _hints_of(scenario_cls: type[scenario.Scenario]) -> dict[str, t.Any]:
    try:
        return t.get_type_hints(scenario_cls.run, include_extras=True)
    except Exception as e:  # annotations are code of the plugin
        LOG.debug("No type hints of %s: %s", scenario_cls.__name__, e)
        return {}


def collect_scenario_args_preprocessors(
    scenario_cls: type[scenario.Scenario], hints: t.Mapping[str, t.Any]
) -> dict[str, ConvertConfig]:
    """Which arguments of a scenario are converted, and how.

    :param scenario_cls: scenario plugin
    :param hints: annotations of its ``run``; they win over ``convert``
    """
    configs = dict(scenario_cls._meta_get("preprocessors", {}))
    for name, hint in hints.items():
        found = _find_convert_marker(hint)
        if found:
            configs[name] = found[0].type_cfg
    return configs


def preprocess(
    name: str, context: dict[str, t.Any], args: dict[str, t.Any]
) -> dict[str, t.Any]:
    """Convert the arguments of a workload.

    :param name: name of the scenario
    :param context: context of the workload
    :param args: arguments as in the task file; left as they are
    :returns: a deep copy of *args*, converted
    """
    # scenario imports this module
    from rally.task import scenario

    scenario_cls = scenario.Scenario.get(name)
    hints = _hints_of(scenario_cls)
    processed = copy.deepcopy(args)
    cache: dict[str, t.Any] = {}
    instances: dict[str, ResourceType] = {}
    configs = collect_scenario_args_preprocessors(scenario_cls, hints)
    for arg, config in configs.items():
        if arg not in processed:
            continue
        type_name = config["type"]
        if type_name not in instances:
            instances[type_name] = _make(
                ResourceType.get(type_name), context, cache, scenario_cls
            )
        marker = _find_convert_marker(hints.get(arg))
        value = _pre_process(
            instances[type_name],
            processed[arg],
            config,
            marker[1] if marker else None,
        )
        if value is not None:
            processed[arg] = value
    return processed


def _make(
    resource_cls: type[ResourceType],
    context: dict[str, t.Any],
    cache: dict[str, t.Any],
    scenario_cls: type[scenario.Scenario],
) -> ResourceType:
    init = inspect.signature(resource_cls.__init__)
    if "scenario_cls" not in init.parameters:  # of before Rally 5
        return resource_cls(context, cache)
    return resource_cls(
        context=context, cache=cache, scenario_cls=scenario_cls
    )


def _pre_process(
    resource: ResourceType, spec: t.Any, config: t.Any, output_type: t.Any
) -> t.Any:
    accepted = inspect.signature(resource.pre_process).parameters
    takes_all = any(
        p.kind is inspect.Parameter.VAR_KEYWORD for p in accepted.values()
    )
    if "output_type" in accepted or takes_all:
        return resource.pre_process(
            resource_spec=spec, config=config, output_type=output_type
        )
    LOG.warning(
        "`pre_process` of resource type %s takes no `output_type`; this form "
        "is deprecated, write `pre_process(self, *, resource_spec, config, "
        "output_type)`.",
        type(resource).__name__,
    )
    return resource.pre_process(spec, config)  # type: ignore


def _compose_jsonschema(resource_cls: type[ResourceType]) -> dict[str, t.Any]:
    """Schema of what a resource type accepts; open if it does not say."""
    try:
        hints = t.get_type_hints(resource_cls.pre_process, include_extras=True)
        if "resource_spec" not in hints:
            return {}
        return typeutils.hint_to_schema(hints["resource_spec"])
    except Exception as e:  # annotations are code of the plugin
        LOG.warning(
            "Resource type %s accepts anything: %s", resource_cls.__name__, e
        )
        return {}


def converted_schemas(scenario_cls: type[scenario.Scenario]) -> _Schemas:
    """Schemas of the arguments that are converted, by argument.

    An argument of a type that is not known is left out.
    """
    configs = collect_scenario_args_preprocessors(
        scenario_cls, _hints_of(scenario_cls)
    )
    schemas = {}
    for arg, config in configs.items():
        try:
            resource_cls = ResourceType.get(config["type"])
        except exceptions.PluginNotFound:
            continue
        schemas[arg] = _compose_jsonschema(resource_cls)
    return schemas


def with_converted(
    schema: dict[str, t.Any],
    run: t.Callable[..., t.Any],
    converted: _Schemas,
) -> dict[str, t.Any]:
    """Put schemas of converted arguments into the schema of all arguments.

    :param schema: schema of the other arguments of *run*
    :param run: method of a scenario
    :param converted: argument -> schema
    """
    if not converted:
        return schema
    properties = {**schema.get("properties", {}), **converted}
    parameters = inspect.signature(run).parameters
    required = set(schema.get("required", ()))
    required.update(
        arg
        for arg in converted
        if arg in parameters
        and parameters[arg].default is inspect.Parameter.empty
    )
    order = [*parameters, *converted]
    result = dict(schema)
    result["properties"] = {
        arg: properties[arg] for arg in order if arg in properties
    }
    if required:
        result["required"] = [p for p in parameters if p in required]
    return result


@plugin.base()
class ResourceType(plugin.Plugin, metaclass=abc.ABCMeta):
    """Base of the resource types.

    One instance serves all arguments of its type in a workload. ``_cache``
    lasts as long and is shared by the instances of one type.
    """

    def __init__(
        self,
        *args: t.Any,
        context: dict[str, t.Any] | None = None,
        cache: dict[str, t.Any] | None = None,
        scenario_cls: type[scenario.Scenario] | None = None,
    ) -> None:
        if args:
            LOG.warning(
                "Resource type %s is made with positional arguments, which "
                "is deprecated; pass `context`, `cache` and `scenario_cls` "
                "by name.",
                type(self).__name__,
            )
            given = dict(zip(("context", "cache"), args, strict=False))
            context = given.get("context", context)
            cache = given.get("cache", cache)
        if context is None:
            raise TypeError(
                f"Resource type {self.get_name()!r} is initialized without "
                "the required 'context' argument."
            )
        self._context = context
        self._global_cache = {} if cache is None else cache
        self._cache = self._global_cache.setdefault(self.get_name(), {})
        self._scenario_cls = scenario_cls

    @classmethod
    def get_info(cls) -> t.Any:
        info = super().get_info()
        info["schema"] = _compose_jsonschema(cls)
        return info

    @abc.abstractmethod
    def pre_process(
        self, *, resource_spec: t.Any, config: t.Any, output_type: t.Any
    ) -> t.Any:
        """Convert one argument.

        :param resource_spec: its value in the task file
        :param config: what ``convert`` says of the argument
        :param output_type: type that the scenario annotates, or None
        :returns: the value for the scenario; None leaves it as it is
        """


def obj_from_name(
    resource_config: dict[str, t.Any],
    resources: t.Iterable[t.Any],
    typename: str,
) -> t.Any:
    """Find the resource that a name or a regular expression means.

    :param resource_config: ``{"name": ...}``: an equal name, else a regular
        expression; or ``{"regex": ...}``
    :param resources: objects with ``id`` and ``name``
    :param typename: what they are, for messages
    :raises InvalidScenarioArgument: none or several match
    """
    title = typename.title()
    if "name" not in resource_config and "regex" not in resource_config:
        raise exceptions.InvalidScenarioArgument(
            f"{title} 'id', 'name', or 'regex' not found in "
            f"'{resource_config}'"
        )
    by_name = "name" in resource_config
    pattern = resource_config["name" if by_name else "regex"]
    candidates = list(resources)
    matches = [r for r in candidates if by_name and r.name == pattern]
    matches = matches or _matching(pattern, candidates)
    if not matches:
        raise exceptions.InvalidScenarioArgument(
            f"{title} with pattern '{pattern}' not found"
        )
    if len(matches) > 1:
        ids = ", ".join(str(r.id) for r in matches)
        raise exceptions.InvalidScenarioArgument(
            f"{title} with name '{pattern}' is ambiguous, possible matches "
            f"by id: {ids}"
        )
    return matches[0]


def _matching(pattern: str, resources: list[t.Any]) -> list[t.Any]:
    try:
        expression = re.compile(pattern)
    except re.error:  # a name that only looks like an expression
        return []
    return [r for r in resources if expression.search(r.name or "")]


def obj_from_id(
    resource_config: dict[str, t.Any],
    resources: t.Iterable[t.Any],
    typename: str,
) -> t.Any:
    """Find the resource with an id.

    :param resource_config: ``{"id": ...}``
    :param resources: objects with ``id``
    :param typename: what they are, for messages
    :raises InvalidScenarioArgument: there is none
    """
    title = typename.title()
    if "id" not in resource_config:
        raise exceptions.InvalidScenarioArgument(
            f"{title} 'id' not found in '{resource_config}'"
        )
    for resource in resources:
        if resource.id == resource_config["id"]:
            return resource
    raise exceptions.InvalidScenarioArgument(
        f"{title} with id '{resource_config['id']}' not found"
    )


def _id_from_name(
    resource_config: dict[str, t.Any],
    resources: t.Iterable[t.Any],
    typename: str,
    id_attr: str = "id",
) -> t.Any:
    try:
        found = obj_from_name(resource_config, resources, typename)
        return getattr(found, id_attr)
    except AttributeError:
        raise exceptions.InvalidScenarioArgument(
            f"{typename.title()} found by {resource_config} has no "
            f"attribute '{id_attr}'"
        ) from None


def _name_from_id(
    resource_config: dict[str, t.Any],
    resources: t.Iterable[t.Any],
    typename: str,
) -> t.Any:
    return obj_from_id(resource_config, resources, typename).name
