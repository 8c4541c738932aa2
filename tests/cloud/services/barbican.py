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

"""Barbican: secrets, encrypted in its database.

Without a queue, which is how it comes, it carries out an order before it
answers; so no worker is needed.
"""

from __future__ import annotations

import shutil

from tests.cloud.services import base

# the key encrypts nothing but what tests store
CONFIGURATION = """\
[DEFAULT]
log_file = {folder}/barbican.log
host_href = {url}
db_auto_create = false
[database]
connection = sqlite:///{folder}/barbican.db
sqlite_synchronous = false
[oslo_messaging_notifications]
driver = noop
[secretstore]
enabled_secretstore_plugins = store_crypto
[crypto]
enabled_crypto_plugins = simple_crypto
[simple_crypto_plugin]
kek = dGVzdHMgb2YgcmFsbHkgb24gYSByZWFsIGNsb3VkISE=
[keystone_authtoken]
www_authenticate_uri = {keystone}
auth_url = {keystone}
auth_type = password
project_domain_id = default
user_domain_id = default
project_name = service
username = barbican
password = barbican
"""

# its own module reads its pipeline from /etc only
APPLICATION = """\
from paste import deploy
application = deploy.loadapp("config:{folder}/barbican-api-paste.ini")
"""


class Barbican(base.Service):
    """Made without a secret."""

    NAME = "barbican"
    TYPE = "key-manager"
    PACKAGES = ("barbican==23.0.0", "gunicorn==27.0.1")
    APPLICATION = "application:application"
    STATE = ("barbican.db",)

    def configure(self) -> None:
        installed = self.bin.parent / "etc" / "barbican"
        shutil.copy(installed / "barbican-api-paste.ini", self.folder)
        for name, text in (
            ("barbican.conf", CONFIGURATION), ("application.py", APPLICATION),
        ):
            (self.folder / name).write_text(
                text.format(
                    folder=self.folder, url=self.url, keystone=self.keystone
                )
            )

    def variables(self) -> dict[str, str]:
        # the one place where all of its commands look for barbican.conf
        return {"HOME": str(self.folder)}

    def make_database(self) -> None:
        self.command("barbican-manage", "db", "upgrade")
