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

"""A cloud on loopback, as an operator would find it.

What its services know at first is made once per machine; each cloud begins
with a copy, on ports of its own. ``python -m tests.cloud.cloud`` starts one
and says how to use it, until it is interrupted.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import pathlib
import shutil
import signal
import sqlite3
import struct
import tempfile
import threading
import typing as t
import urllib.request

from tests import venvs
from tests.cloud.services import barbican, base, glance, keystone, neutron
from tests.functional.sandbox import free_ports

Services: t.TypeAlias = t.Sequence[type[base.Service]]
CORE: Services = (keystone.Keystone, glance.Glance)
ALL: Services = (*CORE, neutron.Neutron, barbican.Barbican)
#: what tests list, by service: path below its URL, key of the answer
KINDS: t.Mapping[str, t.Mapping[str, str]] = {
    "keystone": {
        "users": "users", "projects": "projects", "roles": "roles",
        "services": "services", "role_assignments": "role_assignments",
    },
    "glance": {"v2/images?limit=1000": "images"},
    "neutron": {
        "v2.0/networks": "networks", "v2.0/subnets": "subnets",
        "v2.0/ports": "ports", "v2.0/routers": "routers",
        "v2.0/floatingips": "floatingips",
        "v2.0/security-groups": "security_groups", "v2.0/quotas": "quotas",
    },
    "barbican": {"v1/secrets?limit=1000": "secrets"},
}

Inventory: t.TypeAlias = dict[str, set[str]]


def packages() -> list[str]:
    """What pip has to install for all services."""
    return sorted({pin for each in ALL for pin in each.PACKAGES})


CLUSTER = 1 << 16


def qcow2(size: int = 1 << 20) -> bytes:
    """An empty disk as QEMU keeps it: Glance looks into images.

    One cluster each: header, table of reference counts, these counts, table
    of the disk's clusters (QEMU, docs/interop/qcow2.txt).
    """
    header = struct.pack(
        ">4sIQIIQIIQQIIQQQQII",
        b"QFI\xfb", 3, 0, 0, CLUSTER.bit_length() - 1, size, 0,
        1, 3 * CLUSTER, CLUSTER, 1, 0, 0, 0, 0, 0, 4, 104,
    )
    clusters = (
        header, struct.pack(">Q", 2 * CLUSTER),
        struct.pack(">4H", 1, 1, 1, 1), b"",
    )
    return b"".join(each.ljust(CLUSTER, b"\0") for each in clusters)


#: what the file of an image holds; small, since samples upload it often
IMAGE = qcow2()


class _ImageHandler(http.server.BaseHTTPRequestHandler):
    """Answers each request with the image."""

    def do_HEAD(self) -> None:  # noqa: N802 (the name is given)
        self.send_response(200)
        self.send_header("Content-Length", str(len(IMAGE)))
        self.end_headers()

    def do_GET(self) -> None:  # noqa: N802
        self.do_HEAD()
        self.wfile.write(IMAGE)

    def log_message(self, *args: t.Any) -> None:
        pass


class Cloud:
    """Services with their folders and ports; ``close`` ends it.

    :param token_s: how long a token is valid; None: as Keystone has it
    """

    def __init__(
        self, services: Services = CORE, token_s: int | None = None
    ) -> None:
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rally-cloud-"))
        self._images = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), _ImageHandler
        )
        threading.Thread(
            target=self._images.serve_forever, daemon=True
        ).start()
        try:
            self.services = self._made(services, self.folder)
            _copy_state(_template(services), self.folder, services)
            self._tell_addresses()
            if token_s is not None:
                self._limit_tokens(token_s)
            self.start()
        except BaseException:
            self.close()
            raise

    @staticmethod
    def _made(
        services: Services, folder: pathlib.Path
    ) -> dict[str, base.Service]:
        """Services below *folder*, configured."""
        bin_folder = venvs.shared("cloud", packages()) / "bin"
        first = free_ports(len(services))
        url = "http://127.0.0.1:%d/v3" % first
        made = {}
        for i, cls in enumerate(services):
            own = folder / cls.NAME
            own.mkdir()
            made[cls.NAME] = cls(bin_folder, own, first + i, url)
            made[cls.NAME].configure()
        return made

    def _tell_addresses(self) -> None:
        """Let the catalogue say where the services of this cloud are."""
        path = self.folder / "keystone" / "keystone.db"
        with contextlib.closing(sqlite3.connect(path)) as database, database:
            for service in self.services.values():
                database.execute(
                    "UPDATE endpoint SET url = ? WHERE service_id = "
                    "(SELECT id FROM service WHERE type = ?)",
                    (service.url, service.TYPE),
                )

    def _limit_tokens(self, seconds: int) -> None:
        with open(self.folder / "keystone" / "keystone.conf", "a") as conf:
            conf.write("[token]\nexpiration = %d\n" % seconds)

    def start(self) -> None:
        for service in self.services.values():
            service.start()
        for service in self.services.values():
            service.wait()

    def stop(self) -> None:
        """As if all its hosts had lost their power."""
        for service in self.services.values():
            service.stop()

    def signal(self, number: int) -> None:
        for service in self.services.values():
            service.signal(number)

    def close(self) -> None:
        if hasattr(self, "services"):
            self.stop()
        self._images.shutdown()
        self._images.server_close()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- how it is used

    @property
    def auth_url(self) -> str:
        return self.services["keystone"].url

    @property
    def image_url(self) -> str:
        """Where the file of an image can be had."""
        return "http://127.0.0.1:%d/image" % self._images.server_port

    def spec(self, **changes: t.Any) -> dict[str, t.Any]:
        """Specification of an environment; *changes* are of the admin."""
        return {
            "existing@openstack": {
                "auth_url": self.auth_url,
                "region_name": keystone.REGION,
                "endpoint_type": "public",
                "admin": {
                    "username": keystone.ADMIN,
                    "password": keystone.PASSWORD,
                    "project_name": "admin",
                    "user_domain_name": "Default",
                    "project_domain_name": "Default",
                    **changes,
                },
            }
        }

    def openrc(self) -> dict[str, str]:
        """Variables as an operator's ``openrc`` sets them."""
        return {
            "OS_AUTH_URL": self.auth_url,
            "OS_USERNAME": keystone.ADMIN,
            "OS_PASSWORD": keystone.PASSWORD,
            "OS_PROJECT_NAME": "admin",
            "OS_USER_DOMAIN_NAME": "Default",
            "OS_PROJECT_DOMAIN_NAME": "Default",
            "OS_REGION_NAME": keystone.REGION,
            "OS_INTERFACE": "public",
            "OS_IDENTITY_API_VERSION": "3",
        }

    def inventory(self) -> Inventory:
        """What there is, by kind: names and ids."""
        token = self._token()
        return {
            kind: self._listed("%s/%s" % (service.url, path), kind, token)
            for name, service in self.services.items()
            for path, kind in KINDS[name].items()
        }

    def watch(self, kind: str) -> t.Callable[[], set[str]]:
        """A function that lists one kind, at the cost of one request."""
        token = self._token()
        [url] = [
            "%s/%s" % (service.url, path)
            for name, service in self.services.items()
            for path, each in KINDS[name].items() if each == kind
        ]
        return lambda: self._listed(url, kind, token)

    def _token(self) -> str:
        user = {
            "name": keystone.ADMIN, "password": keystone.PASSWORD,
            "domain": {"id": "default"},
        }
        wanted = {
            "auth": {
                "identity": {
                    "methods": ["password"], "password": {"user": user},
                },
                "scope": {
                    "project": {"name": "admin", "domain": {"id": "default"}}
                },
            }
        }
        request = urllib.request.Request(
            self.auth_url + "/auth/tokens", json.dumps(wanted).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return str(answer.headers["X-Subject-Token"])

    @staticmethod
    def _listed(url: str, kind: str, token: str) -> set[str]:
        request = urllib.request.Request(url, headers={"X-Auth-Token": token})
        with urllib.request.urlopen(request, timeout=30) as answer:
            items = json.load(answer)[kind]
        return {
            "%s (%s)" % (item["name"], item["id"])
            if "id" in item and "name" in item
            else json.dumps(item, sort_keys=True)
            for item in items
        }


def _copy_state(
    source: pathlib.Path, target: pathlib.Path, services: Services
) -> None:
    for cls in services:
        for name in cls.STATE:
            path = source / cls.NAME / name
            copy: t.Callable[..., t.Any] = (
                shutil.copytree if path.is_dir() else shutil.copy
            )
            copy(path, target / cls.NAME / name)


def _template(services: Services) -> pathlib.Path:
    """Folder with what these services know at first."""
    sources = "".join(
        path.read_text()
        for path in sorted(pathlib.Path(base.__file__).parent.glob("*.py"))
    )
    names = [cls.NAME for cls in services]
    key = venvs.key_of(sources, *packages(), *names)
    folder = venvs.cache_folder() / ("cloud-state-" + key)
    with venvs.made_once(folder) as is_wanting:
        if is_wanting:
            folder.mkdir()
            _make_state(services, folder)
    return folder


def _make_state(wanted: Services, folder: pathlib.Path) -> None:
    services = Cloud._made(wanted, folder)
    for service in services.values():
        service.make_database()
    identity = services["keystone"]
    identity.start()
    try:
        identity.wait()
        for service in services.values():
            if service is not identity:
                _register(service)
    finally:
        identity.stop()


REGISTER = """\
import sys
from keystoneauth1 import session
from keystoneauth1.identity import v3
from keystoneclient.v3 import client
url, password, region, name, kind, endpoint = sys.argv[1:]
auth = v3.Password(
    auth_url=url, username="admin", password=password, project_name="admin",
    user_domain_id="default", project_domain_id="default")
keystone = client.Client(session=session.Session(auth=auth))
found = [p for p in keystone.projects.list() if p.name == "service"]
project = found[0] if found else keystone.projects.create("service", "default")
user = keystone.users.create(name, domain="default", password=name)
for role in keystone.roles.list():
    if role.name in ("admin", "service"):
        keystone.roles.grant(role, user=user, project=project)
service = keystone.services.create(name, kind)
for interface in ("public", "internal", "admin"):
    keystone.endpoints.create(service, endpoint, interface, region)
"""


def _register(service: base.Service) -> None:
    """Make its user and its entry in the catalogue."""
    service.command(
        "python", "-c", REGISTER, service.keystone, keystone.PASSWORD,
        keystone.REGION, service.NAME, service.TYPE, service.url,
    )


def main() -> None:
    cloud = Cloud()
    try:
        for name, value in cloud.openrc().items():
            print("export %s=%s" % (name, value))
        print("# Ctrl-C ends it", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()
    finally:
        cloud.close()


if __name__ == "__main__":
    main()
