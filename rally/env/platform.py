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

"""Base class of platform plugins.

A platform is one system under test: a cloud, a cluster, a web service. The
plugin knows how to make it (or how to reach it), check it and clean it up.
"""

from __future__ import annotations

import abc
import typing as t

from rally.common import utils, validation
from rally.common.plugin import plugin

PlatformClass = t.TypeVar("PlatformClass", bound="type[Platform]")
Data: t.TypeAlias = dict[str, t.Any]


class _PlatformStatus(utils.ImmutableMixin, utils.EnumMixin):
    """Statuses of a platform."""

    INIT = "INITIALIZING"
    SKIPPED = "SKIPPED"
    READY = "READY"
    FAILED_TO_CREATE = "FAILED TO CREATE"
    DESTROYING = "DESTROYING"
    FAILED_TO_DESTROY = "FAILED TO DESTROY"
    DESTROYED = "DESTROYED"

    TRANSITION_TABLE: t.ClassVar[dict[str, tuple[str, ...]]] = {
        INIT: (READY, SKIPPED, FAILED_TO_CREATE),
        READY: (DESTROYING,),
        FAILED_TO_CREATE: (DESTROYING,),
        DESTROYING: (DESTROYED, FAILED_TO_DESTROY),
        FAILED_TO_DESTROY: (DESTROYING,),
    }


STATUS = _PlatformStatus()


def configure(
    name: str, platform: str
) -> t.Callable[[PlatformClass], PlatformClass]:
    """Make a platform plugin known.

    :param name: ``existing`` is the one meant when a specification names
        the platform alone
    :param platform: name of the platform
    """
    return plugin.configure(name=name, platform=platform)


@validation.add_default("jsonschema")
@plugin.base()
class Platform(plugin.Plugin, validation.ValidatablePluginMixin):
    """One system under test.

    ``spec`` is what the user wrote about it; ``platform_data`` is what
    scenarios and contexts get to see; ``plugin_data`` is for the plugin.
    """

    def __init__(
        self,
        spec: t.Any,
        uuid: str | None = None,
        plugin_data: t.Any = None,
        platform_data: t.Any = None,
        status: str | None = None,
    ) -> None:
        self.spec = spec
        self.uuid = uuid
        self.plugin_data = plugin_data
        self.platform_data = platform_data
        self.status = status

    @abc.abstractmethod
    def create(self) -> tuple[Data, Data]:
        """Make the platform, or find it.

        :returns: platform data and plugin data
        """
        raise self._unsupported("create")

    @abc.abstractmethod
    def destroy(self) -> None:
        """Undo ``create``."""
        raise self._unsupported("destroy")

    def update(self, new_spec: t.Any) -> t.Any:
        """Change the platform to another specification."""
        raise self._unsupported("update")

    def cleanup(self, task_uuid: str | None = None) -> Data:
        """Delete what tasks left behind.

        :param task_uuid: only what this task left
        :returns: ``discovered``, ``deleted``, ``failed`` (counts),
            ``resources`` (the counts by type), ``errors`` (dicts with
            ``message``), optionally ``message``
        """
        raise self._unsupported("cleanup")

    def check_health(self) -> Data:
        """See whether the platform can be used.

        :returns: ``available``, optionally ``message`` and ``traceback``
        """
        raise self._unsupported("check_health")

    def info(self) -> Data:
        """Tell about the platform.

        :returns: ``info``: any data
        """
        raise self._unsupported("info")

    def get_validation_context(self) -> Data:
        """Contexts to be set up around the validation of a task."""
        return {}

    def _get_validation_context(self) -> Data:
        """The name under which the engine and older plugins know it."""
        return self.get_validation_context()

    @classmethod
    def create_spec_from_sys_environ(
        cls, sys_environ: t.Mapping[str, str]
    ) -> Data:
        """Look for the platform in environment variables.

        :returns: ``available``, and the ``spec`` if so, optionally
            ``message`` and ``traceback``
        """
        return {
            "available": False,
            "message": "Skipped. No credentials found.",
        }

    def _unsupported(self, method: str) -> NotImplementedError:
        return NotImplementedError(
            "platform plugin %s has no method %s()"
            % (self.get_fullname(), method)
        )
