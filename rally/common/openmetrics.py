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

"""A page of metrics that Prometheus, or whoever reads OpenMetrics, may fetch.

What is to be served is made by whoever knows it, and is bytes by then. To
serve it costs neither a lock nor a question to anybody: a scrape holds up
nothing but the next scrape.
"""

from __future__ import annotations

import contextlib
import http.server
import os
import re
import socket
import socketserver
import threading
import types
import typing as t
import weakref

from rally import exceptions

CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PATH = "/metrics"
#: a client that says nothing for so long is hung up on: there is one thread
PATIENCE_S = 2.0
LOOPBACK = "127.0.0.1"
#: a page with nothing on it
EMPTY = b"# EOF\n"
_PLACE = re.compile(
    r"(?:(?P<host>\[[0-9A-Fa-f:.]+\]|[^:\[\]]*):)?(?P<port>\d{1,5})"
)


class MetricsUnusable(exceptions.RallyException):
    error_code = 157
    msg_fmt = (
        "Metrics cannot be served at %(place)s: %(reason)s. So nothing was "
        "started. Name another port, as in --metrics 9464 (this host only) or "
        "--metrics 0.0.0.0:9464 (all who can reach it)."
    )


class MetricsNotInstalled(exceptions.RallyException):
    error_code = 158
    msg_fmt = (
        "Metrics need the package prometheus-client, which is not installed, "
        "so nothing was started. Install it with `pip install "
        "prometheus-client` (or `rally[metrics]`), or leave --metrics out."
    )


def parse(place: str) -> tuple[str, int]:
    """Host and port of ``[HOST:]PORT``; without a host, loopback.

    :raises MetricsUnusable: it is not of that form
    """
    match = _PLACE.fullmatch(place)
    if match is None or int(match["port"]) > 65535:
        raise MetricsUnusable(place=place, reason="it is not [HOST:]PORT")
    host = LOOPBACK if match["host"] is None else match["host"].strip("[]")
    return host or "0.0.0.0", int(match["port"])


def check_installed() -> None:
    """:raises MetricsNotInstalled: there is nothing to make pages with"""
    try:
        import prometheus_client  # noqa: F401
    except ImportError:
        raise MetricsNotInstalled() from None


@contextlib.contextmanager
def serving(place: str | None) -> t.Iterator[Endpoint | None]:
    """Serve metrics at *place*, which is said; None: serve none.

    :raises MetricsUnusable: they cannot be served there
    """
    if place is None:
        yield None
        return
    with Endpoint(place) as endpoint:
        print("Metrics: %s" % endpoint.url, flush=True)
        yield endpoint


class Endpoint:
    """A context manager: serves the newest page, from a thread.

    :param place: ``[HOST:]PORT``; port 0 is any free one
    :raises MetricsUnusable: it cannot listen there
    """

    def __init__(self, place: str) -> None:
        check_installed()
        self._page = EMPTY
        host, port = parse(place)
        server = _Server6 if ":" in host else _Server
        try:
            self._server = server((host, port), _handler_of(self))
        except OSError as e:
            raise MetricsUnusable(place=place, reason=e.strerror) from None
        except (OverflowError, UnicodeError) as e:
            raise MetricsUnusable(place=place, reason=str(e)) from None
        self._is_over = False
        self._thread = threading.Thread(
            target=self._serve, name="metrics", daemon=True
        )
        itself = weakref.ref(self)

        def let_go() -> None:
            endpoint = itself()
            if endpoint is not None:  # a worker process may outlive this one
                endpoint._server.socket.close()

        os.register_at_fork(after_in_child=let_go)

    @property
    def url(self) -> str:
        host, port = self._server.socket.getsockname()[:2]
        shown = "[%s]" % host if ":" in host else host
        return "http://%s:%d%s" % (shown, port, PATH)

    @property
    def page(self) -> bytes:
        return self._page

    def publish(self, page: bytes) -> None:
        """Serve *page* from now on; from any thread."""
        self._page = page

    def _serve(self) -> None:
        while not self._is_over:  # each waits for a client
            self._server.handle_request()

    def __enter__(self) -> Endpoint:
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: types.TracebackType | None,
    ) -> None:
        self._is_over = True
        self._server.socket.shutdown(socket.SHUT_RDWR)  # wakes it up
        # whoever is being answered now may take for ever to ask
        self._thread.join(PATIENCE_S)
        self._server.server_close()


class _Server(socketserver.TCPServer):
    """One client after the other; ``HTTPServer`` would ask for a name."""

    allow_reuse_address = True

    def handle_error(self, request: t.Any, client_address: t.Any) -> None:
        """Nothing: a client has left, or was too slow."""


class _Server6(_Server):
    address_family = socket.AF_INET6


def _handler_of(
    endpoint: Endpoint,
) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = PATIENCE_S
        protocol_version = "HTTP/1.0"

        def do_GET(self) -> None:
            is_there = self.path.partition("?")[0] in (PATH, "/")
            body = endpoint.page if is_there else b"See %s\n" % PATH.encode()
            self.send_response(200 if is_there else 404)
            self.send_header(
                "Content-Type", CONTENT_TYPE if is_there else "text/plain"
            )
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: t.Any) -> None:
            """Nothing: a scraper comes every few seconds."""

    return Handler
