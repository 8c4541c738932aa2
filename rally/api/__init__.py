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

"""The entry point for programs: ``API().task.start(...)`` and so on.

Importing it is cheap: plugins, the database and the engine are loaded by the
methods that need them.
"""

from __future__ import annotations

import typing as t

from rally import exceptions, plugins
from rally.api.deployments import _Deployment
from rally.api.group import APIGroup
from rally.api.tasks import _Task
from rally.common import cfg, config_files, logging, settings

if t.TYPE_CHECKING:
    from rally.api import verifications, verifiers

CONF = cfg.CONF
LOG = logging.getLogger(__name__)

API_REQUEST_PREFIX = "/api"

__all__ = ["API", "API_REQUEST_PREFIX", "APIGroup", "_Deployment", "_Task"]


class DatabaseMissing(settings.NotSetUp):
    error_code = 196
    msg_fmt = (
        "Database is missing: %(url)s has no tables, so there is nowhere to "
        "keep environments, tasks and results. Create it with `rally db "
        "create`."
    )


class API:
    """All that the command line can do, for programs.

    :param config_file: use this ``rally.conf`` instead of the first found
    :param config_args: options in the form of a command line
    :param plugin_paths: files and folders to load as plugins
    :param skip_db_check: do not look at the database
    :raises RallyException: the configuration cannot be read, or the database
        is missing or outdated
    """

    CONFIG_SEARCH_PATHS = config_files.SEARCH_PATHS
    CONFIG_FILE_NAME = config_files.FILE_NAME

    def __init__(
        self,
        config_file: str | None = None,
        config_args: t.Sequence[str] | None = None,
        plugin_paths: t.Iterable[str] | None = None,
        skip_db_check: bool = False,
    ) -> None:
        settings.read(
            config_args or (),
            [config_file] if config_file else self._default_config_file(),
        )
        self._load_plugins(plugin_paths or ())
        if not skip_db_check:
            self.check_db_revision()
        self._deployment = _Deployment(self)
        self._task = _Task(self)

    def _default_config_file(self) -> list[str]:
        """The first ``rally.conf`` on the search path, as a list."""
        return config_files.default_files(self.CONFIG_SEARCH_PATHS)

    @staticmethod
    def _load_plugins(paths: t.Iterable[str]) -> None:
        configured = CONF.plugin_paths if "plugin_paths" in CONF else None
        plugins.load_paths([*(configured or ()), *paths])

    def check_db_revision(self) -> None:
        """Make sure that the schema is the one this code was written for.

        The database that nobody configured, Rally's own default, is made
        here when it is first needed.

        :raises DatabaseMissing: it has no schema
        :raises DBMigrationError: it has another one
        """
        from rally.common.db import engine, errors, schema

        found = schema.schema_revision(detailed=True)
        if found["revision"] == found["current_head"]:
            return
        location = CONF.get_location("connection", "database")
        is_configured = location and location.location.is_user_controlled
        if found["revision"] is None and is_configured:
            raise DatabaseMissing(url=errors.shown(engine.get_engine().url))
        if schema.schema_ensure():
            LOG.info(
                "Database %s was created, as there was none."
                % errors.shown(engine.get_engine().url)
            )

    def _request(
        self, path: str, method: str, **kwargs: t.Any
    ) -> t.Any:
        """Call a Rally service over HTTP.

        :raises RallyException: the error that the service answered with
        """
        import requests

        response = requests.request(method, path, json=kwargs, timeout=60)
        if response.status_code != 200:
            raise exceptions.find_exception(response)
        return response.json()["result"]

    @property
    def deployment(self) -> _Deployment:
        return self._deployment

    @property
    def task(self) -> _Task:
        return self._task

    @property
    def verifier(self) -> verifiers._Verifier:
        from rally.api import verifiers

        return verifiers._Verifier(self)

    @property
    def verification(self) -> verifications._Verification:
        from rally.api import verifications

        return verifications._Verification(self)

    @property
    def version(self) -> int:
        return 1
