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

"""The web server that jobs and the demo make requests to."""

from __future__ import annotations

import http.client
import pathlib
import runpy
import socket
import subprocess
import sys
import threading

import ddt

import rally
from tests.unit import test

PATH = pathlib.Path(rally.__file__).parents[1] / (
    "rally-jobs/extra/page_server.py"
)


@ddt.ddt
class StartTestCase(test.TestCase):
    """Both servers of the documentation, as its readers start them."""

    def start(self, name: str, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, PATH.with_name(name), *words],
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=60, check=False,
        )
        self.assertNotEqual(0, done.returncode)
        self.assertNotIn("Traceback", done.stderr)
        return done.stderr

    @ddt.data("page_server.py", "shelf_server.py")
    def test_a_port_that_cannot_be_used_is_named(self, name):
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            self.assertIn(
                "Port %d of this host cannot be used: Address already in use. "
                "Choose another one" % port, self.start(name, str(port)),
            )
        self.assertIn("must be 0-65535. Choose", self.start(name, "65536"))
        self.assertIn("required: port", self.start(name))


class PageServerTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        names = runpy.run_path(str(PATH))
        self.page = names["PAGE"]
        self.server = names["Server"](("127.0.0.1", 0), names["Handler"])
        thread = threading.Thread(target=self.server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)

    def test_an_answer_is_one_packet(self):
        # else the second one of a kept connection waits for the client to
        # confirm the first, which takes 40 ms
        with socket.create_connection(self.server.server_address) as web:
            for _ in range(3):
                web.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
                self.assertTrue(web.recv(65536).endswith(self.page))

    def test_pages(self):
        web = http.client.HTTPConnection(*self.server.server_address)
        self.addCleanup(web.close)
        for method, path, status, body in (
            ("GET", "/any", 200, self.page), ("HEAD", "/", 200, b""),
            ("GET", "/missing", 404, self.page),
        ):
            web.request(method, path)
            answer = web.getresponse()
            self.assertEqual((status, body), (answer.status, answer.read()))
