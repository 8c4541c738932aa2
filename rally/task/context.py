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

"""Contexts: what is prepared before the load and put away after it."""

from __future__ import annotations

import abc
import copy
import functools
import types
import typing as t

import typing_extensions as te

from rally import exceptions
from rally.common import cfg, logging, opts, utils, validation
from rally.common.plugin import plugin
from rally.task import atomic, functional
from rally.task import utils as task_utils

LOG = logging.getLogger(__name__)
CONF = cfg.CONF
CONF_OPTS = opts.CONTEXT_OPTS

_C = t.TypeVar("_C", bound="type[BaseContext]")
_P = t.TypeVar("_P", bound="type[plugin.Plugin]")


class _ContextPhaseData(te.TypedDict):
    """What became of one ``setup`` or ``cleanup``; all None if not begun."""

    started_at: float | None  # seconds since the epoch
    finished_at: float | None
    atomic_actions: list[atomic.AtomicAction] | None
    error: list[str] | None  # type, message, traceback


class _ContextExecutionData(te.TypedDict):
    plugin_name: str  # full name
    plugin_cfg: t.Any
    setup: _ContextPhaseData
    cleanup: _ContextPhaseData
    #: what ``to_state`` gave; from set-up to clean-up
    state: te.NotRequired[t.Any]


Results: t.TypeAlias = "list[_ContextExecutionData]"


def configure(
    name: str, order: int, platform: str = "default", hidden: bool = False
) -> t.Callable[[_C], _C]:
    """Make a class a context plugin.

    :param name: its key in a task file
    :param order: contexts of lower order are set up first, cleaned up last
    :param platform: what the context is for
    :param hidden: not listed; for contexts that scenarios bring along
    """

    def wrapper(cls: _C) -> _C:
        cls = plugin.configure(name, platform=platform, hidden=hidden)(cls)
        cls._meta_set("order", order)
        return cls

    return wrapper


def add_default_context(name: str, config: t.Any) -> t.Callable[[_P], _P]:
    """Let all scenarios below a class run in a context.

    :param name: full name of the context
    :param config: its config
    """

    def wrapper(cls: _P) -> _P:
        cls._default_meta_init(True)
        cls._default_meta_setdefault("default_context", {})
        cls._default_meta_get("default_context")[name] = config
        return cls

    return wrapper


@functools.total_ordering
class BaseContext(
    plugin.Plugin,
    functional.FunctionalMixin,
    utils.RandomNameGeneratorMixin,
    atomic.ActionTimerMixin,
    metaclass=abc.ABCMeta,
):
    """Something with a ``setup`` and a ``cleanup`` around a block.

    ``self.context`` is shared by all contexts of a workload, and scenarios
    get (a copy of) it: what a context finds out, it puts there.
    """

    RESOURCE_NAME_FORMAT = "c_rally_XXXXXXXX_XXXXXXXX"

    CONFIG_SCHEMA: t.Any = {"type": "null"}

    #: what a config that is a dict lacks is taken from here
    DEFAULT_CONFIG: dict[str, t.Any] = {}

    def __init__(self, ctx: dict[str, t.Any]) -> None:
        super().__init__()
        self.context = ctx
        self.task = ctx.get("task", {})
        self.env = ctx.get("env", {})
        self.config: t.Any = self._config_of(ctx.get("config", {}))

    def _config_of(self, configs: dict[str, t.Any]) -> t.Any:
        """The part of the workload's contexts that is for this one.

        Defaults are put into *configs*, too, since scenarios read them there.
        """
        config: t.Any = {}
        for name in (self.get_name(), self.get_fullname()):
            config = configs.get(name, config)
        if isinstance(config, dict):
            for key, value in self.DEFAULT_CONFIG.items():
                if key not in config:
                    config[key] = copy.deepcopy(value)
            return utils.LockedDict(config)
        if isinstance(config, list):
            return utils.LockedDict(config=config)["config"]
        return config

    @classmethod
    def get_order(cls) -> int:
        return cls._meta_get("order")

    @abc.abstractmethod
    def setup(self) -> None:
        """Prepare; whatever it makes, ``cleanup`` puts away."""

    @abc.abstractmethod
    def cleanup(self) -> None:
        """Put away what ``setup`` made, also if that failed half-way."""

    def to_state(self) -> t.Any:
        """What ``cleanup`` needs of what ``setup`` has made.

        If the controller dies, ``rally task recover`` calls ``cleanup`` of a
        new instance in another process, in which nothing of what ``setup``
        put into ``self.context`` is there. A ``cleanup`` that finds what it
        made by names or by the owner needs nothing more.

        :returns: plain values, as JSON takes them; they are stored in the
            database as they are, so never a credential. None: nothing
        """
        return None

    def restore(self, state: t.Any) -> None:
        """Take what ``to_state`` gave, before a ``cleanup`` elsewhere."""

    def __enter__(self) -> te.Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        exc_traceback: types.TracebackType | None,
    ) -> None:
        self.cleanup()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BaseContext):
            return NotImplemented
        return self.get_order() == other.get_order()

    def __lt__(self, other: BaseContext) -> bool:
        return self.get_order() < other.get_order()

    # equality means equal order, so two contexts may be "equal"
    __hash__ = None  # type: ignore[assignment]


@validation.add_default("jsonschema")
@plugin.base()
class Context(BaseContext, validation.ValidatablePluginMixin):
    """Base of the contexts that a task file can name."""

    def __init__(self, ctx: dict[str, t.Any]) -> None:
        super().__init__(ctx)

    @classmethod
    def _get_resource_name_format(cls) -> str:
        return CONF.context_resource_name_format or cls.RESOURCE_NAME_FORMAT

    def get_owner_id(self) -> str:
        """Who owns what this context creates: the workload, or the task."""
        return self.context.get("owner_id") or self.task["uuid"]


