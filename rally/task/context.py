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
import dataclasses
import functools
import time
import types
import typing as t

import typing_extensions as te

from rally import exceptions
from rally.common import cfg, logging, opts, utils, validation
from rally.common.plugin import plugin
from rally.task import atomic, functional
from rally.task import utils as task_utils
from rally.task.cleanup import watch

if t.TYPE_CHECKING:
    from rally.task.cleanup import context_store

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

    @property
    def finds_by_name(self) -> bool:
        """Whether ``cleanup`` finds by their names all things that ``setup``
        has made, so that it need not have come to its end.

        If not, a clean-up after a set-up that was killed proves nothing.
        """
        return False

    def to_state(self) -> t.Any:
        """What ``cleanup`` needs of what ``setup`` has made.

        If the controller dies, ``rally task recover`` calls ``cleanup`` of a
        new instance in another process. On the same host it gets back what
        ``setup`` had put into ``self.context`` and into attributes, as far
        as that are values and not connections. What this method gives is
        there on any host, and also where no value can be kept.

        :returns: plain values, as JSON takes them; they are stored in the
            database as they are, so never a credential. None: what the
            set-up put into ``self.context`` and its own attributes, which
            are kept, encrypted, on the controller's host
        """
        return None

    def restore(self, state: t.Any) -> None:
        """Take what ``to_state`` gave, before a ``cleanup`` elsewhere."""

    @classmethod
    def dealer(
        cls, shared: dict[str, t.Any]
    ) -> t.Callable[[dict[str, t.Any], int], None] | None:
        """What gives each iteration a part of the context that is its own.

        It is called with the context of an iteration and its number, in the
        process that makes the load, where there is no instance.

        :param shared: context of the load; what is taken out of it here is
            not copied for iterations
        """
        return None

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


def dealers(
    shared: dict[str, t.Any],
) -> list[t.Callable[[dict[str, t.Any], int], None]]:
    """What contexts of a workload do for each iteration, lowest order first.

    :param shared: context of the load, see ``BaseContext.dealer``
    """
    known = []
    for name in shared.get("config") or ():
        try:
            known.append(Context.get(name, allow_hidden=True))
        except exceptions.PluginNotFound:  # needed by the controller alone
            continue
    made = [cls.dealer(shared) for cls in sorted(known, key=_order_of)]
    return [deal for deal in made if deal is not None]


def _order_of(cls: type[Context]) -> int:
    return cls.get_order()


class SetUpNotEnded(exceptions.RallyException):
    error_code = 184
    msg_fmt = (
        "The clean-up raised nothing, but it may have had nothing to go by, "
        "so what the set-up had made may still be there. Delete by hand what "
        "bears the name of the workload, unless its platform is searched."
    )


@dataclasses.dataclass
class _Begun:
    """A context whose set-up was begun, or why it cannot be cleaned up."""

    ctx: BaseContext | Exception
    result: _ContextExecutionData
    #: it was killed before it could say what it had made
    is_unsure: bool = False


