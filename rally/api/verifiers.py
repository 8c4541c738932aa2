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

"""Verifiers: install, configure, update, extend and delete test tools."""

from __future__ import annotations

import contextlib
import os
import shutil
import typing as t

from rally import consts, exceptions, plugins
from rally.api import group
from rally.common import db, logging, objects, owners

if t.TYPE_CHECKING:
    from rally.verification import ini_text

LOG = logging.getLogger(__name__)
STATUS = consts.VerifierStatus
Data: t.TypeAlias = dict[str, t.Any]
Records: t.TypeAlias = list[Data]


_HINTS: t.Mapping[str, str] = {
    STATUS.FAILED: "Its installation failed, so it can only be deleted: run "
    "`rally verify delete-verifier`, and create it again.",
}
_WAIT = "Another command is working with it; wait until that has ended."


class _Verifier(group.APIGroup):
    """Methods about verifiers; each is named by its name or uuid."""

    @plugins.ensure_plugins_are_loaded
    def list_plugins(self, platform: str | None = None) -> Records:
        """Kinds of verifiers that there are plugins for."""
        from rally.verification import manager

        return [
            {
                "name": cls.get_name(),
                "platform": cls.get_platform(),
                "description": cls.get_title(),
                "location": "%s.%s" % (cls.__module__, cls.__name__),
            }
            for cls in manager.VerifierManager.get_all(platform=platform)
        ]

    @plugins.ensure_plugins_are_loaded
    def create(
        self,
        name: str,
        vtype: str,
        platform: str | None = None,
        source: str | None = None,
        version: str | None = None,
        system_wide: bool = False,
        extra_settings: Data | None = None,
    ) -> str:
        """Install a verifier; its uuid.

        :param vtype: name of the plugin
        :param source: git repository; that of the plugin by default
        :param version: branch, tag or commit
        :param system_wide: use Rally's Python environment
        :raises RallyException: the name is taken
        """
        from rally.verification import manager

        plugin = manager.VerifierManager.get(vtype, platform or None)
        _make_room_for(name)
        verifier = objects.Verifier.create(
            name=name, vtype=vtype, platform=plugin.get_platform(),
            source=source or plugin._meta_get("default_repo"),
            version=version, system_wide=system_wide,
            extra_settings=extra_settings,
        )
        LOG.info("Creating verifier %s.", verifier)
        with _working(verifier, STATUS.INSTALLING, failed=STATUS.FAILED):
            verifier.manager.install()
        LOG.info("Verifier %s has been successfully created!", verifier)
        return verifier.uuid

    def get(self, verifier_id: str) -> Data:
        """A verifier, with the folders it is in."""
        return self._get(verifier_id).to_dict()

    def _get(self, verifier_id: str) -> objects.Verifier:
        return objects.Verifier.get(verifier_id)

    def list(self, status: str | None = None) -> Records:
        """Verifiers, oldest first."""
        return [x.to_dict() for x in objects.Verifier.list(status)]

    @plugins.ensure_plugins_are_loaded
    def delete(
        self,
        verifier_id: str,
        deployment_id: str | None = None,
        force: bool = False,
    ) -> None:
        """Delete a verifier, or what it has for one environment.

        :param force: its verifications (in that environment), too
        :raises RallyException: there are some, and *force* is false
        """
        verifier = self._get(verifier_id)
        left = objects.Verification.list(verifier.uuid, deployment_id)
        if left and not force:
            raise exceptions.RallyException(
                "Verifier %s has verifications%s, and deleting it would "
                "delete their results. Delete them first, or use --force."
                % (verifier, " in environment '%s'" % deployment_id
                   if deployment_id else "")
            )
        with _locked(verifier):
            for verification in left:
                verification.delete()
            if deployment_id:
                verifier.set_env(deployment_id)
                verifier.manager.uninstall()
                return
            _uninstall(verifier)
            objects.Verifier.delete(verifier.uuid)
        _forget_lock(verifier)
        LOG.info("Verifier %s has been successfully deleted!", verifier)

    @plugins.ensure_plugins_are_loaded
    def update(
        self,
        verifier_id: str,
        system_wide: bool | None = None,
        version: str | None = None,
        update_venv: bool = False,
    ) -> str:
        """Change version, or where its packages are; its uuid.

        What fails is taken back.

        :param update_venv: make its virtual environment anew
        """
        if system_wide is None and version is None and not update_venv:
            raise exceptions.RallyException(
                "There is nothing to update: give a version, system_wide or "
                "update_venv."
            )
        verifier = self._get(verifier_id)
        is_shared = verifier.system_wide if system_wide is None \
            else system_wide
        if update_venv and is_shared:
            raise exceptions.RallyException(
                "Verifier %s is system-wide: it has no virtual environment "
                "to update." % verifier
            )
        _check_installed(verifier)
        needs_venv = update_venv or (not is_shared and verifier.system_wide)
        with _locked(verifier), _working(verifier, STATUS.UPDATING):
            _update(verifier, version, is_shared, needs_venv)
        LOG.info("Verifier %s has been successfully updated!", verifier)
        return verifier.uuid

    @plugins.ensure_plugins_are_loaded
    def configure(
        self,
        verifier: str | objects.Verifier,
        deployment_id: str,
        extra_options: ini_text.Options | None = None,
        reconfigure: bool = False,
    ) -> str:
        """Configure a verifier for an environment; the configuration.

        :param extra_options: section -> option -> value
        :param reconfigure: even if it is configured already
        """
        if not isinstance(verifier, objects.Verifier):
            verifier = self._get(verifier)
        verifier.set_env(deployment_id)
        _check_installed(verifier)
        return configured(verifier, extra_options, reconfigure)

    @plugins.ensure_plugins_are_loaded
    def override_configuration(
        self, verifier_id: str, deployment_id: str, new_configuration: str
    ) -> None:
        """Replace the configuration for an environment."""
        verifier = self._get(verifier_id)
        _check_installed(verifier)
        verifier.set_env(deployment_id)
        verifier.manager.override_configuration(new_configuration)
        LOG.info("Configuration of verifier %s has been successfully "
                 "overridden!", verifier)

    @plugins.ensure_plugins_are_loaded
    def list_tests(self, verifier_id: str, pattern: str = "") -> t.Any:
        """Ids of its tests, all or those that match."""
        verifier = self._get(verifier_id)
        _check_installed(verifier)
        if pattern:
            verifier.manager.validate_args({"pattern": pattern})
        return verifier.manager.list_tests(pattern)

    @plugins.ensure_plugins_are_loaded
    def add_extension(
        self,
        verifier_id: str,
        source: str,
        version: str | None = None,
        extra_settings: Data | None = None,
    ) -> None:
        """Install more tests for it."""
        verifier = self._get(verifier_id)
        _check_installed(verifier)
        with _locked(verifier), _working(verifier, STATUS.EXTENDING):
            verifier.manager.install_extension(
                source, version=version, extra_settings=extra_settings
            )
        LOG.info("Extension of verifier %s has been successfully added!",
                 verifier)

    @plugins.ensure_plugins_are_loaded
    def list_extensions(self, verifier_id: str) -> t.Any:
        """What was added to it: ``name``, ``entry_point``, ``location``."""
        verifier = self._get(verifier_id)
        _check_installed(verifier)
        return verifier.manager.list_extensions()

    @plugins.ensure_plugins_are_loaded
    def delete_extension(self, verifier_id: str, name: str) -> None:
        verifier = self._get(verifier_id)
        _check_installed(verifier)
        with _locked(verifier):
            verifier.manager.uninstall_extension(name)
        LOG.info("Extension '%s' of verifier %s has been successfully "
                 "deleted!", name, verifier)


