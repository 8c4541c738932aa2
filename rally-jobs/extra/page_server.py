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

"""A small web server, for jobs that need something to make requests to.

``python page_server.py PORT`` prints its address once it listens (port 0: any
free one) and ends when its standard input does, so it cannot outlive whoever
started it.
"""

from __future__ import annotations

import argparse
import contextlib
import http.server
import sys
import threading

PAGE = b"Here is what you asked for.\n"


class Handler(http.server.BaseHTTPRequestHandler):
    """Gives the same page at every path, but for ``/missing``."""

    protocol_version = "HTTP/1.1"
    #: head and body go out together: as two packets the second one waits for
    #: up to 40 ms until the client has confirmed the first
    wbufsize = -1

    def do_GET(self) -> None:  # noqa: N802 - the name is given
        self._answer(with_body=True)

    def do_HEAD(self) -> None:  # noqa: N802 - the name is given
        self._answer(with_body=False)

    def _answer(self, with_body: bool) -> None:
        self.send_response(404 if self.path == "/missing" else 200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        if with_body:
            self.wfile.write(PAGE)

    def log_message(self, format: str, *args: object) -> None:
        """A line per request would only be in the way."""


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int, help="0 for any free one")
    port = parser.parse_args().port
    try:
        server = Server(("127.0.0.1", port), Handler)
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
