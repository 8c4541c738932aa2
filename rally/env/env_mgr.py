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

"""Environments: making, checking, cleaning and destroying them."""

from __future__ import annotations

import typing as t

from rally import exceptions
from rally.common import db, utils
from rally.env import answers, platform, rows
from rally.env import spec as env_spec
from rally.env.spec import SPEC_SCHEMA

__all__ = ["SPEC_SCHEMA", "STATUS", "EnvManager"]

Data: t.TypeAlias = dict[str, t.Any]
Platforms: t.TypeAlias = list[platform.Platform]
EnvManagers: t.TypeAlias = "list[EnvManager]"


class _EnvStatus(utils.ImmutableMixin, utils.EnumMixin):
    """Statuses of an environment."""

    INIT = "INITIALIZING"
    READY = "READY"
    FAILED_TO_CREATE = "FAILED TO CREATE"
    CLEANING = "CLEANING"
    DESTROYING = "DESTROYING"
    FAILED_TO_DESTROY = "FAILED TO DESTROY"
    DESTROYED = "DESTROYED"

    TRANSITION_TABLE: t.ClassVar[dict[str, tuple[str, ...]]] = {
        INIT: (READY, FAILED_TO_CREATE),
        READY: (DESTROYING, CLEANING),
        CLEANING: (READY,),
        FAILED_TO_CREATE: (DESTROYING,),
        DESTROYING: (DESTROYED, FAILED_TO_DESTROY),
        FAILED_TO_DESTROY: (DESTROYING,),
    }


STATUS = _EnvStatus()
_HAVE_FAILED = (STATUS.FAILED_TO_CREATE, STATUS.FAILED_TO_DESTROY)


class SpecIsFixed(exceptions.ManagerException):
    error_code = 167
    msg_fmt = (
        "The specification of environment %(env)s cannot be changed: its "
        "platforms were made from it. Create another environment from the "
        "new specification, and destroy this one when nothing needs it."
    )