class ContextManager:
    """Sets up all contexts of a workload, and cleans them up in reverse.

    :param context_obj: ``context_obj["config"]`` has the configs by name of
        the context; each context gets the whole object
    :param record: told of the results before and after each set-up and after
        each clean-up, so that another process knows what is left to do
    :param store: keeps what set-ups made known until all is cleaned up, so
        that another process can do that
    """

    def __init__(
        self,
        context_obj: dict[str, t.Any],
        record: t.Callable[[Results], None] | None = None,
        store: context_store.ContextStore | None = None,
    ) -> None:
        self.context_obj = context_obj
        self._record = record or (lambda results: None)
        self._store = store
        self._own: dict[str, t.Any] = {}
        self._begun: list[_Begun] = []

    def contexts_results(self) -> Results:
        """What became of each context that was begun, in order."""
        return [begun.result for begun in self._begun]

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
            self._record([*self.contexts_results(), result])
            self._begun.append(_Begun(ctx, result))
            before = self._own_of(ctx)
            error = self._run_phase(ctx, "setup", result["setup"])
            self._keep_state(ctx, result)
            self._keep_context(ctx, before)
            if error is not None:
                self._record_or_log()
                raise error
            self._record(self.contexts_results())

    def cleanup(self) -> None:
        """Clean up what was set up; all contexts if nothing was.

        A failure is logged and recorded, and the next one cleaned up. What
        failed can be tried again, here or in another process.
        """
        if not self._begun:
            for ctx in self._get_sorted_context_lst():
                self._begun.append(_Begun(ctx, _result_of(ctx)))
        is_recorded = True
        for begun in reversed(self._begun):
            result = begun.result
            if is_cleaned_up(result):
                continue
            result["cleanup"] = _not_begun()
            error = self._clean_up(begun)
            if error is None:
                result.pop("state", None)
            is_recorded = self._record_or_log()
            if isinstance(error, KeyboardInterrupt):
                raise error
        if is_recorded:
            self._forget_if_done()

    def _clean_up(self, begun: _Begun) -> BaseException | None:
        if isinstance(begun.ctx, BaseContext):
            data = begun.result["cleanup"]
            error = self._run_phase(begun.ctx, "cleanup", data)
            if error is None and begun.is_unsure:
                error = SetUpNotEnded()
                data["error"] = task_utils.format_exc(error)
            return error
        now = time.time()
        begun.result["cleanup"] = _ContextPhaseData(
            started_at=now, finished_at=now, atomic_actions=[],
            error=task_utils.format_exc(begun.ctx),
        )
        return begun.ctx

    def _forget_if_done(self) -> None:
        if self._store is None:
            return
        try:
            if all(map(is_cleaned_up, self.contexts_results())):
                self._store.forget()
        except OSError as e:
            LOG.warning(
                "%s What was kept for the clean-up could not be removed: %s",
                self._log_prefix(), e,
            )

    def resume(
        self,
        results: Results,
        own: t.Mapping[str, t.Mapping[str, t.Any]] | None = None,
        hindrances: t.Mapping[str, Exception] | None = None,
    ) -> None:
        """Take over what another process has begun.

        :param results: as it recorded them
        :param own: attributes that set-ups gave the contexts, by full name
        :param hindrances: why a context cannot be cleaned up, by full name
        :raises PluginNotFound: a context is not installed here
        """
        classes = [
            Context.get(result["plugin_name"], allow_hidden=True)
            for result in results
        ]
        for cls, result in zip(classes, results, strict=True):
            name = cls.get_fullname()
            ctx: BaseContext | Exception
            try:
                ctx = cls(self.context_obj)  # others may need what this does
                for attribute, value in (own or {}).get(name, {}).items():
                    setattr(ctx, attribute, value)
                if result.get("state") is not None:
                    ctx.restore(result["state"])
            except Exception as e:  # a plugin's; others are to be cleaned up
                ctx = e
            ctx = (hindrances or {}).get(name, ctx)
            self._begun.append(_Begun(
                ctx, result,
                is_unsure=result["setup"]["finished_at"] is None
                and not getattr(ctx, "finds_by_name", False),
            ))

    def _keep_state(
        self, ctx: BaseContext, result: _ContextExecutionData
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

    def _own_of(self, ctx: BaseContext) -> dict[str, t.Any]:
        return {} if self._store is None else self._store.attributes_of(ctx)

    def _keep_context(
        self, ctx: BaseContext, before: dict[str, t.Any]
    ) -> None:
        """Keep what a set-up has made known, whatever became of it."""
        if self._store is None:
            return
        last = self._begun[-1].result
        if "state" not in last:  # it has not said itself what it needs
            self._own[ctx.get_fullname()] = {
                name: value for name, value in self._own_of(ctx).items()
                if name not in before or before[name] != value
            }
        names = [begun.result["plugin_name"] for begun in self._begun]
        try:
            omitted = self._store.keep(names, self.context_obj, self._own)
        except Exception as e:  # of the disk, or of plugins' classes
            LOG.warning(
                "%s What the clean-up of context %s needs could not be kept, "
                "so if this process died, `rally task recover` could not "
                "clean up: %s",
                self._log_prefix(), ctx.get_fullname(), e,
            )
        else:
            for sentence in omitted:
                LOG.debug("%s Not kept: %s", self._log_prefix(), sentence)

    def _record_or_log(self) -> bool:
        """Nothing keeps the other contexts from being cleaned up.

        :returns: whether it is recorded
        """
        try:
            self._record(self.contexts_results())
        except exceptions.DBException as e:
            LOG.error(
                "%s What became of a context could not be recorded, so "
                "`rally task recover` will clean it up once more: %s",
                self._log_prefix(), e,
            )
            return False
        return True

    def _run_phase(
        self, ctx: BaseContext, phase: str, data: _ContextPhaseData
    ) -> BaseException | None:
        """Run one method of a context, and record it in *data*."""
        what = f"{self._log_prefix()} Context {ctx.get_fullname()} {phase}()"
        LOG.debug("%s started", what)
        ctx.reset_atomic_actions()
        error: BaseException | None = None
        timer = utils.Timer()
        try:
            with timer:
                if phase == "cleanup":
                    with watch.complete(type(ctx).__module__):
                        ctx.cleanup()
                else:
                    ctx.setup()
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
            if self._begun:
                self.cleanup()
            raise
        return self.context_obj

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        exc_traceback: types.TracebackType | None,
    ) -> None:
        if self._begun:
            self.cleanup()


def is_cleaned_up(result: t.Mapping[str, t.Any]) -> bool:
    """Whether nothing of a context is left.

    A clean-up that failed has to be made once more.
    """
    cleanup = result["cleanup"]
    return cleanup["finished_at"] is not None and not cleanup["error"]


def _result_of(ctx: BaseContext) -> _ContextExecutionData:
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
