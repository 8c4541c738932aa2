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

"""The client against real servers."""

from __future__ import annotations

import base64
import pathlib
import shutil
import socket
import tempfile
import threading
import unittest

import ddt

from rally.common.http import client, errors, handle, request
from tests.unit import test
from tests.unit.common.http import servers


def in_new_thread(call):
    """What *call* gives in a thread that has no handle yet."""
    found = []
    thread = threading.Thread(target=lambda: found.append(call()))
    thread.start()
    thread.join()
    return found[0]


@ddt.ddt
class ClientTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        self.server = servers.OddServer()
        self.addCleanup(self.server.close)
        self.url = self.server.url
        self.web = client.Client()

    def test_an_answer_is_told_in_full(self):
        answer = self.web.get(self.url + "/echo", params={"q": ["a b", 1]})

        self.assertEqual(200, answer.status)
        self.assertEqual("/echo?q=a+b&q=1", answer.json()["path"])
        self.assertEqual("application/json", answer.headers["content-TYPE"])
        self.assertEqual(self.url + "/echo?q=a+b&q=1", answer.url)
        self.assertEqual(0, answer.phases.tls)
        self.assertGreater(answer.phases.first_byte, 0)

    @ddt.data(
        ({"text": "é"}, "text/plain; charset=utf-8", "é".encode()),
        ({"json": {"a": [1]}}, "application/json", b'{"a": [1]}'),
        ({"form": {"a b": "c&d"}}, "application/x-www-form-urlencoded",
         b"a+b=c%26d"),
        ({"size": 300}, "application/octet-stream",
         bytes(range(256)) + bytes(range(44))),
    )
    @ddt.unpack
    def test_each_kind_of_body_arrives(self, options, kind, body):
        self.web.post(self.url, **options)

        method, _, headers, got = self.server.received[-1]
        self.assertEqual(("POST", kind, body),
                         (method, headers["Content-Type"], got))

    def test_a_certificate_for_some_requests_costs_no_connections(self):
        def visit():
            web = client.Client()
            for _ in range(3):
                web.get(self.url + "/cookie/a/b")
                web.get(self.url, cert="/cert.pem")
                web.get(self.url + "/cookie/a/c", cert="/cert.pem")
                web.get(self.url)

        in_new_thread(visit)
        self.assertEqual(2, self.server.connections)
        self.assertEqual(["a=b", "a=c"] * 3, [
            headers["Cookie"] for _, path, headers, _ in self.server.received
            if path == "/"
        ])

    def test_a_file_is_read_anew_for_each_request(self):
        path = self.folder() / "body"
        for content in (b"one", b"two"):
            path.write_bytes(content)
            self.web.request("PUT", self.url, file=str(path))
            self.assertEqual(content, self.server.received[-1][3])
            self.assertEqual("PUT", self.server.received[-1][0])

    def folder(self):
        made = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, made)
        return made

    def test_nothing_is_left_of_the_request_before(self):
        plain = self.web.get(self.url + "/echo").json()
        for method in ("POST", "PUT", "HEAD", "DELETE", "PATCH"):
            self.web.request(
                method, self.url, headers={"X-A": "b"}, cookies={"c": "d"},
                auth={"basic": {"user": "u", "password": "p"}},
                params={"e": 1}, compressed=False, redirects=0,
                **({} if method == "HEAD" else {"json": [1]}),
            )
            self.assertEqual(method, self.server.received[-1][0])

            self.assertEqual(plain, self.web.get(self.url + "/echo").json())

    def test_a_changed_dict_of_the_caller_is_seen(self):
        headers = {"X-A": "1"}
        self.web.get(self.url, headers=headers)
        headers["X-A"] = "2"
        self.web.get(self.url, headers=headers)

        self.assertEqual("2", self.server.received[-1][2]["X-A"])

    @ddt.data(
        ({"basic": {"user": "me", "password": "a:b"}},
         "Basic " + base64.b64encode(b"me:a:b").decode()),
        ({"bearer": "token"}, "Bearer token"),
    )
    @ddt.unpack
    def test_credentials(self, auth, header):
        self.web.get(self.url, auth=auth)

        self.assertEqual(header, self.server.received[-1][2]["Authorization"])

    def test_connections_are_kept_unless_told_otherwise(self):
        def five(**options):
            before = self.server.connections
            for _ in range(5):
                client.Client().get(self.url, **options)
            return self.server.connections - before

        self.assertEqual(1, in_new_thread(five))
        self.assertEqual(
            5, in_new_thread(lambda: five(new_connection=True))
        )

    def test_cookies_belong_to_one_client(self):
        other = client.Client()
        self.web.get(self.url + "/cookie/who/me")
        other.get(self.url + "/cookie/who/other")

        seen = [
            web.get(self.url).json()["headers"].get("cookie")
            for web in (self.web, other, client.Client(), self.web)
        ]

        self.assertEqual(["who=me", "who=other", None, "who=me"], seen)

    def test_redirects_are_followed_up_to_a_number(self):
        answer = self.web.get(self.url + "/redirect/3")

        self.assertEqual((200, 3), (answer.status, answer.redirects))
        self.assertEqual(self.url + "/echo", answer.url)
        none = self.web.get(self.url + "/redirect/3", redirects=0)
        self.assertEqual(302, none.status)
        error = self.assertRaises(
            errors.HttpError, self.web.get, self.url + "/loop", redirects=4
        )
        self.assertIn("TOO_MANY_REDIRECTS", str(error))

    @ddt.data(
        ("/slow", {"timeout": 0.2}, "OPERATION_TIMEDOUT"),
        ("/cut", {}, "PARTIAL_FILE"),
        ("/drop", {}, "GOT_NOTHING"),
        ("/huge", {"max_size": 100000}, "BODY_TOO_LARGE"),
    )
    @ddt.unpack
    def test_what_went_wrong_has_a_name(self, path, options, name):
        error = self.assertRaises(
            errors.HttpError, self.web.get, self.url + path, **options
        )

        self.assertIn(name, str(error))
        self.assertIn("GET " + self.url + path, str(error))
        self.assertEqual(200, self.web.get(self.url).status)

    def test_an_error_tells_no_secret_of_its_address(self):
        url = "http://user:s3cret@127.0.0.1:1/page?token=s3cret"

        error = self.assertRaises(
            errors.HttpError, client.Client().get, url, timeout=2
        )

        self.assertIn("127.0.0.1:1/page", str(error))
        self.assertNotIn("s3cret", str(error))

    def test_bytes_are_those_on_the_wire(self):
        counter, port = socketserver_that_counts(self)

        answer = self.web.post(
            "http://127.0.0.1:%d/" % port, size=200000, proxy=""
        )

        self.assertEqual(counter["received"], answer.sent_bytes)
        self.assertEqual(counter["sent"], answer.received_bytes)

    @ddt.data(
        {"text": "a", "json": 1}, {"timeout": 0}, {"http_version": "4"},
        {"headers": {"a": "b\r\nc: d"}}, {"file": "/nowhere"},
        {"auth": {"bearer": "a", "basic": {}}}, {"size": -1}, {"tex": "a"},
    )
    def test_senseless_arguments_are_refused(self, options):
        self.assertRaises(
            errors.HttpArgumentError, self.web.get, self.url, **options
        )

    def test_each_option_can_be_set_and_unset(self):
        full = request.prepare("GET", self.url, {
            "proxy": self.url, "cookies": {"a": "b"}, "verify": False,
            "auth": {"basic": {"user": "u", "password": "p"}},
            "cert": "/cert.pem", "compressed": False,
        })
        plain = request.prepare("GET", self.url + "/echo", {})
        made = handle.Handle()
        self.assertEqual(200, made.perform(full))

        self.assertEqual(200, made.perform(plain, keeps=True))

        headers = made.response(plain).json()["headers"]
        self.assertNotIn("cookie", headers)
        self.assertNotIn("authorization", headers)


