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

"""The service that the tutorial about plugins tests."""

from __future__ import annotations

import concurrent.futures
import http.client
import json
import pathlib
import runpy
import threading

import rally
from tests.unit import test

PATH = pathlib.Path(rally.__file__).parents[1] / (
    "rally-jobs/extra/shelf_server.py"
)


class ShelfServerTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.server = runpy.run_path(str(PATH))["Server"](0)
        thread = threading.Thread(target=self.server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)

    def ask(
        self, method: str, path: str, body: bytes | None = None
    ) -> tuple[int, bytes]:
        web = http.client.HTTPConnection(*self.server.server_address)
        web.request(method, path, body)
        answer = web.getresponse()
        found = answer.status, answer.read()
        web.close()
        return found

    def test_an_item_comes_and_goes(self) -> None:
        self.assertEqual((404, b""), self.ask("GET", "/one"))
        self.assertEqual((201, b""), self.ask("PUT", "/one", b"first"))
        self.assertEqual((200, b"first"), self.ask("GET", "/one"))
        status, names = self.ask("GET", "/")
        self.assertEqual((200, ["one", "welcome"]),
                         (status, json.loads(names)))
        self.assertEqual((204, b""), self.ask("DELETE", "/one"))
        self.assertEqual((404, b""), self.ask("DELETE", "/one"))

    def test_who_waits_gets_what_comes_meanwhile(self) -> None:
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(self.ask, "GET", "/late?wait=30")
            self.ask("PUT", "/late", b"at last")
            self.assertEqual((200, b"at last"), waiting.result(30))
