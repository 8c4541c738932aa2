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

"""Deployments: the legacy view of environments."""

from __future__ import annotations

import typing as t

from rally import exceptions, plugins
from rally.api import group

if t.TYPE_CHECKING:
    from rally.env import deployment as env_deployment

Records: t.TypeAlias = list[dict[str, t.Any]]


class _Deployment(group.APIGroup):
    """Create, look at and destroy deployments."""

    @plugins.ensure_plugins_are_loaded
    def _create(
        self, config: dict[str, t.Any], name: str
    ) -> env_deployment.Deployment:
        from rally.env import deployment

        return deployment.Deployment(name=name, config=_spec_of(config))

    def create(self, config: dict[str, t.Any], name: str) -> dict[str, t.Any]:
        """Create a deployment.

        :param config: credentials or specs by platform; the form with
            ``type`` and ``creds`` is accepted as well
        :param name: unique name
        """
        return self._create(config, name).to_dict()

    @plugins.ensure_plugins_are_loaded
    def destroy(self, deployment: str) -> None:
        """Delete a deployment with all that was recorded of it.

        :param deployment: uuid or name
        """
        env = self._get(deployment).env_obj
        try:
            env.destroy(skip_cleanup=True)
        finally:
            env.delete(force=True)

    def recreate(
        self, deployment: str, config: dict[str, t.Any] | None = None
    ) -> t.NoReturn:
        """Not possible: see the error.

        :raises RallyException: always
        """
        raise exceptions.RallyException(
            "Deployments cannot be recreated, as what was measured before "
            "would then belong to another cloud. Create a new environment "
            "with `rally env create`."
        )

    def _get(self, deployment: str) -> env_deployment.Deployment:
        from rally.env import deployment as env_deployment

        return env_deployment.Deployment.get(deployment)

    def get(self, deployment: str) -> dict[str, t.Any]:
        """One deployment.

        :param deployment: uuid or name
        """
        return self._get(deployment).to_dict()

    def list(
        self,
        status: str | None = None,
        parent_uuid: str | None = None,
        name: str | None = None,
    ) -> Records:
        """Deployments, all or those of one status or name."""
        from rally.env import deployment

        found = deployment.Deployment.list(status, parent_uuid, name)
        return [each.to_dict() for each in found]

    @plugins.ensure_plugins_are_loaded
    def check(self, deployment: str) -> dict[str, Records]:
        """Services of each platform, or the error that hides them.

        :param deployment: uuid or name
        """
        env = self._get(deployment).env_obj
        info = env.get_info()
        return {
            name.rpartition("@")[2]: [_checked(health, info.get(name, {}))]
            for name, health in env.check_health().items()
        }


def _spec_of(config: dict[str, t.Any]) -> dict[str, t.Any]:
    if "type" not in config:
        return config
    try:
        return config["creds"]
    except KeyError:
        raise exceptions.InvalidConfigException(
            "a deployment with `type` needs `creds`, an object with the "
            "credentials by platform; without it there is nothing to test"
        ) from None


def _checked(
    health: dict[str, t.Any], info: dict[str, t.Any]
) -> dict[str, t.Any]:
    if not health["available"]:
        error = {
            "etype": "PlatformUnavailable",
            "msg": health.get("message", ""),
            "trace": health.get("traceback", ""),
        }
        return {"services": [], "admin_error": error}
    details = info.get("info") or {}
    services = details.get("services", []) if isinstance(details, dict) else []
    return {"services": services}