def configured(
    verifier: objects.Verifier,
    extra_options: ini_text.Options | None = None,
    reconfigure: bool = False,
) -> str:
    """The configuration of a verifier that is set to an environment."""
    manager = verifier.manager
    if reconfigure or not manager.is_configured():
        LOG.info("Configuring verifier %s for environment '%s'.", verifier,
                 verifier.env.cached_data["name"])
        return manager.configure(extra_options=extra_options)
    if extra_options:
        manager.extend_configuration(extra_options)
    return manager.get_configuration()


def _check_installed(verifier: objects.Verifier) -> None:
    """:raises RallyException: it cannot be used"""
    if verifier.status != STATUS.INSTALLED:
        raise exceptions.RallyException(
            "Verifier %s is in status '%s', but this needs status '%s'. %s"
            % (verifier, verifier.status, STATUS.INSTALLED,
               _HINTS.get(verifier.status, _WAIT))
        )


def _make_room_for(name: str) -> None:
    """Give up a verifier of that name if it was never installed.

    :raises RallyException: the name is taken
    """
    try:
        existing = objects.Verifier.get(name)
    except exceptions.DBRecordNotFound:
        return
    if existing.status != STATUS.FAILED or existing.name != name or (
        db.verification_list(existing.uuid)
    ):
        raise exceptions.RallyException(
            "Verifier with name '%s' already exists, and a name stands for "
            "one verifier. Choose another name, or delete that one first "
            "with `rally verify delete-verifier`. Its UUID is %s."
            % (name, existing.uuid)
        )
    LOG.info("Verifier %s, whose installation failed, is replaced.", existing)
    _uninstall(existing)
    objects.Verifier.delete(existing.uuid)