class ContextManager:
    """Sets up all contexts of a workload, and cleans them up in reverse.

    :param context_obj: ``context_obj["config"]`` has the configs by name of
        the context; each context gets the whole object
    :param record: told of the results before and after each set-up and after
        each clean-up, so that another process knows what is left to do
    """

    def __init__(
        self,
        context_obj: dict[str, t.Any],
        record: t.Callable[[Results], None] | None = None,
    ) -> None:
        self.context_obj = context_obj
        self._record = record or (lambda results: None)
        self._visited: list[Context] = []
        self._results: Results = []

    def contexts_results(self) -> Results:
        """What became of each context that was begun, in order."""
        return self._results

    def _get_sorted_context_lst(self) -> list[Context]:
        contexts = [
            Context.get(name, allow_hidden=True)(self.context_obj)
            for name in self.context_obj["config"]
        ]
        return sorted(contexts, key=lambda ctx: ctx.get_order())

    def _log_prefix(self) -> str:
        return "Task %s |" % self.context_obj["task"]["uuid"]

    def setup(self) -> None:
        """Set up all contexts, lowest order first.

        :raises BaseException: what the first failing one raised; those
            visited, it included, have to be cleaned up
        """
        for ctx in self._get_sorted_context_lst():
            result = _result_of(ctx)
            # whoever cleans up has to know of it before there is anything
            self._record([*self._results, result])
            self._visit(ctx, result)
            error = self._run_phase(ctx, "setup", result["setup"])
            self._keep_state(ctx, result)
            if error is not None:
                self._record_or_log()
                raise error
            self._record(self._results)

    def cleanup(self) -> None:
        """Clean up what was set up; all contexts if nothing was.

        A failure is logged and recorded, and the next one cleaned up.
        """
        if not self._visited:
            for ctx in self._get_sorted_context_lst():
                self._visit(ctx, _result_of(ctx))
        pairs = list(zip(self._visited, self._results, strict=True))
        for ctx, result in reversed(pairs):
            if is_cleaned_up(result):
                continue
            error = self._run_phase(ctx, "cleanup", result["cleanup"])
            result.pop("state", None)
            self._record_or_log()
            if isinstance(error, KeyboardInterrupt):
                raise error

    def resume(self, results: Results) -> None:
        """Take over what another process has begun.

        :param results: as it recorded them
        """
        for result in results:
            cls = Context.get(result["plugin_name"], allow_hidden=True)
            ctx = cls(self.context_obj)
            if result.get("state") is not None:
                ctx.restore(result["state"])
            self._visit(ctx, result)

    def _visit(self, ctx: Context, result: _ContextExecutionData) -> None:
        self._visited.append(ctx)
        self._results.append(result)

    def _keep_state(
        self, ctx: Context, result: _ContextExecutionData
    ) -> None:
        try:
            state = ctx.to_state()
        except Exception as e:  # a plugin's; after a set-up that failed, say
            LOG.warning(
                "%s Context %s cannot say what its clean-up needs: %s",
                self._log_prefix(), ctx.get_fullname(), e,
            )
            return
        if state is not None:
            result["state"] = state

    def _record_or_log(self) -> None:
        """Nothing keeps the other contexts from being cleaned up."""
        try:
            self._record(self._results)
        except exceptions.DBException as e:
            LOG.error(
                "%s What became of a context could not be recorded, so "
                "`rally task recover` will clean it up once more: %s",
                self._log_prefix(), e,
            )

    def _run_phase(
        self, ctx: Context, phase: str, data: _ContextPhaseData
    ) -> BaseException | None:
        """Run one method of a context, and record it in *data*."""
        what = f"{self._log_prefix()} Context {ctx.get_fullname()} {phase}()"
        LOG.debug("%s started", what)
        ctx.reset_atomic_actions()
        error: BaseException | None = None
        timer = utils.Timer()
        try:
            with timer:
                getattr(ctx, phase)()
        except BaseException as e:  # a plugin's; to be recorded
            error = e
            data["error"] = task_utils.format_exc(e)
            LOG.error(
                "%s failed after %s: %s: %s",
                what,
                timer.duration(fmt=True),
                type(e).__name__,
                e,
                exc_info=logging.is_debug(),
            )
        else:
            LOG.info("%s finished in %s", what, timer.duration(fmt=True))
        data["started_at"] = timer.timestamp()
        data["finished_at"] = timer.finish_timestamp()
        data["atomic_actions"] = ctx.atomic_actions()
        return error

    def __enter__(self) -> dict[str, t.Any]:
        try:
            self.setup()
        except BaseException:
            if self._visited:
                self.cleanup()
            raise
        return self.context_obj

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        exc_traceback: types.TracebackType | None,
    ) -> None:
        if self._visited:
            self.cleanup()


def is_cleaned_up(result: t.Mapping[str, t.Any]) -> bool:
    """Whether the clean-up of a context came to its end, well or not."""
    return result["cleanup"]["finished_at"] is not None


def _result_of(ctx: Context) -> _ContextExecutionData:
    return _ContextExecutionData(
        plugin_name=ctx.get_fullname(),
        plugin_cfg=ctx.config,
        setup=_not_begun(),
        cleanup=_not_begun(),
    )


def _not_begun() -> _ContextPhaseData:
    return _ContextPhaseData(
        started_at=None, finished_at=None, atomic_actions=None, error=None
    )
