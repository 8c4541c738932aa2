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

"""Keystone: identities, and the catalogue of the other services."""

from __future__ import annotations

import getpass
import grp
import os
import typing as t

from tests.cloud.services import base

ADMIN = "admin"
PASSWORD = "cloud-secret"
REGION = "RegionOne"

CONFIGURATION = """\
[DEFAULT]
log_file = {folder}/keystone.log
[database]
connection = sqlite:///{folder}/keystone.db
sqlite_synchronous = false
[fernet_tokens]
key_repository = {folder}/fernet
[credential]
key_repository = {folder}/credential
[cache]
enabled = true
backend = dogpile.cache.memory
[identity]
password_hash_rounds = 4
"""


class Keystone(base.Service):
    """Made with an admin; no other service is known to it at first."""

    NAME = "keystone"
    TYPE = "identity"
    PACKAGES = ("keystone==30.0.0", "gunicorn==27.0.1")
    APPLICATION = "keystone.wsgi.api:application"
    PATH = "/v3"
    STATE = ("keystone.db", "fernet", "credential")

    def configure(self) -> None:
        (self.folder / "keystone.conf").write_text(
            CONFIGURATION.format(folder=self.folder)
        )

    def variables(self) -> dict[str, str]:
        conf = str(self.folder / "keystone.conf")
        return {"OS_KEYSTONE_CONFIG_FILES": conf}

    def make_database(self) -> None:
        self._manage("db_sync")
        owner = [
            "--keystone-user", getpass.getuser(),
            "--keystone-group", grp.getgrgid(os.getgid()).gr_name,
        ]
        self._manage("fernet_setup", *owner)
        self._manage("credential_setup", *owner)
        urls = [
            word
            for interface in ("admin", "internal", "public")
            for word in ("--bootstrap-%s-url" % interface, self.url)
        ]
        self._manage(
            "bootstrap", "--bootstrap-password", PASSWORD,
            "--bootstrap-region-id", REGION, *urls,
        )

    def _manage(self, *words: t.Any) -> None:
        self.command(
            "keystone-manage", "--config-file",
            self.folder / "keystone.conf", *words,
        )