@contextlib.contextmanager
def _working(
    verifier: objects.Verifier, status: str, failed: str = STATUS.INSTALLED
) -> t.Iterator[None]:
    """Have a verifier in *status* within the block, and installed after it.

    :param failed: what it is if the block raises
    """
    from rally.verification import processes

    after = failed
    with owners.alive():
        verifier.update_status(status)
        try:
            with processes.interruptible():
                yield
            after = STATUS.INSTALLED
        finally:
            verifier.update_status(after)


def _locked(
    verifier: objects.Verifier,
) -> contextlib.AbstractContextManager[None]:
    """Only this command works with a verifier within the block."""
    from rally.verification import locks

    return locks.held(_lock_of(verifier), str(verifier))


def _forget_lock(verifier: objects.Verifier) -> None:
    from rally.verification import locks

    locks.forget(_lock_of(verifier))


def _lock_of(verifier: objects.Verifier) -> str:
    from rally.verification import manager

    return manager.folder_of(verifier.uuid) + ".lock"


def _uninstall(verifier: objects.Verifier) -> None:
    """Remove all there is of a verifier, also if its plugin is gone."""
    from rally.verification import manager as manager_module

    try:
        manager = verifier.manager
    except (exceptions.PluginNotFound, exceptions.MultiplePluginsFound) as e:
        LOG.warning(
            "Only the folder of verifier %s is removed: %s", verifier,
            e.format_message(),
        )
        shutil.rmtree(
            manager_module.folder_of(verifier.uuid), ignore_errors=True
        )
    else:
        manager.uninstall(full=True)


def _update(
    verifier: objects.Verifier, version: str | None, is_shared: bool,
    needs_venv: bool,
) -> None:
    from rally.common import utils

    manager = verifier.manager
    before = {"system_wide": verifier.system_wide, "version": verifier.version}
    with contextlib.ExitStack() as stack:
        backup = stack.enter_context(utils.BackupHelper())
        backup.add_rollback_action(verifier.update_properties, **before)
        if version:
            backup(manager.repo_dir)
            manager.checkout(version)
        # from here on commands of the plugin run where they belong
        verifier.update_properties(
            system_wide=is_shared, version=version or verifier.version
        )
        if is_shared:
            manager.check_system_wide()
        elif needs_venv:
            if os.path.isdir(manager.venv_dir):
                backup(manager.venv_dir)
            else:
                backup.add_rollback_action(
                    shutil.rmtree, manager.venv_dir, ignore_errors=True
                )
            manager.install_venv()
