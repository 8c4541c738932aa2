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

"""Environments of a real cloud, as it is and as it should not be.

Each answer is one paragraph that says what is wrong, without a password.
"""

from __future__ import annotations

import contextlib
import json
import pathlib
import socket
import ssl
import subprocess
import threading
import typing as t
import urllib.parse

import ddt

from tests.cloud import case
from tests.cloud.services import keystone
from tests.functional.sandbox import Done, free_ports

WRONG = "a-wrong-secret"
TASK = {
    "version": 2,
    "title": "Tokens",
    "subtasks": [{
        "title": "Tokens",
        "scenario": {"Authenticate.keystone": {}},
        "runner": {"serial": {"times": 1}},
    }],
}


class Forwarder:
    """A server with a certificate of its own that passes on what it gets."""

    def __init__(self, folder: pathlib.Path, port: int) -> None:
        certificate, key = folder / "own.pem", folder / "own.key"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
             "-days", "2", "-subj", "/CN=127.0.0.1",
             "-addext", "subjectAltName=IP:127.0.0.1",
             "-keyout", str(key), "-out", str(certificate)],
            check=True, capture_output=True,
        )
        self.certificate = certificate
        self._target = port
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._context = context
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                threading.Thread(
                    target=self._serve, args=(client,), daemon=True
                ).start()

    def _serve(self, client: socket.socket) -> None:
        with (
            contextlib.suppress(OSError), client,
            self._context.wrap_socket(client, server_side=True) as near,
            socket.create_connection(("127.0.0.1", self._target)) as far,
        ):
            threading.Thread(
                target=self._copy, args=(far, near), daemon=True
            ).start()
            self._copy(near, far)

    @staticmethod
    def _copy(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)

    def close(self) -> None:
        self._listener.close()


class EnvironmentTestCase(case.TestCase):
    def make(self, spec: dict[str, t.Any]) -> Done:
        path = self.sandbox.write("own.json", json.dumps(spec))
        return self.rally(
            "env", "create", "--name", "own", "--spec", path, "--no-use"
        )

    def check_refused(self, spec: dict[str, t.Any], *words: str) -> None:
        """Each command says *words*, no secret, and no traceback."""
        self.make(spec)
        task = self.sandbox.write("task.json", json.dumps(TASK))
        for command in (
            ("env", "check", "own"),
            ("env", "info", "own"),
            ("deployment", "check", "own"),
            ("task", "validate", task, "--deployment", "own"),
            ("task", "start", task, "--deployment", "own"),
        ):
            done = self.rally(*command)
            said = " ".join((done.out + " " + done.err).split())
            self.assertNotEqual(0, done.code, said)
            for word in words:
                self.assertIn(word.lower(), said.lower(), command)
            self.assertNotIn("Traceback", said)
            for secret in (keystone.PASSWORD, WRONG):
                self.assertNotIn(secret, said)


@ddt.ddt
class RefusedTestCase(EnvironmentTestCase):
    def test_a_wrong_password(self) -> None:
        self.check_refused(self.cloud.spec(password=WRONG), "authenticat")

    def test_a_user_that_is_not_there(self) -> None:
        self.check_refused(
            self.cloud.spec(username="nobody", password=WRONG), "authenticat"
        )

    def test_a_project_that_is_not_there(self) -> None:
        self.check_refused(
            self.cloud.spec(project_name="nowhere"), "authenticat"
        )

    def test_a_cloud_that_is_down(self) -> None:
        spec = self.cloud.spec()
        spec["existing@openstack"]["auth_url"] = (
            "http://127.0.0.1:%d/v3" % free_ports(1)
        )
        self.check_refused(spec, "connection")

    def test_a_certificate_that_is_not_trusted(self) -> None:
        forwarder = self.forwarder()
        spec = self.cloud.spec()
        spec["existing@openstack"]["auth_url"] = (
            "https://127.0.0.1:%d/v3" % forwarder.port
        )
        self.check_refused(spec, "certificate")

        spec["existing@openstack"]["https_cacert"] = str(
            forwarder.certificate
        )
        self.must("env", "delete", "own", "--force")
        self.assertEqual(0, self.make(spec).code)
        self.must("env", "check", "own")

    def forwarder(self) -> Forwarder:
        port = urllib.parse.urlsplit(self.cloud.auth_url).port
        assert port
        made = Forwarder(self.sandbox.folder, port)
        self.addCleanup(made.close)
        return made


class LifeTestCase(EnvironmentTestCase):
    def test_from_the_variables_of_an_openrc_to_its_end(self) -> None:
        done = self.rally(
            "env", "create", "--name", "own", "--from-sysenv",
            env=self.cloud.openrc(),
        )
        self.assertEqual(0, done.code, done.out + done.err)
        shown = self.must("env", "show", "own")
        for said in (done, shown):
            self.assertIn(self.cloud.auth_url, said.out)
            self.assertNotIn(keystone.PASSWORD, said.out + said.err)

        self.assertIn("OK!", self.must("env", "check", "own").out)
        info = json.loads(self.must("env", "info", "own", "--json").out)
        [found] = info.values()
        self.assertEqual(
            ["identity", "image"],
            [each["type"] for each in found["info"]["services"]],
        )
        checked = self.must("deployment", "check", "own").out
        self.assertIn("keystone", checked)
        self.assertIn("Available", checked)

        self.must("env", "cleanup", "own")
        self.must("env", "destroy", "own")
        self.must("env", "delete", "own")
        self.assertNotIn("own", self.must("env", "list").out)

    def test_as_a_deployment(self) -> None:
        done = self.rally(
            "deployment", "create", "--name", "own", "--fromenv",
            env=self.cloud.openrc(),
        )
        self.assertEqual(0, done.code, done.out + done.err)
        for words in (("list",), ("show", "own"), ("check", "own")):
            said = self.must("deployment", *words)
            self.assertNotIn(keystone.PASSWORD, said.out + said.err)
        config = json.loads(self.must("deployment", "config", "own").out)
        self.assertEqual(
            self.cloud.auth_url, config["openstack"]["auth_url"]
        )
        self.must("deployment", "destroy", "own")
