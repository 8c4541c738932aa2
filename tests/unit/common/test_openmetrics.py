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

from __future__ import annotations

import http.client
import os
import socket
import threading

import ddt

from rally.common import openmetrics
from tests.unit import test


def get(url, path=None):
    host, _, rest = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=20)
    try:
        connection.request("GET", path or "/" + rest)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


@ddt.ddt
class PlaceTestCase(test.TestCase):
    @ddt.data(
        ("9464", ("127.0.0.1", 9464)), ("0.0.0.0:1", ("0.0.0.0", 1)),
        ("[::1]:0", ("::1", 0)), ("ctl:9", ("ctl", 9)),
        (":9464", ("0.0.0.0", 9464)),
    )
    @ddt.unpack
    def test_is_a_port_and_perhaps_a_host(self, place, parsed):
        self.assertEqual(parsed, openmetrics.parse(place))

    @ddt.data("", "x", "host:", "1:2:3", "65536", "http://h:1")
    def test_anything_else_is_refused(self, place):
        error = self.assertRaises(
            openmetrics.MetricsUnusable, openmetrics.parse, place
        )
        self.assertIn("[HOST:]PORT", str(error))


class EndpointTestCase(test.TestCase):
    def test_serves_the_newest_page(self):
        with openmetrics.Endpoint("0") as endpoint:
            status, headers, body = get(endpoint.url)
            self.assertEqual((200, b"# EOF\n"), (status, body))
            self.assertEqual(
                openmetrics.CONTENT_TYPE, headers["Content-Type"]
            )
            endpoint.publish(b"new\n# EOF\n")
            self.assertEqual(b"new\n# EOF\n", get(endpoint.url)[2])
            self.assertEqual(404, get(endpoint.url, "/other")[0])

    def test_only_this_host_may_read_it_unless_told_otherwise(self):
        with openmetrics.Endpoint("0") as endpoint:
            self.assertIn("//127.0.0.1:", endpoint.url)

    def test_a_port_in_use_is_an_error_at_once(self):
        with openmetrics.Endpoint("0") as endpoint:
            place = endpoint.url.removeprefix("http://").partition("/")[0]
            error = self.assertRaises(
                openmetrics.MetricsUnusable, openmetrics.Endpoint, place
            )
        self.assertIn("in use", str(error))
        with openmetrics.Endpoint(place):  # it is free again
            pass

    def test_a_client_that_says_nothing_is_hung_up_on(self):
        self.addCleanup(
            setattr, openmetrics, "PATIENCE_S", openmetrics.PATIENCE_S
        )
        openmetrics.PATIENCE_S = 0.1
        with openmetrics.Endpoint("0") as endpoint:
            host, port = endpoint._server.server_address
            with socket.create_connection((host, port)) as silent:
                self.assertEqual(200, get(endpoint.url)[0])
                self.assertEqual(b"", silent.recv(1))

    def test_a_client_that_goes_on_asking_does_not_keep_it_from_its_end(self):
        """Each byte comes in time, and there are ever more of them."""
        self.addCleanup(
            setattr, openmetrics, "PATIENCE_S", openmetrics.PATIENCE_S
        )
        openmetrics.PATIENCE_S = 0.3
        is_over = threading.Event()
        endpoint = openmetrics.Endpoint("0")
        endpoint.__enter__()
        with socket.create_connection(
            endpoint._server.server_address
        ) as client:
            client.sendall(b"GET /metrics HTTP/1.0\r\nX: ")
            dripping = threading.Thread(
                target=self.drip, args=[client, is_over]
            )
            dripping.start()
            self.addCleanup(dripping.join)
            self.addCleanup(is_over.set)
            endpoint.__exit__(None, None, None)
            self.assertTrue(dripping.is_alive())

    @staticmethod
    def drip(client, is_over):
        for _ in range(200):
            if is_over.wait(0.05):
                return
            client.sendall(b"x")

    def test_a_child_does_not_keep_the_port(self):
        """It may outlive this process, which may be killed."""
        with openmetrics.Endpoint("0") as endpoint:
            child = os.fork()
            if not child:
                os._exit(endpoint._server.socket.fileno() != -1)
            _, status = os.waitpid(child, 0)
            self.assertEqual(0, status)
            self.assertEqual(200, get(endpoint.url)[0])
