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

"""Validators that do not depend on a platform."""

from __future__ import annotations

import inspect
import os
import typing as t

from rally import exceptions
from rally.common import logging, spelling, validation
from rally.utils import typeutils

LOG = logging.getLogger(__name__)

Names: t.TypeAlias = "str | t.Sequence[str]"


def _args_of(
    config: t.Mapping[str, t.Any] | None, subdict: str | None = None
) -> t.Mapping[str, t.Any]:
    """The arguments of a workload, or what is in one of them."""
    args = (config or {}).get("args") or {}
    return args.get(subdict) or {} if subdict else args


def _listed(names: Names) -> t.Sequence[str]:
    """One name or several, as several."""
    return [names] if isinstance(names, str) else names


def _schema_error(schema: t.Any, value: t.Any) -> t.Any:
    """What is wrong with a value, or None; the draft is by ``$schema``."""
    import jsonschema  # slow to load, and a list of plugins needs none

    checker = jsonschema.validators.validator_for(
        schema, default=jsonschema.Draft7Validator
    )
    errors = list(checker(schema).iter_errors(value))
    error = None
    while errors:
        # a key with a typo explains what seems to be missing
        typos = [e for e in errors if e.validator == "additionalProperties"]
        error = max(typos or errors, key=jsonschema.exceptions.relevance)
        errors = _meant(error)
    return error


def _meant(error: t.Any) -> list[t.Any]:
    """Errors of the one alternative of a schema that *error*'s value follows.

    It has the type, and the values of an enumeration, that this alternative
    asks for and no other does. Empty if that holds for none, or for several.
    """
    found = [
        group for group in _by_alternative(error) if not any(
            each.validator == "enum"
            or each.validator == "type" and not each.relative_path
            for each in group
        )
    ]
    return found[0] if len(found) == 1 else []


def _by_alternative(error: t.Any) -> list[list[t.Any]]:
    """What each alternative of a schema has against *error*'s value."""
    errors: dict[int, list[t.Any]] = {}
    for each in error.context:
        errors.setdefault(each.relative_schema_path[0], []).append(each)
    return list(errors.values())


def _message_of(error: t.Any) -> str:
    """What is wrong, for each form that is allowed if there are several."""
    if not error.context:
        return error.message
    return "none of the allowed forms fits (%s)" % "; ".join(
        dict.fromkeys(group[0].message for group in _by_alternative(error))
    )


def _sentence_of(error: t.Any) -> str:
    """What a person is told of a config that breaks its schema."""
    text = "%s." % _message_of(error)
    if error.absolute_path:
        text += " It is at %s." % "".join(
            "[%r]" % step for step in error.absolute_path
        )
    if isinstance(error.validator_value, (str, int, float)) and (
        error.validator not in ("additionalProperties", "type")
    ):
        text += " The schema says: %s: %s." % (
            error.validator, error.validator_value
        )
    known = sorted((error.schema or {}).get("properties") or ())
    if error.validator in ("additionalProperties", "type") and known:
        text += " Known keys: %s." % ", ".join(known)
    if error.validator == "additionalProperties":
        unknown = [str(key) for key in error.instance if key not in known]
        text += spelling.did_you_mean(unknown, known)
    return text


def _contexts_of(config: t.Mapping[str, t.Any] | None) -> t.Collection[str]:
    return (config or {}).get("contexts") or {}


@validation.configure(name="jsonschema")
class JsonSchemaValidator(validation.Validator):
    """The config of a plugin follows its ``CONFIG_SCHEMA``.

    Runners, contexts, SLA criteria, hooks, platforms and agent providers
    have it already; another plugin asks for it.

    .. code-block:: python

        @validation.add("jsonschema")
    """

    def validate(
        self, context: t.Any, config: t.Any, plugin_cls: t.Any,
        plugin_cfg: t.Any,
    ) -> None:
        error = _schema_error(plugin_cls.CONFIG_SCHEMA, plugin_cfg)
        if error is not None:
            self.fail(_sentence_of(error))


