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

"""Service level agreements: criteria that decide whether a workload passed.

A verdict is a function of everything a criterion has learnt, whoever learnt
it: each worker process and each agent feeds its own instances, and these are
merged.
"""

from __future__ import annotations

import abc
import typing as t

from rally import exceptions
from rally.common import clock, portable, validation
from rally.common.plugin import plugin
from rally.task.processing import records

if t.TYPE_CHECKING:
    from rally.task.results.chunk import Chunk
    from rally.task.results.moments import Ints

configure = plugin.configure

_GIVEN = ("criterion_value",)  # to the constructor, at both ends

Result: t.TypeAlias = t.Mapping[str, t.Any]  # of one iteration


class SLAResult(t.TypedDict):
    criterion: str
    success: bool
    detail: str


def _format_result(
    criterion_name: str, success: bool, detail: str
) -> SLAResult:
    return {
        "criterion": criterion_name, "success": success, "detail": detail,
    }


@validation.add_default("jsonschema")
@plugin.base()
class SLA(
    plugin.Plugin, validation.ValidatablePluginMixin, metaclass=abc.ABCMeta
):
    """Factory for criteria.

    Law of each criterion: instances fed with shares of the iterations and
    merged, in any order and grouping and through ``to_state`` and
    ``from_state``, give the same ``result`` as one fed with all of them.
    """

    CONFIG_SCHEMA: t.ClassVar[dict[str, t.Any]] = {"type": "null"}

    def __init__(self, criterion_value: t.Any) -> None:
        self.criterion_value = criterion_value
        self.success = True

    @abc.abstractmethod
    def add_iteration(self, iteration: Result) -> bool:
        """Learn the result of one iteration.

        :param iteration: a result as `results_format` describes it
        :returns: whether the criterion holds for all iterations so far
        """

    @abc.abstractmethod
    def merge(self, other: t.Any) -> bool:
        """Learn everything that *other*, of the same class, has learnt.

        :returns: whether the criterion holds for both together
        """

    def merge_all(self, others: t.Iterable[t.Any]) -> bool:
        """``merge`` each of *others*, at once if the class knows how.

        :returns: whether the criterion holds for all together
        """
        for other in others:
            self.merge(other)
        return self.success

    @abc.abstractmethod
    def details(self) -> str:
        """One line for people: measure, bound and status."""

    def add_chunk(self, chunk: Chunk) -> bool:
        """Learn all iterations of a chunk, at once if the class knows how.

        :returns: whether the criterion holds for all iterations so far
        """
        for iteration in chunk:
            self.add_iteration(iteration)
        return self.success

    def nothing_to_judge(self) -> str:
        """Why what was measured does not say that the criterion holds.

        :returns: empty if it does
        """
        return ""

    def result(self) -> SLAResult:
        detail = self.details()
        reason = self.nothing_to_judge() if self.success else ""
        if reason:
            detail += " (%s: %s)" % (records.NOTHING_TO_JUDGE, reason)
        return _format_result(self.get_name(), self.success, detail)

    def status(self) -> str:
        return "Passed" if self.success else "Failed"

    def validate_type(self, other: object) -> None:
        """Refuse to merge with another kind of criterion.

        :raises TypeError: *other* is not of the same class
        """
        if type(self) is not type(other):
            raise TypeError(
                "A criterion of %s cannot be merged with one of %s: they "
                "have counted different things. Merge criteria of the same "
                "class." % (type(self), type(other))
            )

    def to_state(self) -> dict[str, t.Any]:
        """Everything learnt, as values that JSON can hold.

        :raises NotPortable: an attribute is neither a plain value nor a
            streaming algorithm; such a class has to override this method
        """
        return portable.pack_attributes(self, skip=_GIVEN)

    @classmethod
    def from_state(cls, criterion_value: t.Any, state: t.Any) -> t.Any:
        """The criterion that gave *state* by ``to_state``.

        :raises MalformedState: no such criterion can have given it
        """
        self = cls(criterion_value)
        portable.restore_attributes(self, state, skip=_GIVEN)
        return self

    @classmethod
    def state_problem(cls, criterion_value: t.Any) -> str | None:
        """Why several processes cannot share this criterion, if so."""
        try:
            cls.from_state(criterion_value, cls(criterion_value).to_state())
        except (portable.NotPortable, portable.MalformedState) as e:
            return e.format_message()
        return None


