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


"""Commands about environments with a platform that may fail."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import http.server
import json
import pathlib
import socket
import socketserver
import ssl
import threading
import typing as t

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.functional import cluster
from tests.functional.sandbox import Done, Sandbox

PASSWORD = "open-sesame"
WRONG = "open-barley"


class Keeper(http.server.BaseHTTPRequestHandler):
    """Lets in who knows the password."""

    def do_GET(self) -> None:
        known = base64.b64encode(b"keeper:" + PASSWORD.encode()).decode()
        is_known = self.headers.get("Authorization") == "Basic " + known
        self.send_response(200 if is_known else 401)
        self.end_headers()
        self.wfile.write(b"welcome" if is_known else b"no")

    def log_message(self, format: str, *args: t.Any) -> None:
        """Standard error is for the tests."""


class Mumbler(socketserver.BaseRequestHandler):
    """Speaks first, and no HTTP."""

    def handle(self) -> None:
        self.request.recv(1)
        self.request.sendall(b"220 mail.example ready\r\n")


class TLSServer(http.server.ThreadingHTTPServer):
    """A server with a certificate that nobody has signed but itself."""

    def get_request(self) -> t.Any:
        try:
            return super().get_request()
        except ssl.SSLError as e:  # the client does not trust it
            raise ConnectionError from e


@contextlib.contextmanager
def serving(server: socketserver.BaseServer) -> t.Iterator[int]:
    """Port of *server*, which serves meanwhile."""
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def own_certificate(folder: pathlib.Path) -> ssl.SSLContext:
    """A context of a server that signed its certificate itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "depot")])
    now = dt.datetime.now(dt.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = folder / "own.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ) + made.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


class PlatformTestCase(cluster.PlainTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.box = Sandbox()
        self.addCleanup(self.box.close)
        self.folder = self.box.folder / "depot"
        self.folder.mkdir()

    def serve(self, server: socketserver.BaseServer) -> int:
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        return stack.enter_context(serving(server))

    def create(
        self, url: str, password: str = PASSWORD, name: str = "a"
    ) -> Done:
        spec = {"depot": {
            "url": url, "folder": str(self.folder),
            "user": {"username": "keeper", "password": password},
        }}
        path = self.box.write(name + ".json", json.dumps(spec))
        return self.box.must("env", "create", "--name", name, "--spec", path)

    def assert_no_secrets(self, *all_done: Done) -> None:
        for done in all_done:
            for secret in PASSWORD, WRONG:
                self.assertNotIn(secret, done.out + done.err)


class PlatformLifeTestCase(PlatformTestCase):
    """Each command in a process of its own: each has to load plugins."""

    def setUp(self) -> None:
        super().setUp()
        port = self.serve(
            http.server.ThreadingHTTPServer(("127.0.0.1", 0), Keeper)
        )
        self.url = "http://127.0.0.1:%d" % port

    def test_it_is_checked_cleaned_and_destroyed(self) -> None:
        created = self.create(self.url)
        checked = self.box.must("env", "check", "a")
        self.assertIn("| :-)       | depot    | OK!     |", checked.out)
        known = self.box.must("env", "info", "a")
        self.assertIn('"says": "welcome"', known.out)
        (self.folder / "left").touch()
        cleaned = self.box.must("env", "cleanup", "a")
        self.assertIn("Total deleted: 1", cleaned.out)
        refused = self.box.rally("env", "delete", "a")
        self.assertEqual(232, refused.code)
        destroyed = self.box.must("env", "destroy", "a")
        self.assertFalse(self.folder.exists())
        self.box.must("env", "delete", "a")
        self.assert_no_secrets(
            created, checked, known, cleaned, refused, destroyed
        )

    def test_what_cannot_be_cleaned_up_is_said(self) -> None:
        self.create(self.url)
        (self.folder / "left").mkdir()
        cleaned = self.box.rally("env", "cleanup", "a")
        destroyed = self.box.rally("env", "destroy", "a")
        debugged = self.box.rally("--debug", "env", "destroy", "a")
        for done in cleaned, destroyed, debugged:
            self.assertEqual(1, done.code, done.out)
            self.assertIn("Error: file left: ", done.paragraph)
        self.assertNotIn("Traceback", cleaned.out + destroyed.out)
        self.assertIn("Traceback", debugged.out)
        self.assertIn("Nothing was destroyed", destroyed.out)
        self.assertTrue(self.folder.exists())
        self.assert_no_secrets(cleaned, destroyed, debugged)

    def test_what_cannot_be_destroyed_is_said(self) -> None:
        self.create(self.url)
        (self.folder / "left").touch()
        done = self.box.rally("env", "destroy", "a", "--skip-cleanup")
        self.assertEqual(1, done.code)
        self.assertIn("Could not destroy: [Errno 39]", done.paragraph)
        self.assertIn("FAILED TO DESTROY", done.paragraph)
        self.assertNotIn("Traceback", done.out)

    def test_variables_make_an_environment(self) -> None:
        done = self.box.rally(
            "env", "create", "--name", "b", "--from-sysenv", "--json",
            env={"DEPOT_URL": self.url},
        )
        self.assertEqual(
            {"url": self.url, "user": {
                "username": "keeper", "password": PASSWORD,
            }},
            json.loads(done.out)["platforms"]["depot"]["platform_data"],
        )
        done = self.box.rally(
            "deployment", "create", "--name", "c", "--fromenv",
            env={"DEPOT_URL": self.url},
        )
        self.assertEqual(0, done.code, done.out)
        done = self.box.must("deployment", "check", "c")
        self.assertIn("Platform depot:", done.out)
        self.assertIn("available", done.out)


class FailingPlatformTestCase(PlatformTestCase):
    def assert_said(
        self, reason: str, advice: str, name: str = "a"
    ) -> None:
        """All commands say the one paragraph; none tells a secret."""
        task = self.box.write("t.json", json.dumps(cluster.task_of({
            "scenario": {"Dummy.dummy": {}},
            "runner": {"serial": {"times": 1}},
        })))
        all_done = self.box.rally_many([
            ["env", "check", name], ["env", "info", name],
            ["deployment", "check", name],
            ["task", "validate", task, "--env", name],
            ["task", "start", task, "--env", name],
            ["env", "check", name, "--detailed"],
            ["env", "check", name, "--json"],
        ])
        self.assert_no_secrets(*all_done)
        *all_done, detailed, as_json = all_done
        self.assertIn("Traceback", detailed.out)
        self.assertFalse(
            json.loads(as_json.out)["existing@depot"]["available"]
        )
        for done in all_done:
            self.assertNotEqual(0, done.code)
            self.assertIn("Platform depot of environment %s cannot be used: "
                          % name, done.paragraph)
            self.assertIn(reason, done.paragraph)
            self.assertIn(advice, done.paragraph)
            self.assertNotIn("Traceback", done.out)

    def test_a_wrong_password(self) -> None:
        port = self.serve(
            http.server.ThreadingHTTPServer(("127.0.0.1", 0), Keeper)
        )
        self.create("http://127.0.0.1:%d" % port, WRONG)
        self.assert_said("401 Client Error: Unauthorized", "the password")

    def test_nobody_listens(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as unused:
            port = unused.getsockname()[1]
        self.create("http://keeper:%s@127.0.0.1:%d" % (PASSWORD, port))
        self.assert_said("Connection refused", "can be reached")

    def test_a_certificate_that_is_not_trusted(self) -> None:
        server = TLSServer(("127.0.0.1", 0), Keeper)
        context = own_certificate(self.box.folder)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        self.create("https://127.0.0.1:%d" % self.serve(server))
        self.assert_said(
            "certificate verify failed", "the authority that signed"
        )

    def test_a_port_that_speaks_no_http(self) -> None:
        port = self.serve(
            socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mumbler)
        )
        self.create("http://127.0.0.1:%d" % port)
        self.assert_said("BadStatusLine", "does not speak the protocol")

    def test_a_name_that_nobody_knows(self) -> None:
        self.create("http://depot.invalid:5000")
        self.assert_said("depot.invalid", "can be reached")

    def test_a_refused_specification_keeps_its_secrets(self) -> None:
        spec = {"depot": {"user": {
            "username": "keeper", "password": PASSWORD, "extra": 1,
        }}}
        path = self.box.write("bad.json", json.dumps(spec))
        words = ["env", "create", "--name", "x", "--spec", path]
        for done in self.box.rally(*words), self.box.rally("--debug", *words):
            self.assertEqual(1, done.code)
            self.assertIn("extra", done.out)
            self.assertIn('"password": "***"', done.out)
            self.assert_no_secrets(done)
