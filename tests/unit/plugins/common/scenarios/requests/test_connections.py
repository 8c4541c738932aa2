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

"""Connections of ``HttpRequests`` are kept, and nothing else is."""

from __future__ import annotations

import os
import pathlib
import shutil
import tempfile
import threading
from unittest import mock

from rally.plugins.common.scenarios.requests import http_requests
from tests.unit import test
from tests.unit.common.http import servers


class ConnectionsTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        self.server = servers.OddServer()
        self.addCleanup(self.server.close)
        self.home = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.home)
        known = {"HOME": str(self.home), "PATH": os.environ["PATH"]}
        patch = mock.patch.dict(os.environ, known, clear=True)
        patch.start()
        self.addCleanup(patch.stop)

    def visit(self, path, **kwargs):
        http_requests.HttpRequestsCheckRequest({}).run(
            self.server.url + path, "GET", 200, **kwargs
        )

    def in_new_thread(self, *visits):
        def run():
            for path, kwargs in visits:
                self.visit(path, **kwargs)

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        return self.server.connections

    def test_iterations_of_a_thread_share_a_connection(self):
        self.assertEqual(
            1, self.in_new_thread(("/", {}), ("/", {}), ("/redirect/1", {}))
        )

    def test_cookies_are_not_shared(self):
        self.in_new_thread(("/cookie/a/b", {}), ("/", {}))

        self.assertNotIn("Cookie", self.server.received[-1][2])

    def test_credentials_are_not_shared(self):
        self.in_new_thread(("/", {"auth": ("me", "pin")}), ("/", {}))

        self.assertIn("Authorization", self.server.received[0][2])
        self.assertNotIn("Authorization", self.server.received[1][2])

    def test_other_ways_to_verify_have_connections_of_their_own(self):
        self.assertEqual(
            2, self.in_new_thread(("/", {}), ("/", {"verify": False}))
        )

    def test_a_proxy_that_the_environment_names_is_used_from_then_on(self):
        self.visit("/")
        os.environ["HTTP_PROXY"] = self.server.url
        self.visit("/")
        http_requests.HttpRequestsCheckRequest({}).run(
            "http://elsewhere.test/", "GET", 200
        )
        del os.environ["HTTP_PROXY"]
        self.visit("/")

        here = self.server.url + "/"
        self.assertEqual(
            ["/", here, "http://elsewhere.test/", "/"],
            [path for _, path, _, _ in self.server.received],
        )

    def test_credentials_of_a_netrc_file_are_used(self):
        self.visit("/")
        (self.home / ".netrc").write_text(
            "machine 127.0.0.1 login me password pin\n"
        )
        self.visit("/")

        self.assertNotIn("Authorization", self.server.received[0][2])
        self.assertIn("Authorization", self.server.received[1][2])

    def test_a_body_that_is_streamed_is_left_alone(self):
        self.in_new_thread(("/huge", {"stream": True}), ("/", {}))

        self.assertEqual(2, len(self.server.received))
