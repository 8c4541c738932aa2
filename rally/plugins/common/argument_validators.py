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

"""Validators of single arguments."""

from __future__ import annotations

import typing as t

from rally.common import validation

Names: t.TypeAlias = "str | t.Sequence[str]"


def args_of(config: t.Mapping[str, t.Any] | None) -> t.Mapping[str, t.Any]:
    """The arguments of a workload; empty for what is none."""
    return (config or {}).get("args") or {}


def listed(names: Names) -> t.Sequence[str]:
    """One name or several, as several."""
    return [names] if isinstance(names, str) else names


@validation.configure(name="required_params")
class RequiredParameterValidator(validation.Validator):
    """Arguments that must be given.

    :param params: their names; a list of names means one of them
    :param subdict: the argument they are in, instead of being arguments
    """

    def __init__(
        self,
        params: t.Iterable[Names] | None = None,
        subdict: str | None = None,
    ) -> None:
        super().__init__()
        self.params = params
        self.subdict = subdict

    def validate(
        self,
        context: t.Any,
        config: t.Any,
        plugin_cls: t.Any,
        plugin_cfg: t.Any,
    ) -> None:
        args = args_of(config)
        given = args.get(self.subdict) or {} if self.subdict else args
        missing = [
            self._describe(names)
            for names in self.params or ()
            if not any(name in given for name in listed(names))
        ]
        if missing:
            place = f"argument '{self.subdict}'" if self.subdict else "args"
            self.fail(
                f"{', '.join(missing)} must be given in {place} of the task, "
                "but is not."
            )

    @staticmethod
    def _describe(names: Names) -> str:
        if isinstance(names, str):
            return f"'{names}'"
        return "one of " + "/".join(f"'{name}'" for name in names)


@validation.configure(name="number")
class NumberValidator(validation.Validator):
    """An argument is a number within the closed interval [minval, maxval].

    :param param_name: the argument
    :param minval: lower end
    :param maxval: upper end
    :param nullable: whether it may be absent or null
    :param integer_only: whether only integers will do
    """

    def __init__(
        self,
        param_name: str,
        minval: float | None = None,
        maxval: float | None = None,
        nullable: bool = False,
        integer_only: bool = False,
    ) -> None:
        super().__init__()
        self.param_name = param_name
        self.minval = minval
        self.maxval = maxval
        self.nullable = nullable
        self.integer_only = integer_only

    def validate(
        self,
        context: t.Any,
        config: t.Any,
        plugin_cls: t.Any,
        plugin_cfg: t.Any,
    ) -> None:
        value = args_of(config).get(self.param_name)
        if value is None and self.nullable:
            return
        number = self._number(value)
        if self.minval is not None and not number >= self.minval:
            self._fail(value, f"below the minimum of {self.minval}")
        if self.maxval is not None and not number <= self.maxval:
            self._fail(value, f"above the maximum of {self.maxval}")

    def _number(self, value: t.Any) -> float:
        kind = "an integer" if self.integer_only else "a number"
        if self.integer_only and isinstance(value, float):
            self._fail(value, f"not {kind}")
        try:
            return int(value) if self.integer_only else float(value)
        except (TypeError, ValueError, OverflowError):
            self._fail(value, f"not {kind}")

    def _fail(self, value: t.Any, reason: str) -> t.NoReturn:
        self.fail(f"{self.param_name} is {value}, which is {reason}.")


@validation.configure(name="enum")
class EnumValidator(validation.Validator):
    """An argument is one of some values.

    :param param_name: the argument
    :param values: what it may be
    :param missed: whether it may be absent
    :param case_insensitive: whether upper and lower case are the same
    """

    def __init__(
        self,
        param_name: str,
        values: t.Sequence[t.Any],
        missed: bool = False,
        case_insensitive: bool = False,
    ) -> None:
        super().__init__()
        self.param_name = param_name
        self.missed = missed
        self.case_insensitive = case_insensitive
        self.values = [self._fold(value) for value in values]

    def _fold(self, value: t.Any) -> t.Any:
        if self.case_insensitive and isinstance(value, str):
            return value.lower()
        return value

    def validate(
        self,
        context: t.Any,
        config: t.Any,
        plugin_cls: t.Any,
        plugin_cfg: t.Any,
    ) -> None:
        value = args_of(config).get(self.param_name)
        if value is None:
            if not self.missed:
                self.fail(f"Argument {self.param_name} is not given.")
        elif self._fold(value) not in self.values:
            self.fail(
                f"{self.param_name} is {value}, which is none of "
                f"{self.values}."
            )


@validation.configure(name="map_keys")
class MapKeysParameterValidator(validation.Validator):
    """An argument is a mapping with the right keys.

    :param param_name: the argument
    :param required: keys that must be there
    :param allowed: the only keys that may be there
    :param additional: whether keys beside the required ones are allowed, if
        *allowed* is not given
    :param missed: whether the argument may be absent
    """

    def __init__(
        self,
        param_name: str,
        required: t.Sequence[str] | None = None,
        allowed: t.Sequence[str] | None = None,
        additional: bool = True,
        missed: bool = False,
    ) -> None:
        super().__init__()
        self.param_name = param_name
        self.required = required or []
        self.allowed = allowed or []
        self.additional = additional
        self.missed = missed

    def validate(
        self,
        context: t.Any,
        config: t.Any,
        plugin_cls: t.Any,
        plugin_cfg: t.Any,
    ) -> None:
        value = args_of(config).get(self.param_name)
        if value is None:
            if not self.missed:
                self.fail(f"Argument {self.param_name} is not given.")
            return
        if not isinstance(value, dict):
            self.fail(f"Argument {self.param_name} must be a mapping.")
        self._check_keys(value)

    def _check_keys(self, value: t.Mapping[str, t.Any]) -> None:
        missing = sorted(set(self.required) - set(value))
        if missing:
            self.fail(
                f"Argument {self.param_name} lacks these keys: "
                f"{', '.join(missing)}."
            )
        if self.additional and not self.allowed:
            return
        allowed = set(self.allowed or self.required)
        wrong = sorted(str(key) for key in set(value) - allowed)
        if wrong:
            self.fail(
                f"Argument {self.param_name} has keys that are not allowed: "
                f"{', '.join(wrong)}."
            )


@validation.configure(name="restricted_parameters")
class RestrictedParametersValidator(validation.Validator):
    """Arguments that must not be given.

    :param param_names: their names
    :param subdict: the argument they are in, instead of being arguments
    """

    def __init__(self, param_names: Names, subdict: str | None = None) -> None:
        super().__init__()
        self.params = listed(param_names)
        self.subdict = subdict

    def validate(
        self,
        context: t.Any,
        config: t.Any,
        plugin_cls: t.Any,
        plugin_cfg: t.Any,
    ) -> None:
        args = args_of(config)
        given = args.get(self.subdict) or {} if self.subdict else args
        found = [name for name in self.params if name in given]
        if found:
            self.fail(
                f"{', '.join(found)} cannot be given in "
                f"'{self.subdict or 'args'}': the scenario sets that itself."
            )
