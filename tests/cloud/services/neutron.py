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

"""Neutron: networks that are kept in its database and on no host.

No mechanism driver and no agent: a port exists, has its addresses and can be
deleted, but nothing is plugged, so it stays DOWN and cannot be bound. What
it sends to agents goes to a transport within the process, unheard.
"""

from __future__ import annotations

from tests.cloud.services import base

#: the network with floating addresses
EXTERNAL_NETWORK = "public"

CONFIGURATION = """\
[DEFAULT]
log_file = {folder}/neutron.log
state_path = {folder}
api_paste_config = {installed}/api-paste.ini
core_plugin = ml2
service_plugins = router
transport_url = fake://
notify_nova_on_port_status_changes = false
notify_nova_on_port_data_changes = false
rpc_workers = 0
[database]
connection = sqlite:///{folder}/neutron.db
sqlite_synchronous = false
[oslo_concurrency]
lock_path = {folder}/lock
[oslo_messaging_notifications]
driver = noop
[ml2]
type_drivers = vxlan
tenant_network_types = vxlan
mechanism_drivers =
extension_drivers = port_security
[ml2_type_vxlan]
vni_ranges = 1:1000
[keystone_authtoken]
www_authenticate_uri = {keystone}
auth_url = {keystone}
auth_type = password
project_domain_id = default
user_domain_id = default
project_name = service
username = neutron
password = neutron
"""

# Neutron's migrations alter constraints, which SQLite cannot: the tables are
# made from the models instead. The rows that a migration inserts (rules of
# security groups) and the operator's network are made through the API, served
# within this process to nobody else, hence without authentication.
MAKE = """\
import os
import sys
import sqlalchemy
import webob
from neutron.db.migration.models import head
engine = sqlalchemy.create_engine("sqlite:///neutron.db")
head.get_metadata().create_all(engine)
os.environ["OS_NEUTRON_CONFIG_FILES"] += ";alone.conf"
network_name = sys.argv.pop()
from neutron.wsgi.api import application
def create(path, kind, **values):
    request = webob.Request.blank(
        "/v2.0/" + path, method="POST", json={kind: values})
    answer = request.get_response(application)
    if answer.status_int != 201:
        sys.exit("%s: %s" % (kind, answer.text))
    return answer.json[kind]
for version in ("IPv4", "IPv6"):
    for direction, is_general, group in (
            ("egress", True, None), ("ingress", False, "PARENT")):
        create(
            "default-security-group-rules", "default_security_group_rule",
            direction=direction, ethertype=version, remote_group_id=group,
            used_in_default_sg=True, used_in_non_default_sg=is_general)
network = create(
    "networks", "network", name=network_name, **{"router:external": True})
create(
    "subnets", "subnet", network_id=network["id"], ip_version=4,
    cidr="198.18.0.0/16", enable_dhcp=False)
sys.stdout.flush()
os._exit(0)  # its threads would go on
"""


class Neutron(base.Service):
    """Made with an external network and the usual rules of security groups."""

    NAME = "neutron"
    TYPE = "network"
    PACKAGES = ("neutron==29.0.0", "gunicorn==27.0.1")
    APPLICATION = "neutron.wsgi.api:application"
    STATE = ("neutron.db",)

    def configure(self) -> None:
        (self.folder / "lock").mkdir(exist_ok=True)
        (self.folder / "neutron.conf").write_text(
            CONFIGURATION.format(
                folder=self.folder, keystone=self.keystone,
                installed=self.bin.parent / "etc" / "neutron",
            )
        )
        (self.folder / "alone.conf").write_text(
            "[DEFAULT]\nauth_strategy = noauth\n"
        )

    def variables(self) -> dict[str, str]:
        return {
            "OS_NEUTRON_CONFIG_DIR": str(self.folder),
            "OS_NEUTRON_CONFIG_FILES": "neutron.conf",
        }

    def make_database(self) -> None:
        self.command("python", "-c", MAKE, EXTERNAL_NETWORK)
        self.command(
            "neutron-db-manage", "--config-file",
            self.folder / "neutron.conf", "stamp", "heads",
        )