class CriterionFailed(exceptions.RallyException):
    """A criterion, which is a plugin, raised something."""

    error_code = 138
    msg_fmt = (
        "SLA criterion %(name)s cannot be judged: %(error)s. Whether it "
        "holds is not known, so the load was stopped and the workload has "
        "failed; the results of its iterations are stored. Look for the "
        "cause in %(plugin)s, and run the task again."
    )

    @property
    def cause(self) -> str:
        """The first of its sentences, without a full stop."""
        return "SLA criterion %(name)s cannot be judged: %(error)s" % (
            self.kwargs
        )

    @classmethod
    def of(cls, criterion: SLA, error: BaseException) -> CriterionFailed:
        plugin_cls = type(criterion)
        return cls(
            name=plugin_cls.get_name(),
            error="%s: %s" % (type(error).__name__, error),
            plugin="%s.%s" % (plugin_cls.__module__, plugin_cls.__name__),
        )


class SLAChecker:
    """All criteria of one workload, and what else may have failed it."""

    def __init__(
        self,
        config: t.Mapping[str, t.Any],
        criteria: t.Iterable[SLA] | None = None,
    ) -> None:
        """:param criteria: those of *config*; None: new ones"""
        self.config = config
        self.unexpected_failure: BaseException | None = None
        self.aborted_on_sla = False
        self.aborted_manually = False
        if criteria is None:
            criteria = (
                SLA.get(name)(value) for name, value in self._values.items()
            )
        self.sla_criteria: list[SLA] = list(criteria)

    def blank(self) -> SLAChecker:
        """A new one for the same criteria; no plugin is looked up."""
        return SLAChecker(
            self.config,
            (type(each)(each.criterion_value) for each in self.sla_criteria),
        )

    @property
    def _values(self) -> dict[str, t.Any]:
        return self.config.get("sla") or {}

    @property
    def is_passing(self) -> bool:
        return all(criterion.success for criterion in self.sla_criteria)

    def add_iteration(self, iteration: Result) -> bool:
        """Feed all criteria; tell whether all of them hold."""
        for criterion in self.sla_criteria:
            criterion.add_iteration(iteration)
        return self.is_passing

    def add_chunk(self, chunk: Chunk) -> bool:
        """Feed all criteria; tell whether all of them hold."""
        for criterion in self.sla_criteria:
            criterion.add_chunk(chunk)
        return self.is_passing

    def merge(self, other: SLAChecker) -> bool:
        """Learn what *other* has learnt, criterion by criterion.

        :raises TypeError: *other* has been made from other criteria
        :raises CriterionFailed: a criterion cannot be merged
        """
        return self.merge_all([other])

    def merge_all(self, others: t.Sequence[SLAChecker]) -> bool:
        """Learn what *others* have learnt, criterion by criterion.

        :raises TypeError: one has been made from other criteria
        :raises CriterionFailed: a criterion cannot be merged
        """
        for other in others:
            self._validate_config(other)
            self._validate_sla_types(other)
        for i, mine in enumerate(self.sla_criteria):
            try:
                mine.merge_all([other.sla_criteria[i] for other in others])
            except BaseException as e:  # a criterion is a plugin
                raise CriterionFailed.of(mine, e) from e
        return self.is_passing

    def _validate_sla_types(self, other: SLAChecker) -> None:
        pairs = zip(self.sla_criteria, other.sla_criteria, strict=True)
        for mine, theirs in pairs:
            mine.validate_type(theirs)

    def _validate_config(self, other: SLAChecker) -> None:
        mine, theirs = self._values, other._values
        if mine != theirs or list(mine) != list(theirs):
            raise TypeError(
                "SLA checkers with the configurations %s and %s cannot be "
                "merged: they judge by different criteria. Merge checkers "
                "of the same workload." % (mine, theirs)
            )

    def try_out(self) -> None:
        """Do with criteria of another host what will be done with them.

        :raises MalformedState: they hold what no iteration teaches
        """
        twin = SLAChecker(self.config)
        try:
            twin.merge(self)
            twin.merge(self)
            twin.results()
        except CriterionFailed as e:
            raise portable.MalformedState(
                owner="SLAChecker", problem=e.cause
            ) from e

    def results(self) -> list[SLAResult]:
        """:raises CriterionFailed: one of them cannot say what it found"""
        results = []
        for criterion in self.sla_criteria:
            try:
                results.append(criterion.result())
            except BaseException as e:  # a criterion is a plugin
                raise CriterionFailed.of(criterion, e) from e
        if self.aborted_on_sla:
            results.append(_format_result(
                "aborted_on_sla", False,
                "The load was stopped because an SLA criterion failed.",
            ))
        if self.aborted_manually:
            results.append(_format_result(
                "aborted_manually", False,
                "The load was stopped on request.",
            ))
        if self.unexpected_failure is not None:
            results.append(_format_result(
                "something_went_wrong", False,
                "Unexpected error: %s" % self.unexpected_failure,
            ))
        return results

    def set_aborted_on_sla(self) -> None:
        self.aborted_on_sla = True

    def set_aborted_manually(self) -> None:
        self.aborted_manually = True

    def set_unexpected_failure(self, exc: BaseException) -> None:
        self.unexpected_failure = exc

    def _named(self) -> t.Iterator[tuple[str, SLA]]:
        return zip(self._values, self.sla_criteria, strict=True)

    def to_state(self) -> dict[str, t.Any]:
        """What the criteria have learnt, by their names in the config.

        :raises CriterionFailed: one of them cannot say so
        """
        states = {}
        for name, criterion in self._named():
            try:
                states[name] = criterion.to_state()
            except BaseException as e:  # a criterion is a plugin
                raise CriterionFailed.of(criterion, e) from e
        return states

    def restored(self, state: t.Any) -> SLAChecker:
        """Inverse of ``to_state``, for the criteria of this one.

        :raises MalformedState: *state* is not of these criteria
        """
        with portable.reading(type(self).__name__):
            if set(state) != set(self._values):
                raise ValueError("it has the criteria %s" % sorted(state))
            criteria = [
                type(each).from_state(each.criterion_value, state[name])
                for name, each in self._named()
            ]
        return SLAChecker(self.config, criteria)


