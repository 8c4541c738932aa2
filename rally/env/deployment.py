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

"""Environments as `rally deployment` and older plugins see them."""

from __future__ import annotations

import collections.abc
import typing as t

from rally import consts, exceptions
from rally.env import env_mgr, reasons

Values: t.TypeAlias = dict[str, t.Any]
Deployments: t.TypeAlias = "list[Deployment]"
STATUS = consts.DeployStatus

#: for each platform a list of credentials
CREDENTIALS_SCHEMA: Values = {
    "type": "object",
    "patternProperties": {
        ".*": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "admin": {"type": ["object", "null"]},
                    "users": {"type": "array", "items": {"type": "object"}},
                },
                "required": ["admin", "users"],
                "additionalProperties": False,
            },
        }
    },
}

_STATUSES: t.Mapping[str, str] = {
    "INITIALIZING": STATUS.DEPLOY_STARTED,
    "READY": STATUS.DEPLOY_FINISHED,
    "FAILED TO CREATE": STATUS.DEPLOY_FAILED,
    "CLEANING": STATUS.CLEANUP_STARTED,
    "DESTROYING": STATUS.CLEANUP_STARTED,
    "FAILED TO DESTROY": STATUS.CLEANUP_FAILED,
    "DESTROYED": STATUS.CLEANUP_FINISHED,
}


class Deployment:
    """The older view of an environment."""

    TIME_FORMAT = consts.TimeFormat.ISO8601

    def __init__(
        self,
        deployment: env_mgr.EnvManager | None = None,
        name: str | None = None,
        config: Values | None = None,
        extras: Values | None = None,
    ) -> None:
        """Wrap an environment, or create one.

        :param deployment: the environment
        :param name: name of a new one
        :param config: its specification
        :param extras: anything to keep with it
        """
        if deployment is None:
            if not name:
                raise exceptions.InvalidArgumentsException(
                    "a deployment needs a name, or an environment to show"
                )
            deployment = env_mgr.EnvManager.create(
                name, config or {}, description="", extras=extras or {}
            )
        self._env = deployment

    @property
    def env_obj(self) -> env_mgr.EnvManager:
        return self._env

    def __getitem__(self, key: str) -> t.Any:
        if key == "env_obj":
            return self._env
        if key == "status":
            return _STATUSES[self._env.status]
        if key == "config":
            return self._config()
        return self._env.cached_data[key]

    def _config(self) -> Values:
        """The specification; existing platforms go by their name alone."""
        return {
            name.removeprefix("existing@"): value
            for name, value in self._env.cached_data["spec"].items()
        }

    def to_dict(self) -> Values:
        created_at = self["created_at"]
        return {
            "uuid": self["uuid"],
            "name": self["name"],
            "created_at": created_at,
            "updated_at": self["updated_at"],
            "started_at": created_at,
            "completed_at": "n/a",
            "parent_uuid": None,
            "status": self["status"],
            "config": self["config"],
            "credentials": self.get_all_credentials(),
        }

    @staticmethod
    def get(deploy: str) -> Deployment:
        """A deployment by uuid or name.

        :raises DBRecordNotFound: there is none
        """
        return Deployment(env_mgr.EnvManager.get(deploy))

    @staticmethod
    def list(
        status: str | None = None,
        parent_uuid: str | None = None,
        name: str | None = None,
    ) -> Deployments:
        """Deployments.

        :param status: in the words of environments or of deployments
        :param parent_uuid: of no effect; deployments have no parents
        :param name: the one of this name, or none
        """
        return [
            Deployment(env)
            for env in env_mgr.EnvManager.list()
            for data in [env.cached_data]
            if name in (None, data["name"])
            and status in (None, data["status"], _STATUSES[data["status"]])
        ]

    def get_validation_context(self) -> Values:
        """Contexts that validating a task in this deployment needs."""
        return self._env.get_validation_context()

    def verify_connections(self) -> None:
        """Check that all platforms can be used.

        :raises RallyException: one cannot
        """
        for platform, health in self._env.check_health().items():
            if not health["available"]:
                raise exceptions.RallyException(
                    reasons.paragraph(
                        platform.rpartition("@")[2],
                        self["name"],
                        reasons.in_answer(health),
                    )
                )

    def get_platforms(self) -> collections.abc.KeysView[str]:
        """Names of the platforms."""
        keys: collections.abc.KeysView[str] = self._config().keys()
        return keys

    def get_all_credentials(self) -> dict[str, t.Any]:
        """For each platform a list with its data, which holds credentials."""
        platforms = self._env.cached_data["platforms"]
        return {
            name: [platform["platform_data"]]
            for name, platform in platforms.items()
        }

    def get_credentials_for(self, platform: str) -> t.Any:
        """Data of one platform.

        :raises RallyException: there is no such platform
        """
        try:
            return self.get_all_credentials()[platform][0]
        except KeyError:
            raise exceptions.RallyException(
                "No credentials found for %s: deployment %s has no such "
                "platform." % (platform, self["name"])
            ) from None
