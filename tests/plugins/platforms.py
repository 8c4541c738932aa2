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

"""What the platforms of the packages ask before a task is validated.

Docker and Kubernetes are asked for their version, no more: a server on this
host gives it, as both do.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import pathlib
import threading
import typing as t

DOCKER = {"ApiVersion": "1.41", "MinAPIVersion": "1.12", "Version": "20.10"}
KUBERNETES = {
    "major": "1", "minor": "21", "gitVersion": "v1.21.0", "gitCommit": "0",
    "gitTreeState": "clean", "buildDate": "2021-04-08T16:25:06Z",
    "goVersion": "go1.16", "compiler": "gc", "platform": "linux/amd64",
}


class _Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:  # noqa: N802 (the name that http.server calls)
        path = self.path.rstrip("/")
        known = path.endswith("/version")
        is_docker = known and not self.path.endswith("/")
        body = json.dumps(DOCKER if is_docker else KUBERNETES).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: t.Any) -> None:
        """What is asked is no news."""


@contextlib.contextmanager
def running() -> t.Iterator[int]:
    """The port of a server that answers for both platforms."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def specification(port: int, folder: pathlib.Path) -> dict[str, t.Any]:
    """An environment with both platforms at *port*."""
    authority = folder / "ca.crt"
    authority.touch()
    return {
        "existing@docker": {"host": "tcp://127.0.0.1:%d" % port},
        "existing@kubernetes": {
            "server": "http://127.0.0.1:%d" % port,
            "certificate-authority": str(authority),
            "api_key": "any",
        },
    }