def actions_of(
    iteration: Result, names: t.Container[str]
) -> t.Iterator[tuple[str, int]]:
    """Durations (ns) of top-level actions of one iteration, by name.

    :param names: of the actions wanted
    """
    for action in iteration["atomic_actions"]:
        if action["name"] in names:
            yield action["name"], (
                clock.to_ns(action["finished_at"])
                - clock.to_ns(action["started_at"])
            )


def never_ran(names: t.Iterable[str]) -> str:
    """Which actions a criterion is about have no duration, if any."""
    shown = ", ".join("'%s'" % name for name in names)
    return shown and "no iteration without error ran %s" % shown


def durations_without_error(chunk: Chunk) -> Ints:
    """Durations (ns) of the iterations that did not fail."""
    if not chunk.errors:
        return chunk.duration_ns
    return chunk.duration_ns[~chunk.is_failed]


def actions_without_error(
    chunk: Chunk, names: t.Container[str]
) -> t.Iterator[tuple[str, Ints]]:
    """Durations (ns) of top-level actions, iterations without error only.

    An action that occurs several times in an iteration comes several times.

    :param names: of the actions wanted
    """
    passed = ~chunk.is_failed if chunk.errors else None
    for s, shape in enumerate(chunk.shapes):
        times = chunk.times[s]
        if passed is not None:
            times = times[passed[chunk.rows_of_shape(s)]]
        for i, node in enumerate(shape):
            if not node.depth and node.name in names:
                yield node.name, times[:, 2 * i + 1] - times[:, 2 * i]
