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

"""Glance: images, kept in files."""

from __future__ import annotations

import shutil

from tests.cloud.services import base

CONFIGURATION = """\
[DEFAULT]
log_file = {folder}/glance.log
enabled_backends = fast:file
[database]
connection = sqlite:///{folder}/glance.db?timeout=30
sqlite_synchronous = false
[oslo_concurrency]
lock_path = {folder}/lock
[glance_store]
default_backend = fast
[fast]
filesystem_store_datadir = {folder}/images
[os_glance_staging_store]
filesystem_store_datadir = {folder}/staging
[os_glance_tasks_store]
filesystem_store_datadir = {folder}/tasks
[keystone_authtoken]
www_authenticate_uri = {keystone}
auth_url = {keystone}
auth_type = password
project_domain_id = default
user_domain_id = default
project_name = service
username = glance
password = glance
[import_filtering_opts]
allowed_hosts = [127.0.0.1]
allowed_ports = []
[paste_deploy]
flavor = keystone
config_file = {folder}/glance-api-paste.ini
"""

# imports write beside requests. SQLite makes writers wait for each other only
# if they say so at the beginning of a transaction; else one of them fails
APPLICATION = """\
from sqlalchemy import engine, event
@event.listens_for(engine.Engine, "before_cursor_execute", retval=True)
def begin_immediately(conn, cursor, statement, parameters, context, many):
    if statement == "BEGIN":
        statement = "BEGIN IMMEDIATE"
    return statement, parameters
from glance.wsgi.api import application
"""


class Glance(base.Service):
    """Made without an image."""

    NAME = "glance"
    TYPE = "image"
    PACKAGES = ("glance==33.0.0", "gunicorn==27.0.1")
    APPLICATION = "application:application"
    STATE = ("glance.db",)

    def configure(self) -> None:
        for name in ("images", "staging", "tasks", "lock"):
            (self.folder / name).mkdir(exist_ok=True)
        installed = self.bin.parent / "etc" / "glance"
        shutil.copy(installed / "glance-api-paste.ini", self.folder)
        (self.folder / "glance-api.conf").write_text(
            CONFIGURATION.format(folder=self.folder, keystone=self.keystone)
        )
        (self.folder / "application.py").write_text(APPLICATION)

    def variables(self) -> dict[str, str]:
        return {"OS_GLANCE_CONFIG_DIR": str(self.folder)}

    def make_database(self) -> None:
        self.command(
            "glance-manage", "--config-file",
            self.folder / "glance-api.conf", "db_sync",
        )
