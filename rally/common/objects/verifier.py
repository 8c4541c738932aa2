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

"""Verifiers: test tools that are installed, and how far that got."""

from __future__ import annotations

import functools
import importlib
import typing as t

from rally import consts, exceptions
from rally.common import db, logging, owners
from rally.common.objects import records

LOG = logging.getLogger(__name__)
STATUS = consts.VerifierStatus
Verifiers: t.TypeAlias = "list[Verifier]"

#: status that a process is needed for -> what is left without it
_ABANDONED: t.Mapping[str, str] = {
    STATUS.INIT: STATUS.FAILED,
    STATUS.INSTALLING: STATUS.FAILED,
    STATUS.UPDATING: STATUS.INSTALLED,
    STATUS.EXTENDING: STATUS.INSTALLED,
}


class Verifier(records.Record):
    """A test tool, such as Tempest, that Rally has installed.

    Environments and plugins lie above this package: they are imported by
    name, when they are asked for.
    """

    def __init__(self, verifier: records.Values) -> None:
        super().__init__(verifier)
        self._env: t.Any = None

    def __str__(self) -> str:
        return "'%s' (UUID=%s)" % (self["name"], self["uuid"])

    @classmethod
    def create(
        cls,
        name: str,
        vtype: str,
        platform: str,
        source: str | None,
        version: str | None,
        system_wide: bool,
        extra_settings: records.Values | None = None,
    ) -> Verifier:
        """Record a verifier that this process is going to install.

        :raises DBRecordExists: the name is taken
        """
        return cls(db.verifier_create(
            name=name, vtype=vtype, platform=platform, source=source,
            version=version, system_wide=system_wide,
            extra_settings=extra_settings, owner=owners.claim(),
        ))

    @classmethod
    def get(cls, verifier_id: str) -> Verifier:
        """A verifier by name or uuid.

        :raises DBRecordNotFound: there is none
        """
        return cls(_looked_after(db.verifier_get(verifier_id)))

    @classmethod
    def list(cls, status: str | None = None) -> Verifiers:
        """Verifiers, oldest first."""
        found = [cls(_looked_after(row)) for row in db.verifier_list()]
        return [each for each in found if status in (None, each["status"])]

    @staticmethod
    def delete(verifier_id: str) -> None:
        db.verifier_delete(verifier_id)

    def update_status(self, status: str) -> None:
        """Change the status, and say that this process is at it."""
        self.update_properties(status=status, owner=owners.claim())

    def update_properties(self, **properties: t.Any) -> None:
        self._values = db.verifier_update(self["uuid"], **properties)

    def set_env(self, env_id: str) -> None:
        """Say which environment is meant from now on.

        :param env_id: its uuid or name
        """
        module = importlib.import_module("rally.env.env_mgr")
        self._env = module.EnvManager.get(env_id)

    @property
    def env(self) -> t.Any:
        """Its ``EnvManager``.

        :raises RallyException: no environment has been set
        """
        if self._env is None:
            raise exceptions.RallyException(
                "Verifier %s is not set to an environment, so nobody can say "
                "what it is to test. Call set_env() first." % self
            )
        return self._env

    @property
    def deployment(self) -> t.Any:
        """The environment as earlier releases show it: a ``Deployment``.

        :raises RallyException: no environment has been set
        """
        module = importlib.import_module("rally.env.deployment")
        return module.Deployment(self.env)

    @functools.cached_property
    def manager(self) -> t.Any:
        """The ``VerifierManager`` that knows how to handle it."""
        module = importlib.import_module("rally.verification.manager")
        plugin = module.VerifierManager.get(self["type"], self["platform"])
        return plugin(self)


def _looked_after(row: records.Values) -> records.Values:
    """*row*, with another status if the process that worked on it is gone."""
    status = _ABANDONED.get(row["status"])
    if status is None or not owners.is_gone(row):
        return row
    LOG.warning(
        "The process (%s) ended while verifier '%s' (UUID=%s) was in status "
        "'%s', so it is '%s' now. What was done until then may be half done: "
        "%s",
        owners.shown(row["owner"]), row["name"], row["uuid"], row["status"],
        status,
        "delete the verifier and create it again." if status == STATUS.FAILED
        else "repeat the command, or run `rally verify update-verifier "
        "--update-venv`.",
    )
    return db.verifier_update(row["uuid"], status=status)