@validation.configure(name="args-spec")
class ArgsValidator(validation.Validator):
    """The arguments of a scenario are those that its ``run`` takes.

    Each scenario has it already. Annotations of ``run`` say what values are
    allowed.

    .. code-block:: python

        def run(self, size: t.Annotated[int, scenario.Field(ge=1)] = 10):
            ...
    """

    def validate(
        self, context: t.Any, config: t.Any, plugin_cls: t.Any,
        plugin_cfg: t.Any,
    ) -> None:
        args = _args_of(config)
        schema = self._schema_of(plugin_cls)
        known = schema["properties"]
        missing = [n for n in schema.get("required", ()) if n not in args]
        unknown = [name for name in args if name not in known]
        texts = []
        if missing:
            what = "argument" if len(missing) == 1 else "arguments"
            texts.append("Missing %s %s." % (what, _quoted(missing)))
        if unknown and not schema["additionalProperties"]:
            texts.append(
                "It takes no argument %s.%s"
                % (_quoted(unknown), spelling.did_you_mean(unknown, known))
            )
        if texts:
            self._fail(plugin_cls, " ".join(texts))
        for name, value in args.items():
            self._check_value(plugin_cls, name, value, known.get(name, {}))

    def _schema_of(self, plugin_cls: t.Any) -> dict[str, t.Any]:
        try:
            schema = plugin_cls._args_schema()
        except exceptions.InvalidScenarioArgument as e:
            self.fail(e.format_message())
        if schema is None:  # annotations cannot be resolved: names remain
            run = inspect.signature(plugin_cls.run)
            schema = typeutils.signature_schema(run, {})
        return schema

    def _check_value(
        self, plugin_cls: t.Any, name: str, value: t.Any, schema: t.Any
    ) -> None:
        error = _schema_error(schema, value)
        if error is not None:
            self._fail(
                plugin_cls,
                f"Argument '{name}' is invalid: {_message_of(error)}.",
            )

    def _fail(self, plugin_cls: t.Any, text: str) -> t.NoReturn:
        self.fail(
            f"{text} Use `rally plugin show --name "
            f"{plugin_cls.get_name()} --platform {plugin_cls.get_platform()}` "
            "to see what the scenario takes."
        )