class EnvManager:
    """One environment and its platforms."""

    _FROM_SYS_ENV_FORMAT = answers.FROM_SYS_ENV_FORMAT
    _HEALTH_FORMAT = answers.HEALTH_FORMAT
    _INFO_FORMAT = answers.INFO_FORMAT
    _CLEANUP_FORMAT = answers.CLEANUP_FORMAT

    def __init__(self, _data: Data) -> None:
        """Use ``get``, ``list`` or ``create`` instead."""
        self._env = _data

    def __str__(self) -> str:
        return "Env `%s (%s)'" % (self._env["name"], self.uuid)

    # ---- reading

    @property
    def uuid(self) -> str:
        return str(self._env["uuid"])

    @property
    def status(self) -> str:
        """Status by now."""
        return db.env_get_status(self.uuid)

    @property
    def cached_data(self) -> Data:
        """What was last read of the environment."""
        shown = rows.with_text_times(self._env)
        return {
            key: shown[key]
            for key in (
                "uuid", "created_at", "updated_at", "name", "description",
                "status", "spec", "extras", "platforms",
            )
        }

    @property
    def data(self) -> Data:
        """What the environment is by now."""
        self._env = rows.read_env(self.uuid)
        return self.cached_data

    @classmethod
    def get(cls, uuid_or_name: str) -> EnvManager:
        """An environment by uuid or name.

        :raises DBRecordNotFound: there is none
        """
        return cls(rows.read_env(uuid_or_name))

    @classmethod
    def list(cls, status: str | None = None) -> EnvManagers:
        """All environments, or those in one status."""
        return [
            cls(rows.with_platforms(env)) for env in db.env_list(status=status)
        ]

    def _get_platforms(self) -> Platforms:
        """The plugins of the platforms, with their data.

        :raises PluginNotFound: a plugin is not installed any more
        """
        return [rows.plugin_of(row) for row in db.platforms_list(self.uuid)]

    # ---- making

    @classmethod
    def create(
        cls,
        name: str,
        spec: Data,
        description: str | None = None,
        extras: Data | None = None,
        config: Data | None = None,
    ) -> EnvManager:
        """Record an environment and make its platforms.

        The arguments win over ``!description``, ``!extras`` and ``!config``
        of the specification. A platform that cannot be made shows in the
        status.

        :raises ManagerInvalidSpec: tells all that is wrong with *spec*
        :raises DBRecordExists: the name is taken
        """
        env = cls._validate_and_create_env(
            name, spec, description=description, extras=extras, config=config
        )
        env._create_platforms()
        return env

    @classmethod
    def _validate_and_create_env(
        cls, name: str, spec: Data, **given: t.Any
    ) -> EnvManager:
        """Record an environment without making its platforms."""
        parsed = env_spec.parse(spec)
        own = {
            key: getattr(parsed, key) if given.get(key) is None
            else given[key]
            for key in ("description", "extras", "config")
        }
        created = db.env_create(
            name=name,
            status=STATUS.INIT,
            **own,
            spec=parsed.platforms,
            platforms=[
                {
                    "status": platform.STATUS.INIT,
                    "plugin_name": plugin_name,
                    "plugin_spec": plugin_spec,
                    "platform_name": plugin_name.partition("@")[2],
                }
                for plugin_name, plugin_spec in parsed.platforms.items()
            ],
        )
        return cls.get(created["uuid"])

    def _create_platforms(self) -> None:
        """Make one platform after the other; after a failure, no more."""
        status = STATUS.FAILED_TO_CREATE
        try:
            is_failed = False
            for row in db.platforms_list(self.uuid):
                if is_failed:
                    rows.set_status(row, platform.STATUS.SKIPPED)
                else:
                    is_failed = not rows.create(row)
            if not is_failed:
                status = STATUS.READY
        finally:
            db.env_set_status(self.uuid, STATUS.INIT, status)
            self._env = rows.read_env(self.uuid)

    @classmethod
    def create_spec_from_sys_environ(
        cls,
        description: str | None = None,
        extras: Data | None = None,
        config: Data | None = None,
    ) -> Data:
        """Ask each platform plugin what the environment variables tell.

        :returns: ``spec``, for ``create``, and ``discovery_details``: what
            each plugin answered
        """
        return env_spec.from_sys_environ(
            {
                "!description": description,
                "!extras": extras,
                "!config": config,
            }
        )

    # ---- changing

    def rename(self, new_name: str) -> bool:
        """Give it another name; False if that is taken."""
        if self._env["name"] == new_name:
            return True
        is_renamed = db.env_rename(self.uuid, self._env["name"], new_name)
        if is_renamed:
            self._env["name"] = new_name
        return is_renamed

    def update(
        self,
        description: str | None = None,
        config: Data | None = None,
        extras: Data | None = None,
    ) -> bool:
        """Change what is given; False if it was deleted meanwhile."""
        return db.env_update(
            self.uuid, description=description, extras=extras, config=config
        )

    def update_spec(self, new_spec: Data) -> t.NoReturn:
        """Refuse: platforms are made from the specification.

        :raises SpecIsFixed: always
        """
        raise SpecIsFixed(env=self)

    # ---- using

    def check_health(self) -> dict[str, Data]:
        """Whether each platform, by plugin, can be used, and why not."""
        return {
            name: (
                {"available": False, **answer.to_dict("message")}
                if isinstance(answer, answers.PluginProblem)
                else _with_message(answer)
            )
            for name, answer in self._ask_all(
                "check_health", answers.HEALTH_FORMAT
            )
        }

    def get_info(self) -> dict[str, Data]:
        """What each platform, by plugin, tells about itself."""
        return {
            name: (
                {"info": None, **answer.to_dict("error")}
                if isinstance(answer, answers.PluginProblem)
                else answer
            )
            for name, answer in self._ask_all("info", answers.INFO_FORMAT)
        }

    def get_validation_context(self) -> Data:
        """Contexts that validating a task in this environment needs."""
        contexts: Data = {}
        for found in self._get_platforms():
            contexts.update(found._get_validation_context())
        return contexts

    def _ask_all(
        self, method: str, form: Data, **kwargs: t.Any
    ) -> t.Iterator[tuple[str, answers.Answer | answers.PluginProblem]]:
        """Call *method* of each platform's plugin."""
        for row in db.platforms_list(self.uuid):
            name = row["plugin_name"]

            def call(row: Data = row) -> t.Any:
                return getattr(rows.plugin_of(row), method)(**kwargs)

            yield name, answers.ask(
                "%s.%s()" % (name, method), call, form, rows.secrets_of(row)
            )

    def cleanup(self, task_uuid: str | None = None) -> dict[str, Data]:
        """Let each platform delete what tasks left behind.

        :param task_uuid: only what this task left
        :returns: outcome by plugin
        :raises DBConflict: the environment is not ready
        """
        db.env_set_status(self.uuid, STATUS.READY, STATUS.CLEANING)
        try:
            return {
                name: _cleaned(answer)
                for name, answer in self._ask_all(
                    "cleanup", answers.CLEANUP_FORMAT, task_uuid=task_uuid
                )
            }
        finally:
            db.env_set_status(self.uuid, STATUS.CLEANING, STATUS.READY)

    # ---- ending

    def destroy(self, skip_cleanup: bool = False) -> Data:
        """Clean up, then destroy all platforms.

        Platforms stay if cleaning them up had errors. An environment that
        was never ready has nothing to clean up.

        :returns: ``cleanup_info`` and ``destroy_info``
        :raises DBConflict: the environment is in a status that forbids it
        """
        cleanup_info: Data = {"skipped": True}
        if not skip_cleanup and self.status not in _HAVE_FAILED:
            info = self.cleanup()
            is_failed = any(answer["errors"] for answer in info.values())
            cleanup_info = {
                "skipped": False, "failed": is_failed, "info": info,
            }
            if is_failed:
                return {
                    "cleanup_info": cleanup_info,
                    "destroy_info": {
                        "skipped": True,
                        "platforms": {},
                        "message": "Skipped because cleanup has errors",
                    },
                }
        return {
            "cleanup_info": cleanup_info,
            "destroy_info": {
                "skipped": False, "platforms": self._destroy_platforms(),
            },
        }

    def _destroy_platforms(self) -> dict[str, Data]:
        before = self.status
        if before not in _HAVE_FAILED:
            before = STATUS.READY
        db.env_set_status(self.uuid, before, STATUS.DESTROYING)
        after = STATUS.FAILED_TO_DESTROY
        try:
            told = {
                row["plugin_name"]: rows.destroy(row)
                for row in db.platforms_list(self.uuid)
            }
            if all("traceback" not in outcome for outcome in told.values()):
                after = STATUS.DESTROYED
            return told
        finally:
            db.env_set_status(self.uuid, STATUS.DESTROYING, after)

    def delete(self, force: bool = False) -> None:
        """Forget the environment and all tasks that ran in it.

        What their clean-ups need is removed from this host, too.

        :param force: even if its platforms were not destroyed
        :raises ManagerInvalidState: they were not, and *force* is false
        """
        status = self.status
        if status != STATUS.DESTROYED and not force:
            raise exceptions.ManagerInvalidState(
                mgr="Env", expected=STATUS.DESTROYED, actual=status
            )
        from rally.task.cleanup import notes

        workloads = notes.workloads_of_env(self.uuid)
        db.env_delete_cascade(self.uuid)
        notes.forget_all(workloads)


def _with_message(health: Data) -> Data:
    """*health* with a message, even if the plugin gave none."""
    is_told = health.get("message") or not health["available"]
    return health if is_told else {**health, "message": "OK!"}


def _cleaned(answer: answers.Answer | answers.PluginProblem) -> Data:
    """A full answer to ``cleanup``, whatever the plugin gave."""
    if not isinstance(answer, answers.PluginProblem):
        return {"message": "Succeeded", **answer}
    return {
        "message": "Not implemented" if answer.is_missing else "Failed",
        "discovered": 0,
        "deleted": 0,
        "failed": 0,
        "resources": {},
        "errors": [] if answer.is_missing else [answer.to_dict("message")],
    }
