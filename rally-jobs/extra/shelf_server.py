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

"""A shelf: a small web service that keeps items, for plugins to be tried on.

``python shelf_server.py PORT`` prints its address once it listens (port 0: any
free one) and ends when its standard input does, so it cannot outlive whoever
started it.

``GET /``
    names of all items, as a JSON list
``GET /NAME``
    the item; 404 if there is none. ``?wait=SECONDS``: it may come meanwhile
``PUT /NAME``, ``DELETE /NAME``
    put an item there, or take it away
``POST /?pause=SECONDS``
    whoever asks for something after that has to wait so long
"""

from __future__ import annotations

import argparse
import contextlib
import http.server
import json
import sys
import threading
import time
import urllib.parse


class Shelf:
    """The items, and who waits for them."""

    def __init__(self) -> None:
        self._items = {"welcome": b"Welcome to the shelf."}
        self._changed = threading.Condition()
        self._paused_until_s = 0.0

    def names(self) -> list[str]:
        with self._changed:
            return sorted(self._items)

    def get(self, name: str, wait_s: float) -> bytes | None:
        with self._changed:
            self._changed.wait_for(lambda: name in self._items, wait_s)
            return self._items.get(name)

    def put(self, name: str, item: bytes) -> None:
        with self._changed:
            self._items[name] = item
            self._changed.notify_all()

    def remove(self, name: str) -> bool:
        """Whether it was there."""
        with self._changed:
            return self._items.pop(name, None) is not None

    def pause(self, seconds: float) -> None:
        self._paused_until_s = time.monotonic() + seconds

    def wait_until_open(self) -> None:
        time.sleep(max(0.0, self._paused_until_s - time.monotonic()))


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers for the shelf of its server."""

    server: Server
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body go out together

    def do_GET(self) -> None:  # noqa: N802 - the name is given
        shelf, name, query = self._asked()
        if not name:
            self._answer(200, json.dumps(shelf.names()).encode())
            return
        item = shelf.get(name, float(query.get("wait", 0)))
        self._answer(404 if item is None else 200, item or b"")

    def do_PUT(self) -> None:  # noqa: N802 - the name is given
        shelf, name, _ = self._asked()
        length = int(self.headers.get("Content-Length", 0))
        shelf.put(name, self.rfile.read(length))
        self._answer(201)

    def do_DELETE(self) -> None:  # noqa: N802 - the name is given
        shelf, name, _ = self._asked()
        self._answer(204 if shelf.remove(name) else 404)

    def do_POST(self) -> None:  # noqa: N802 - the name is given
        shelf, _, query = self._asked()
        shelf.pause(float(query.get("pause", 0)))
        self._answer(204)

    def _asked(self) -> tuple[Shelf, str, dict[str, str]]:
        """The shelf, once it is open; the name of an item; the query."""
        self.server.shelf.wait_until_open()
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        return self.server.shelf, url.path.strip("/"), query

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """A line per request would only be in the way."""


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.shelf = Shelf()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int, help="0 for any free one")
    port = parser.parse_args().port
    try:
        server = Server(port)
    except (OSError, OverflowError) as e:
        sys.exit(
            "Port %d of this host cannot be used: %s. Choose another one, and "
            "use it in the task files as well."
            % (port, str(e.args[-1]).rstrip("."))
        )
    with server, contextlib.suppress(KeyboardInterrupt):
        print("http://127.0.0.1:%d/" % server.server_port, flush=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sys.stdin.read()
        server.shutdown()


if __name__ == "__main__":
    main()
