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

"""Options that plugins register, and their values on other hosts.

Agents run with the values that the controller's host has. So what plugins
registered is found out while they are loaded: by comparing what
``oslo.config`` knows before and after.
"""

from __future__ import annotations

import contextlib
import typing as t

from oslo_config import cfg

from rally import exceptions

#: section (``DEFAULT`` is one) and name
Option: t.TypeAlias = tuple[str, str]
Values: t.TypeAlias = dict[str, dict[str, t.Any]]

DEFAULT = "DEFAULT"
#: options of Rally itself that plugins read through its base classes
_RALLYS_OWN: t.Collection[Option] = (
    (DEFAULT, "context_resource_name_format"),
    (DEFAULT, "scenario_resource_name_format"),
)
#: what a plugin may load along, and no agent has to know
_NOT_FOR_AGENTS = frozenset({"database"})
_NOT_CHANGED = (
    None, cfg.Locations.opt_default, cfg.Locations.set_default,
)

_FOUND: set[Option] = set()


class OptionUnreadable(exceptions.RallyException):
    error_code = 153
    msg_fmt = (
        "Option %(option)s has an invalid value, so plugins could not use it. "
        "No load was generated. Correct it in the configuration."
    )


class OptionsRefused(exceptions.RallyException):
    error_code = 154
    msg_fmt = (
        "%(options)s cannot be set here as on the controller's host: "
        "%(reason)s. So iterations would behave differently here. Install the "
        "same versions of the plugins on all hosts, or remove the option from "
        "the controller's configuration."
    )


def registered() -> set[Option]:
    """All options that there are in this process."""
    found: set[Option] = set()
    for name in cfg.CONF:
        try:
            value = cfg.CONF[name]
        except (cfg.Error, ValueError):  # an option with a wrong value
            value = None
        if isinstance(value, cfg.ConfigOpts.GroupAttr):
            found.update((name, inner) for inner in value)
        else:
            found.add((DEFAULT, name))
    return found


@contextlib.contextmanager
def noticing() -> t.Iterator[None]:
    """What is registered within this block is registered by plugins."""
    before = registered()
    try:
        yield
    finally:
        _FOUND.update(
            option for option in registered() - before
            if option[0] not in _NOT_FOR_AGENTS
        )


def of_plugins() -> list[Option]:
    """The options that plugins read."""
    return sorted(_FOUND.union(_RALLYS_OWN) & registered())


def shown(options: t.Iterable[Option]) -> str:
    """As a configuration file has them, without values: some are secret."""
    return ", ".join("[%s] %s" % option for option in options)


def changed() -> Values:
    """The options of plugins that are not as they are by default.

    :raises OptionUnreadable: one has a value that is wrong
    """
    values: Values = {}
    for option in of_plugins():
        try:
            place, value = _place_of(option), _value_of(option)
        except (cfg.Error, ValueError):
            raise OptionUnreadable(option=shown([option])) from None
        if place not in _NOT_CHANGED:
            values.setdefault(option[0], {})[option[1]] = value
    return values


def adopt(
    values: Values, own_args: t.Sequence[str] | None = None
) -> list[str]:
    """Give options of plugins these values, and all others their default.

    :param own_args: where this host's configuration is, in the form of a
        command line; None: it is not asked
    :returns: sentences that say where that differs
    :raises OptionsRefused: one is not known here, or cannot have its value
    """
    known = of_plugins()
    wanted = {
        (section, name): value
        for section, named in values.items()
        for name, value in named.items()
    }
    unknown = sorted(wanted.keys() - set(known))
    if unknown:
        raise OptionsRefused(
            options=shown(unknown),
            reason="no plugin that is installed here has registered it",
        )
    for section, name in known:
        cfg.CONF.clear_override(name, _group(section))
    own: dict[Option, list[t.Any]] = {}
    problems: list[str] = []
    if own_args is not None:
        own, problems = _own(known, own_args)
    for option, value in wanted.items():
        _set(option, value)
    differing = [
        option for option, read in own.items() if read != [_value_of(option)]
    ]
    if differing:
        problems.append(
            "%s: used as on the controller's host; the configuration of this "
            "host says something else" % shown(differing)
        )
    return problems


def _own(
    known: t.Sequence[Option], args: t.Sequence[str]
) -> tuple[dict[Option, list[t.Any]], list[str]]:
    """What this host's configuration says; a value in a list, if it can be
    read. Afterwards each option has its default again.
    """
    own: dict[Option, list[t.Any]] = {}
    problems = []
    try:
        with contextlib.suppress(cfg.RequiredOptError):
            cfg.CONF(
                list(args), project="rally", prog="rally",
                default_config_files=[], default_config_dirs=[],
            )
        for option in known:
            try:
                place = _place_of(option)
                if place is not None and place.is_user_controlled:
                    own[option] = [_value_of(option)]
            except (cfg.Error, ValueError):
                own[option] = []
    except cfg.Error:
        problems.append("the configuration of this host cannot be read")
    finally:
        cfg.CONF.clear()
    return own, problems


def _set(option: Option, value: t.Any) -> None:
    section, name = option
    try:
        cfg.CONF.set_override(name, _escaped(value), _group(section))
        is_set = bool(_value_of(option) == value)
    except Exception:  # a type of options, which may be a plugin's
        is_set = False
    if not is_set:
        raise OptionsRefused(
            options=shown([option]),
            reason="it cannot have the value here that it has there",
        )


def _escaped(value: t.Any) -> t.Any:
    """``$name`` in a value stands for an option, unless it is escaped."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    if isinstance(value, dict):
        return {_escaped(key): _escaped(each) for key, each in value.items()}
    return value


def _group(section: str) -> str | None:
    return None if section == DEFAULT else section


def _value_of(option: Option) -> t.Any:
    section, name = option
    return (cfg.CONF if section == DEFAULT else cfg.CONF[section])[name]


def _place_of(option: Option) -> cfg.Locations | None:
    """Where its value comes from; None: there is none."""
    section, name = option
    found = cfg.CONF.get_location(name, _group(section))
    return None if found is None else found.location