def _quoted(names: t.Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


@validation.configure(name="required_contexts")
class RequiredContextsValidator(validation.Validator):
    """Contexts that the task must have.

    .. code-block:: python

        @validation.add("required_contexts", contexts=["users@openstack"])

    :param contexts: their names, with or without platform; a tuple of names
        means one of them
    """

    def __init__(
        self, *args: t.Any, contexts: t.Sequence[Names] | str | None = None
    ) -> None:
        super().__init__()
        if contexts is not None:
            if args:
                LOG.warning(
                    "Validator required_contexts ignores its positional "
                    "arguments %s, because `contexts` is given, too.",
                    args,
                )
            self.contexts = list(_listed(t.cast(Names, contexts)))
        elif len(args) == 1 and isinstance(args[0], list):
            self.contexts = list(args[0])
        else:
            self.contexts = list(args)

    @staticmethod
    def _match(
        requested_ctx_name: str, input_contexts: t.Iterable[str]
    ) -> bool:
        """Whether a context is there; a short name matches any platform."""
        if "@" in requested_ctx_name:
            return requested_ctx_name in input_contexts
        return requested_ctx_name in {
            name.split("@")[0] for name in input_contexts
        }

    def validate(
        self, context: t.Any, config: t.Any, plugin_cls: t.Any,
        plugin_cfg: t.Any,
    ) -> None:
        given = list(_contexts_of(config))
        missing = [
            " or ".join(_listed(names))
            for names in self.contexts
            if not any(self._match(name, given) for name in _listed(names))
        ]
        if missing:
            self.fail(
                "The scenario needs what the task does not have: "
                f"{'context' if len(missing) == 1 else 'contexts'} "
                f"{', '.join(missing)}."
            )


@validation.configure(name="required_param_or_context")
class RequiredParamOrContextValidator(validation.Validator):
    """An argument or a context must be given.

    .. code-block:: python

        @validation.add("required_param_or_context",
                        param_name="image", ctx_name="images@openstack")

    :param param_name: the argument
    :param ctx_name: the context, with or without platform
    """

    def __init__(self, param_name: str, ctx_name: str) -> None:
        super().__init__()
        self.param_name = param_name
        self.ctx_name = ctx_name

    def validate(
        self, context: t.Any, config: t.Any, plugin_cls: t.Any,
        plugin_cfg: t.Any,
    ) -> None:
        contexts = _contexts_of(config)
        if self.param_name in _args_of(config):
            return
        if not RequiredContextsValidator._match(self.ctx_name, contexts):
            self.fail(
                f"Give the argument {self.param_name}, or use the context "
                f"{self.ctx_name}."
            )


@validation.configure(name="file_exists")
class FileExistsValidator(validation.Validator):
    """An argument is the path of a file that can be used.

    .. code-block:: python

        @validation.add("file_exists", param_name="script")

    :param param_name: the argument
    :param mode: what must be possible: os.R_OK, os.W_OK, os.X_OK, os.F_OK
    :param required: whether it must be given
    """

    def __init__(
        self, param_name: str, mode: int = os.R_OK, required: bool = True
    ) -> None:
        super().__init__()
        self.param_name = param_name
        self.mode = mode
        self.required = required

    def _file_access_ok(
        self, filename: str | None, mode: int, param_name: str,
        required: bool = True,
    ) -> None:
        if not filename:
            if required:
                self.fail(f"Argument {param_name} is not given.")
        elif not os.access(os.path.expanduser(filename), mode):
            self.fail(
                f"Argument {param_name} must be the path of a file that can "
                f"be used (mode {mode}), but {filename} is not."
            )

    def validate(
        self, context: t.Any, config: t.Any, plugin_cls: t.Any,
        plugin_cfg: t.Any,
    ) -> None:
        self._file_access_ok(
            _args_of(config).get(self.param_name), self.mode,
            self.param_name, self.required,
        )


@validation.configure(name="required_params")
class RequiredParameterValidator(validation.Validator):
    """Arguments that must be given.

    .. code-block:: python

        @validation.add("required_params", params=["size", ["name", "id"]])

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
        self, context: t.Any, config: t.Any, plugin_cls: t.Any,
        plugin_cfg: t.Any,
    ) -> None:
        given = _args_of(config, self.subdict)
        missing = [
            self._describe(names)
            for names in self.params or ()
            if not any(name in given for name in _listed(names))
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

    .. code-block:: python

        @validation.add("number", param_name="size", minval=1,
                        integer_only=True)

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
        self, context: t.Any, config: t.Any, plugin_cls: t.Any,
        plugin_cfg: t.Any,
    ) -> None:
        value = _args_of(config).get(self.param_name)
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

    .. code-block:: python

        @validation.add("enum", param_name="protocol",
                        values=["tcp", "udp"], missed=True)

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
        self, context: t.Any, config: t.Any, plugin_cls: t.Any,
        plugin_cfg: t.Any,
    ) -> None:
        value = _args_of(config).get(self.param_name)
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

    .. code-block:: python

        @validation.add("map_keys", param_name="server",
                        required=["host"], allowed=["host", "port"])

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
        self, context: t.Any, config: t.Any, plugin_cls: t.Any,
        plugin_cfg: t.Any,
    ) -> None:
        value = _args_of(config).get(self.param_name)
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

    .. code-block:: python

        @validation.add("restricted_parameters", param_names=["name"])

    :param param_names: their names
    :param subdict: the argument they are in, instead of being arguments
    """

    def __init__(self, param_names: Names, subdict: str | None = None) -> None:
        super().__init__()
        self.params = _listed(param_names)
        self.subdict = subdict

    def validate(
        self, context: t.Any, config: t.Any, plugin_cls: t.Any,
        plugin_cfg: t.Any,
    ) -> None:
        given = _args_of(config, self.subdict)
        found = [name for name in self.params if name in given]
        if found:
            self.fail(
                f"{', '.join(found)} cannot be given in "
                f"'{self.subdict or 'args'}': the scenario sets that itself."
            )
