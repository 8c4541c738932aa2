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

"""Base of the scenarios: what one iteration does."""

from __future__ import annotations

import copy
import functools
import random
import typing as t

from rally import exceptions
from rally.common import cfg, clock, logging, opts, utils, validation
from rally.common.plugin import plugin
from rally.task import atomic, functional, types
from rally.utils import typeutils

LOG = logging.getLogger(__name__)
CONF = cfg.CONF

CONF_OPTS = opts.SCENARIO_OPTS

#: names that scenarios annotate their arguments with
Field = typeutils.Field
ArgsOf = typeutils.ArgsOf

_C = t.TypeVar("_C", bound="type[Scenario]")


def configure(
    name: str,
    platform: str = "default",
    context: dict[str, t.Any] | None = None,
) -> t.Callable[[_C], _C]:
    """Make a class a scenario plugin.

    :param name: name with a dot: ``Group.name``
    :param platform: what the scenario is for
    :param context: contexts it always runs in: full name -> config
    :raises RallyException: *name* has no dot within it
    """
    if "." not in name.strip("."):
        raise exceptions.RallyException(
            f"Scenario name must include a dot: {name!r}. The part before "
            "it groups scenarios in reports; rename it to `Group.name`."
        )
    for context_name in context or ():
        if "@" not in context_name:
            LOG.warning(
                "Scenario %s asks for context %s without saying of which "
                "platform; write `%s@<platform>`.",
                name,
                context_name,
                context_name,
            )

    def wrapper(cls: _C) -> _C:
        cls = plugin.configure(name=name, platform=platform)(cls)
        cls._meta_setdefault("default_context", {})
        cls._meta_get("default_context").update(context or {})
        return cls

    return wrapper


class _Output(t.TypedDict):
    additive: list[dict[str, t.Any]]
    complete: list[dict[str, t.Any]]


@validation.add_default("args-spec")
@plugin.base()
class Scenario(
    plugin.Plugin,
    atomic.ActionTimerMixin,
    functional.FunctionalMixin,
    utils.RandomNameGeneratorMixin,
    validation.ValidatablePluginMixin,
):
    """One instance is made for each iteration, and its ``run`` is called.

    Arguments of ``run`` are what a task file may give; their annotations
    say what is allowed.
    """

    _idle_duration = 0.0
    RESOURCE_NAME_FORMAT = "s_rally_XXXXXXXX_XXXXXXXX"

    #: modules that take long to import, so that the plugin does not do it:
    #: a load process does before its first iteration
    IMPORTS: t.ClassVar[t.Sequence[str]] = ()

    def __init__(self, context: dict[str, t.Any] | None = None) -> None:
        super().__init__()
        self.context: dict[str, t.Any] = context or {}
        self.task = self.context.get("task", {})

    @functools.cached_property
    def _output(self) -> _Output:
        """What was added; most iterations add nothing."""
        return {"additive": [], "complete": []}

    @classmethod
    def _get_resource_name_format(cls) -> str:
        return CONF.scenario_resource_name_format or cls.RESOURCE_NAME_FORMAT

    def get_owner_id(self) -> str:
        """Who owns what this scenario creates: the workload, or the task."""
        return self.context.get("owner_id") or self.task["uuid"]

    @classmethod
    def get_default_context(cls) -> dict[str, t.Any]:
        """Contexts the scenario always runs in; a copy to change freely."""
        return copy.deepcopy(cls._meta_get("default_context", {}))

    def sleep_between(
        self,
        min_sleep: float,
        max_sleep: float | None = None,
        atomic_delay: float = 0.1,
    ) -> None:
        """Sleep a random time that does not count as duration.

        :param min_sleep: seconds
        :param max_sleep: seconds; None: exactly *min_sleep*
        :param atomic_delay: has no effect; plugins give it
        :raises InvalidArgumentsException: unless
            ``0 <= min_sleep <= max_sleep``
        """
        sleep_s = _random_s(min_sleep, max_sleep)
        started_ns = clock.now_ns()
        utils.interruptable_sleep(sleep_s, atomic_delay)
        self._idle_duration += (clock.now_ns() - started_ns) / 1e9

    async def async_sleep_between(
        self, min_sleep: float, max_sleep: float | None = None
    ) -> None:
        """``sleep_between`` for coroutines: others run meanwhile.

        :param min_sleep: seconds
        :param max_sleep: seconds; None: exactly *min_sleep*
        :raises InvalidArgumentsException: unless
            ``0 <= min_sleep <= max_sleep``
        """
        import asyncio  # whoever awaits this has it already

        sleep_s = _random_s(min_sleep, max_sleep)
        started_ns = clock.now_ns()
        try:
            await asyncio.sleep(sleep_s)
        finally:  # the scenario may have put a limit on it
            self._idle_duration += (clock.now_ns() - started_ns) / 1e9

    def idle_duration(self) -> float:
        """Seconds slept by ``sleep_between`` so far."""
        return self._idle_duration

    def add_output(
        self,
        additive: dict[str, t.Any] | None = None,
        complete: dict[str, t.Any] | None = None,
    ) -> None:
        """Add data for charts of the report.

        :param additive: a chart to which each iteration adds one point
        :param complete: a chart of this iteration alone
        :raises RallyException: a chart is not described as it must be
        """
        # of the whole module only scenarios with output need it
        from rally.task.processing import charts

        charts.add_output(self._output, additive, complete)

    def run(self, *args: t.Any, **kwargs: t.Any) -> None:
        """What an iteration does."""
        raise NotImplementedError()

    @classmethod
    def _get_doc(cls) -> str | None:
        return cls.run.__doc__

    @classmethod
    def _args_schema(cls) -> dict[str, t.Any] | None:
        """JSON schema of the arguments of ``run``.

        An argument that is converted has the schema of what its resource
        type accepts, not of what ``run`` gets.

        :returns: None if annotations cannot be looked up
        :raises InvalidScenarioArgument: the same, or an annotation has no
            schema, and ``strict_type_annotations`` is set
        """
        is_strict = CONF.strict_type_annotations
        converted = types.converted_schemas(cls)
        try:
            schema, _, _ = typeutils.arguments_schema(
                cls.run,
                target_name=cls.get_name(),
                ignore=tuple(converted),
                strict=is_strict,
            )
        except typeutils.UnsupportedType as e:
            if is_strict:
                raise exceptions.InvalidScenarioArgument(str(e)) from None
            LOG.warning(str(e))
            return None
        return types.with_converted(schema, cls.run, converted)

    @classmethod
    def get_info(cls) -> t.Any:
        """What is known of the scenario, with the schema of its arguments."""
        info = super().get_info()
        schema = cls._args_schema()
        documented = {p["name"]: p["doc"] for p in info["parameters"]}
        for name, rule in (schema or {}).get("properties", {}).items():
            if documented.get(name):
                rule.setdefault("description", documented[name])
        info["schema"] = schema
        return info


def _random_s(min_s: float, max_s: float | None) -> float:
    """How long to sleep, seconds.

    :raises InvalidArgumentsException: that cannot be
    """
    max_s = min_s if max_s is None else max_s
    if not 0 <= min_s <= max_s:
        raise exceptions.InvalidArgumentsException(
            "0 <= min_sleep <= max_sleep"
        )
    return random.uniform(min_s, max_s)
