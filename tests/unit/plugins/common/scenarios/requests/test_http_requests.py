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

"""Tests of the scenarios of HTTP requests, against a real server."""

from __future__ import annotations

import http.server
import threading
import typing as t

import requests

from rally.plugins.common import (
    types,
    validators,  # noqa: F401 (registers)
)
from rally.plugins.common.scenarios.requests import http_requests
from rally.task import scenario
from tests.unit import test


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers with the status in the path, and notes what was asked."""

    def _answer(self) -> None:
        seen: t.Any = getattr(self.server, "seen")  # noqa: B009
        seen.append((self.command, self.path, self.headers.get("X-Test")))
        self.send_response(int(self.path.strip("/") or 200))
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST = do_HEAD = _answer

    def log_message(self, format: str, *args: t.Any) -> None:
        pass


class ServerTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        server = http.server.HTTPServer(("127.0.0.1", 0), _Handler)
        self.seen: list[t.Any] = []
        setattr(server, "seen", self.seen)  # noqa: B010
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.url = f"http://127.0.0.1:{server.server_port}/"


class HttpRequestsTestCase(ServerTestCase):
    def test_one_request_is_made_as_told(self) -> None:
        instance = http_requests.HttpRequestsCheckRequest()
        instance.run(
            self.url + "201",
            method="POST",
            status_code=201,
            headers={"X-Test": "yes"},
        )
        self.assertEqual([("POST", "/201", "yes")], self.seen)
        self.assertEqual(
            ["requests.check_request"],
            [action["name"] for action in instance.atomic_actions()],
        )

    def test_another_status_is_an_error(self) -> None:
        instance = http_requests.HttpRequestsCheckRequest()
        error = self.assertRaises(
            ValueError, instance.run, self.url + "404", "GET", 200
        )
        self.assertIn("not 200", str(error))
        self.assertIn("status code 404", str(error))
        self.assertTrue(instance.atomic_actions()[0]["failed"])

    def test_no_server_is_an_error(self) -> None:
        instance = http_requests.HttpRequestsCheckRequest()
        self.assertRaises(
            requests.exceptions.ConnectionError,
            instance.run,
            "http://127.0.0.1:1/",
            "GET",
            200,
        )

    def test_one_of_several_requests_is_made(self) -> None:
        choices: list[dict[str, t.Any]] = [
            {"url": self.url, "method": "GET"},
            {"url": self.url + "204", "method": "GET", "status_code": 204},
        ]
        for _ in range(30):
            http_requests.HttpRequestsCheckRandomRequest().run(choices, 200)
        self.assertEqual({"/", "/204"}, {path for _, path, _ in self.seen})
        self.assertEqual(2, len(choices[0]))

    def test_arguments_are_checked(self) -> None:
        validate = scenario.Scenario.validate
        args = {"url": self.url, "method": "GET", "status_code": 200}
        name = "HttpRequests.check_request"
        self.assertEqual([], validate(name, {}, {"args": args}, None))
        del args["method"]
        self.assertEqual(1, len(validate(name, {}, {"args": args}, None)))


class PathOrUrlTestCase(ServerTestCase):
    def convert(self, spec: str) -> str:
        return types.PathOrUrl(context={}).pre_process(
            resource_spec=spec, config={}, output_type=str
        )

    def test_a_url_that_answers(self) -> None:
        self.assertEqual(self.url, self.convert(self.url))
        self.assertEqual([("HEAD", "/", None)], self.seen)

    def test_a_url_that_does_not(self) -> None:
        from rally import exceptions

        for spec in (self.url + "404", "http://127.0.0.1:1/", "/no/such"):
            self.assertRaises(
                exceptions.InvalidScenarioArgument, self.convert, spec
            )
