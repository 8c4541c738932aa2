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

"""Checks that plugins declare, made before anything runs."""

from __future__ import annotations

import abc
import traceback
import typing as t

from rally import exceptions
from rally.common import logging
from rally.common.plugin import info, plugin

LOG = logging.getLogger(__name__)

_P = t.TypeVar("_P", bound="type[plugin.Plugin]")

#: name, positional and keyword arguments of a validator
Declaration: t.TypeAlias = tuple[str, tuple[t.Any, ...], dict[str, t.Any]]

_STAGES = ("syntax", "platform", "semantic")


class ValidationError(Exception):
    """What ``Validator.fail`` raises; a message for whoever wrote a task."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def configure(
    name: str, platform: str = "default"
) -> t.Callable[[_P], _P]:
    """Make a validator known.

    :param name: what ``add`` calls it
    :param platform: the platform it is for
    """
    return plugin.configure(name=name, platform=platform)


@plugin.base()
class Validator(plugin.Plugin, metaclass=abc.ABCMeta):
    """Base class of validators.

    Keyword arguments given to ``add`` go to the constructor.
    """

    def __init__(self) -> None:
        pass

    @abc.abstractmethod
    def validate(
        self,
        context: dict[str, t.Any],
        config: t.Any,
        plugin_cls: type[plugin.Plugin],
        plugin_cfg: t.Any,
    ) -> None:
        """Check, and call ``fail`` if something is wrong.

        :param context: what is known of the environment: ``platforms``...
        :param config: the workload for scenarios, None for other plugins
        :param plugin_cls: the plugin the config is for
        :param plugin_cfg: its section of the task; None for scenarios
        """

    @staticmethod
    def fail(msg: str) -> t.NoReturn:
        """Refuse the config.

        :raises ValidationError: always
        """
        raise ValidationError(msg)

    @classmethod
    def _get_doc(cls) -> str | None:
        doc = info.trim(cls.__doc__)
        if cls.__init__ is not Validator.__init__:
            doc += "\n" + info.trim(cls.__init__.__doc__)
        return doc


@configure("required_platform")
class RequiredPlatformValidator(Validator):
    """The environment has a platform, with the credentials needed.

    A validator of the same name in that platform does the check instead, if
    there is one.

    .. code-block:: python

        @validation.add("required_platform", platform="openstack",
                        users=True)

    :param platform: name of the platform
    :param admin: whether admin's credentials are needed (openstack)
    :param users: whether users' credentials are needed (openstack)
    """

    def __init__(self, platform: str, **kwargs: t.Any) -> None:
        super().__init__()
        self.platform = platform
        self._kwargs = kwargs

    def validate(
        self,
        context: dict[str, t.Any],
        config: t.Any,
        plugin_cls: type[plugin.Plugin],
        plugin_cfg: t.Any,
    ) -> None:
        delegate = self._find_delegate()
        if delegate is not None:
            delegate(**self._kwargs).validate(
                context, config, plugin_cls, plugin_cfg
            )
            return
        if self.platform not in context.get("platforms", {}):
            self.fail(
                f"The environment has no platform {self.platform}. Use one "
                "that has, or add the platform to its specification."
            )
        if self.platform == "openstack":
            self._check_credentials(context["platforms"][self.platform])

    def _find_delegate(self) -> type[Validator] | None:
        own = type(self).get_name()
        for found in Validator.get_all(self.platform, name=own):
            if found is not type(self):
                return found
        return None

    def _check_credentials(self, data: t.Mapping[str, t.Any]) -> None:
        admin = self._kwargs.get("admin", False)
        users = self._kwargs.get("users", False)
        if not (admin or users):
            self.fail(
                "Requiring the openstack platform means to say whose "
                "credentials: admin=True, users=True or both."
            )
        if admin and not data.get("admin"):
            self.fail("The environment has no credentials of an admin.")
        if users and not (data.get("users") or data.get("admin")):
            self.fail("The environment has no credentials of users.")


def add(name: str, **kwargs: t.Any) -> t.Callable[[_P], _P]:
    """Have a plugin's config checked by a validator.

    :param name: the validator, also as ``name@platform``
    :param kwargs: arguments of its constructor
    """

    def decorator(cls: _P) -> _P:
        if issubclass(cls, RequiredPlatformValidator):
            raise exceptions.RallyException(
                "required_platform takes no validators: it is itself what "
                "validators require."
            )
        if issubclass(cls, Validator) and name != "required_platform":
            raise exceptions.RallyException(
                f"A validator cannot be checked by {name}: it takes nothing "
                "but required_platform, which says when it can run."
            )
        cls._meta_setdefault("validators", [])
        cls._meta_get("validators").append((name, (), kwargs))
        return cls

    return decorator


def add_default(name: str, **kwargs: t.Any) -> t.Callable[[_P], _P]:
    """Have the configs of all plugins below a base checked.

    :param name: the validator
    :param kwargs: arguments of its constructor
    """

    def decorator(cls: _P) -> _P:
        cls._default_meta_setdefault("validators", [])
        cls._default_meta_get("validators").append((name, (), kwargs))
        return cls

    return decorator


class ValidatablePluginMixin:
    """Lets the config of a plugin be checked by its validators."""

    @staticmethod
    def _load_validators(plugin: type[plugin.Plugin]) -> list[Declaration]:
        return plugin._meta_get("validators", default=[])

    @classmethod
    def validate(
        cls,
        name: str,
        context: dict[str, t.Any] | None,
        config: t.Any,
        plugin_cfg: t.Any,
        allow_hidden: bool = False,
        vtype: str | t.Sequence[str] | None = None,
    ) -> list[str]:
        """Check the config of the plugin called *name*.

        The stages come in the order ``syntax``, ``platform``, ``semantic``;
        the first that finds something is the last.

        :param context: what is known of the environment
        :param config: the workload for scenarios, None for other plugins
        :param plugin_cfg: the plugin's section of the task
        :param allow_hidden: *name* may be that of a hidden plugin
        :param vtype: a stage or several; None is all
        :returns: what is wrong, as messages
        """
        stages = _stages(vtype)
        base = t.cast("type[plugin.Plugin]", cls)
        try:
            found = base.get(name, allow_hidden=allow_hidden)
        except exceptions.PluginNotFound as e:
            return [e.format_message()]
        by_stage = _sort(cls._load_validators(found))
        subject = (context, config, found, plugin_cfg)
        for stage in stages:
            messages: list[str] = []
            for validator, args, kwargs in by_stage[stage]:
                # whatever a validator raises after another one has refused
                # the config is a consequence of that, and tells nothing
                messages += [
                    "%s plugin '%s' doesn't pass %s validation. Details: %s"
                    % (base.__name__, name, validator.get_fullname(), text)
                    for text in _problems(
                        validator, args, kwargs, subject, bool(messages)
                    )
                ]
            if messages:
                return messages
        return []


_Loaded: t.TypeAlias = tuple[
    type[Validator], tuple[t.Any, ...], dict[str, t.Any]
]


def _stages(vtype: str | t.Sequence[str] | None) -> list[str]:
    if vtype is None:
        return list(_STAGES)
    asked = [vtype] if isinstance(vtype, str) else vtype
    wrong = sorted(set(asked) - set(_STAGES))
    if wrong:
        raise ValueError(
            f"There is no stage of validation named {', '.join(wrong)}: "
            f"the stages are {', '.join(_STAGES)}."
        )
    return [stage for stage in _STAGES if stage in asked]


def _sort(declared: t.Sequence[Declaration]) -> dict[str, list[_Loaded]]:
    """Validators by stage; those that validators need come in as well."""
    by_stage: dict[str, list[_Loaded]] = {stage: [] for stage in _STAGES}
    for name, args, kwargs in declared:
        validator = Validator.get(name, allow_hidden=True)
        loaded = (validator, args, kwargs)
        if issubclass(validator, RequiredPlatformValidator):
            _append_once(by_stage["platform"], loaded)
            continue
        needs = ValidatablePluginMixin._load_validators(validator)
        by_stage["semantic" if needs else "syntax"].append(loaded)
        for need, need_args, need_kwargs in needs:
            platform = Validator.get(need, allow_hidden=True)
            _append_once(
                by_stage["platform"], (platform, need_args, need_kwargs)
            )
    return by_stage


def _append_once(loaded: list[_Loaded], item: _Loaded) -> None:
    if item not in loaded:
        loaded.append(item)


def _problems(
    validator: type[Validator],
    args: tuple[t.Any, ...],
    kwargs: dict[str, t.Any],
    subject: tuple[t.Any, ...],
    is_refused: bool,
) -> list[str]:
    try:
        validator(*args, **kwargs).validate(*subject)
    except ValidationError as e:
        return [e.message]
    except Exception:  # whatever a plugin's validator raises
        return [] if is_refused else [traceback.format_exc()]
    return []
