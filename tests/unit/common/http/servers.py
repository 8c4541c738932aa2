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

"""Web servers of the tests' own: an odd one, and nginx."""

from __future__ import annotations

import contextlib
import datetime
import http.server
import ipaddress
import json
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import typing as t
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

READY_S = 20.0


class _Handler(http.server.BaseHTTPRequestHandler):
    """Does what the path says."""

    protocol_version = "HTTP/1.1"
    server: OddServer

    def setup(self) -> None:
        self.server.connections += 1
        super().setup()

    def _any(self) -> None:
        parts = urllib.parse.urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        self.server.received.append(
            (self.command, self.path, dict(self.headers), body)
        )
        action = parts.path.strip("/").split("/")
        method = getattr(self, "_do_" + action[0], self._do_echo)
        method(*action[1:])

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _any

    def _answer(
        self, status: int, body: bytes = b"", **headers: str
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _do_echo(self, *rest: str) -> None:
        command, path, headers, body = self.server.received[-1]
        self._answer(200, json.dumps({
            "method": command, "path": path, "body": body.decode("latin-1"),
            "headers": {k.lower(): v for k, v in headers.items()},
        }).encode(), Content_Type="application/json")

    def _do_status(self, number: str) -> None:
        self._answer(int(number), b"status " + number.encode())

    def _do_cookie(self, name: str, value: str) -> None:
        self._answer(200, b"", Set_Cookie="%s=%s; Path=/" % (name, value))

    def _do_redirect(self, left: str) -> None:
        to = "/echo" if left == "1" else "/redirect/%d" % (int(left) - 1)
        self._answer(302, b"", Location=to)

    def _do_loop(self) -> None:
        self._answer(302, b"", Location="/loop")

    def _do_slow(self) -> None:
        self.server.is_closing.wait(READY_S)

    def _do_cut(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"only this")
        self.close_connection = True

    def _do_drop(self) -> None:
        self.close_connection = True

    def _do_huge(self) -> None:
        self.send_response(200)
        self.end_headers()
        part = b"x" * 65536
        try:
            for _ in range(160):
                self.wfile.write(part)
        except OSError:
            self.server.was_left = True
        self.close_connection = True

    def _do_json(self) -> None:
        self._answer(200, json.dumps({
            "user": {"name": "me", "ids": [7, 8]}, "a.b": True,
        }).encode())

    def log_message(self, format: str, *args: object) -> None:
        """A line per request would only be in the way."""


class OddServer(http.server.ThreadingHTTPServer):
    """Answers as the path asks, and keeps what it got."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.connections = 0
        self.was_left = False
        self.received: list[t.Any] = []
        self.is_closing = threading.Event()
        self.url = "http://127.0.0.1:%d" % self.server_port
        self._thread = threading.Thread(
            target=self.serve_forever, args=(0.02,)
        )
        self._thread.start()

    def close(self) -> None:
        self.is_closing.set()
        self.shutdown()
        self._thread.join()
        self.server_close()


NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin")

_CONFIG = """\
daemon off; pid nginx.pid; error_log error.log;
worker_processes 1; events { worker_connections 64; }
http {
  access_log off; gzip on; gzip_min_length 1; gzip_types text/plain;
  client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3;
  uwsgi_temp_path t4; scgi_temp_path t5;
  default_type text/plain;
  server {
    listen 127.0.0.1:%(tls)d ssl http2;
    ssl_certificate cert.pem; ssl_certificate_key cert.pem;
    ssl_client_certificate cert.pem; ssl_verify_client optional;
    ssl_protocols TLSv1.2; ssl_session_cache shared:s:1m;
    location / {
      return 200 "$server_protocol $ssl_session_reused $ssl_client_verify";
    }
    location /long { return 200 "%(long)s"; }
    location /big { client_max_body_size 0; return 200 "$request_length"; }
  }
}
"""


def free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def _write_certificate(path: pathlib.Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.timezone.utc)
    day = datetime.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name)
        .public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - day).not_valid_after(now + day)
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            ), critical=False,
        )
        .add_extension(x509.BasicConstraints(True, None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8, serialization.NoEncryption(),
        ) + certificate.public_bytes(serialization.Encoding.PEM)
    )


class Nginx:
    """With TLS and HTTP/2; its certificate is its own authority."""

    def __init__(self) -> None:
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rally-nginx-"))
        self.cert = str(self.folder / "cert.pem")
        _write_certificate(self.folder / "cert.pem")
        port, = free_ports(1)
        self.url = "https://127.0.0.1:%d" % port
        config = self.folder / "nginx.conf"
        config.write_text(_CONFIG % {"tls": port, "long": "abc" * 500})
        self._process = subprocess.Popen(
            [str(NGINX), "-p", str(self.folder), "-c", str(config)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + READY_S
        while True:  # connect refuses at once, so this is a wait for it
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return
            except OSError:
                if time.monotonic() > deadline:
                    self.close()
                    raise
                threading.Event().wait(0.01)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()
        shutil.rmtree(self.folder)


ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
    b"Content-Length: 12\r\n\r\nhello world\n"
)
_LENGTH = re.compile(rb"(?i)content-length: (\d+)")


class CountingServer:
    """Counts each byte that comes through its socket, and goes."""

    def __init__(self, answer: bytes = ANSWER, closes: bool = False) -> None:
        self._answer = answer
        self._closes = closes
        self.got = self.sent = 0
        self.targets: list[str] = []  # of requests
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d/" % self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self._listener.accept()
                thread = threading.Thread(target=self._serve, args=(peer,))
                self._threads.append(thread)
                thread.start()

    def _serve(self, peer: socket.socket) -> None:
        with peer, contextlib.suppress(OSError):
            data = b""
            while part := peer.recv(65536):
                self.got += len(part)
                data += part
                head, end, body = data.partition(b"\r\n\r\n")
                found = _LENGTH.search(head)
                if not end or len(body) < int(found[1] if found else 0):
                    continue
                data = b""
                self.targets.append(head.split()[1].decode())
                self.sent += len(self._answer)
                peer.sendall(self._answer)
                if self._closes:
                    return