def socketserver_that_counts(case):
    """Counts what a client and a server of one answer sent."""
    counter = {"received": 0, "sent": 0}
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        peer, _ = listener.accept()
        with peer:
            got = b""
            while b"\r\n\r\n" not in got:
                got += peer.recv(65536)
            head = got.index(b"\r\n\r\n") + 4
            while len(got) < head + 200000:
                got += peer.recv(65536)
            answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
            counter.update(received=len(got), sent=len(answer))
            peer.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    case.addCleanup(listener.close)
    case.addCleanup(thread.join)
    return counter, listener.getsockname()[1]


@unittest.skipUnless(servers.NGINX, "nginx is not installed")
class NginxTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        self.server = servers.Nginx()
        self.addCleanup(self.server.close)
        self.web = client.Client(verify=self.server.cert)

    def words(self, **options):
        return self.web.get(self.server.url + "/", **options).text().split()

    def test_http_2_is_spoken_where_the_server_can(self):
        self.assertEqual("HTTP/2.0", self.words()[0])
        self.assertEqual("HTTP/1.1", self.words(http_version="1.1")[0])

    def test_tls_sessions_are_resumed(self):
        self.words(new_connection=True)

        self.assertEqual("r", self.words(new_connection=True)[1])

    def test_a_client_certificate_is_shown_where_it_is_given(self):
        self.assertEqual("NONE", self.words()[-1])
        self.assertEqual("SUCCESS", self.words(cert=self.server.cert)[-1])
        self.assertEqual("NONE", self.words()[-1])

    def test_a_certificate_of_nobody_is_refused(self):
        error = self.assertRaises(
            errors.HttpError, self.web.get, self.server.url, verify=True
        )

        self.assertIn("PEER_FAILED_VERIFICATION", str(error))
        self.assertEqual(
            200, self.web.get(self.server.url, verify=False).status
        )

    def test_a_compressed_answer_is_shorter_on_the_wire(self):
        answer = self.web.get(self.server.url + "/long")
        plain = self.web.get(self.server.url + "/long", compressed=False)

        self.assertEqual("abc" * 500, answer.text())
        self.assertEqual(plain.body, answer.body)
        self.assertLess(answer.received_bytes, 1000)
        self.assertGreater(plain.received_bytes, 1500)

    def test_phases_show_a_new_connection_and_a_kept_one(self):
        first = self.web.get(self.server.url, new_connection=True).phases
        self.web.get(self.server.url)
        kept = self.web.get(self.server.url).phases

        self.assertGreater(first.tls, 0)
        self.assertEqual((0, 0), (kept.connect, kept.tls))
