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

"""``Http.request`` and ``Http.requests`` against a real server."""

from __future__ import annotations

import subprocess
import sys

import ddt

from rally.common.http import errors
from rally.plugins.common import validators  # noqa: F401 - registers
from rally.plugins.common.scenarios.http import scenarios
from rally.task import scenario
from tests.unit import test
from tests.unit.common.http import servers


class HttpTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        self.server = servers.OddServer()
        self.addCleanup(self.server.close)
        self.url = self.server.url

    def iteration(self, cls, context=None, **args):
        made = cls({"iteration": 7, **(context or {})})
        made.run(**args)
        return made.atomic_actions()

    def refused(self, cls=scenarios.HttpRequest, **args):
        return str(self.assertRaises(
            errors.HttpCheckFailed, self.iteration, cls, **args
        ))


@ddt.ddt
class HttpRequestTestCase(HttpTestCase):
    def test_is_an_atomic_action(self):
        actions = self.iteration(scenarios.HttpRequest, url=self.url)
        named = self.iteration(
            scenarios.HttpRequest, url=self.url, name="front page"
        )

        self.assertEqual(
            ["http.request", "front page"],
            [actions[0]["name"], named[0]["name"]],
        )
        self.assertEqual([], actions[0]["children"])

    def test_phases_are_within_the_action(self):
        action, = self.iteration(
            scenarios.HttpRequest, url=self.url, phases=True
        )

        names = [child["name"] for child in action["children"]]
        self.assertEqual(["first_byte", "transfer"], names[-2:])
        last = action["started_at"]
        for child in action["children"]:
            self.assertLessEqual(last, child["finished_at"])
            last = child["finished_at"]
        self.assertLessEqual(last, action["finished_at"])

    @ddt.data(
        {"status": [200, "3xx"]}, {"text": ["na", "me"]}, {"regex": r"\d,"},
        {"json": {"user.name": "me", "user.ids[-1]": 8, '["a.b"]': True}},
        {"size": {"min": 10, "max": 60}}, {"json": {"$.user.ids": [7, 8]}},
        {"headers": {"content-length": {"matches": r"^\d+$"},
                     "x": {"present": False}}},
    )
    def test_what_is_as_expected_passes(self, expect):
        self.iteration(
            scenarios.HttpRequest, url=self.url + "/json", expect=expect
        )

    @ddt.data(
        ({"status": "5xx"}, "the answer has status 200, not 5xx"),
        ({"text": "you"}, "the body does not contain 'you' but is '{"),
        ({"regex": "y.u"}, "nothing in the body matches 'y.u'; it is '{"),
        ({"json": {"user.name": "you"}}, "user.name of the body is"),
        ({"json": {"user.ids[2]": 8}}, "there is nothing at user.ids[2]"),
        ({"json": {'["a.b"]': 1}}, "of the body is true, not 1"),
        ({"json": {"user.ids[0]": "7"}}, 'of the body is 7, not "7"'),
        ({"size": {"max": 3}}, "bytes, more than 3"),
        ({"size": {"min": 300}}, "bytes, less than 300"),
        ({"headers": {"x": "y"}}, "header x is missing, not 'y'"),
        ({"headers": {"server": {"matches": "^x"}}}, "does not match '^x'"),
        ({"headers": {"date": {"present": False}}}, "has a header date"),
    )
    @ddt.unpack
    def test_what_is_not_says_what_came_instead(self, expect, sentence):
        text = self.refused(url=self.url + "/json", expect=expect)

        self.assertIn(sentence, text)
        self.assertIn("GET %s/json: " % self.url, text)

    def test_a_status_of_an_error_fails_unless_it_is_expected(self):
        url = self.url + "/status/404"

        self.assertIn("status 404, not 1xx or 2xx or 3xx",
                      self.refused(url=url))
        self.iteration(scenarios.HttpRequest, url=url,
                       expect={"status": 404})

    def test_what_is_shown_of_an_answer_is_bounded(self):
        text = self.refused(url=self.url + "/huge", expect={"text": "y"})

        self.assertIn("(10485760 in all)", text)
        self.assertLess(len(text), 1000)

    def test_a_body_that_nobody_reads_is_not_kept(self):
        self.iteration(scenarios.HttpRequest, url=self.url + "/huge")

    def test_data_and_number_of_an_iteration_go_into_a_request(self):
        self.iteration(
            scenarios.HttpRequest, {"data": {"user": "a b/c", "n": 'x"y'}},
            url=self.url + "/echo/{data.user}", method="POST",
            params={"i": "{iteration}"}, json={"n": "<{data.n}>"},
        )

        self.assertEqual(
            ("POST", "/echo/a%20b%2Fc?i=7", b'{"n": "<x\\"y>"}'),
            (*self.server.received[-1][:2], self.server.received[-1][3]),
        )

    def test_cookies_end_with_the_iteration_and_connections_do_not(self):
        self.iteration(scenarios.HttpRequest, url=self.url)
        before = self.server.connections
        self.iteration(scenarios.HttpRequest, url=self.url + "/cookie/a/b")
        self.iteration(scenarios.HttpRequest, url=self.url)

        self.assertEqual(before, self.server.connections)
        self.assertNotIn("Cookie", self.server.received[-1][2])


class HttpRequestsTestCase(HttpTestCase):
    def test_values_of_answers_go_into_what_follows(self):
        actions = self.iteration(scenarios.HttpRequests, requests=[
            {"url": self.url + "/json", "name": "log in", "extract": {
                "name": {"json": "user.name"}, "id": {"json": "user.ids[0]"},
                "server": {"header": "server"},
                "digits": {"regex": r"ids\": \[(\d)"},
            }},
            {"url": self.url + "/cookie/c/d",
             "extract": {"c": {"cookie": "c"}}},
            {"url": self.url + "/echo/{name}", "method": "PUT",
             "headers": {"X-All": "{server} {digits}"},
             "json": {"id": "{id}", "text": "{id} {c}"}},
        ])

        self.assertEqual(
            ["log in", "http.request.2", "http.request.3"],
            [action["name"] for action in actions],
        )
        _, path, headers, body = self.server.received[-1]
        self.assertEqual("/echo/me", path)
        self.assertEqual(b'{"id": 7, "text": "7 d"}', body)
        self.assertTrue(headers["X-All"].endswith(" 7"))
        self.assertEqual("c=d", headers["Cookie"])

    def test_a_value_that_is_not_there_fails_the_iteration(self):
        text = self.refused(scenarios.HttpRequests, requests=[
            {"url": self.url + "/json",
             "extract": {"id": {"json": "user.number"}}},
        ])

        self.assertIn("no value for {id} at json 'user.number'", text)


@ddt.ddt
class ValidationTestCase(test.TestCase):
    def check(self, name, args):
        results = scenario.Scenario.validate(
            name=name, context={}, plugin_cfg=None,
            config={"name": name, "args": args}, vtype=["syntax"],
        )
        return " ".join(map(str, results))

    @ddt.data(
        ({}, "Missing argument 'url'"),
        ({"url": "http://a", "metod": "GET"}, "no argument 'metod'"),
        ({"url": "http://a", "expect": {"json": {"a[": 1}}}, "'a['"),
        ({"url": "http://a", "expect": {"regex": "("}}, "'('"),
        ({"url": "http://a", "expect": {"status": "6xx"}}, "6xx"),
        ({"url": "http://{a}/"}, "Nothing gives a value for {a}"),
        ({"url": "http://a", "text": "a", "size": 1}, "several bodies"),
        ({"url": "http://a", "size": "1"}, "size"),
    )
    @ddt.unpack
    def test_errors_are_told_before_any_load(self, args, sentence):
        self.assertIn(sentence, self.check("Http.request", args))

    def test_what_is_right_passes(self):
        self.assertEqual("", self.check("Http.requests", {"requests": [
            {"url": "http://a", "extract": {"b": {"json": "c"}}},
            {"url": "http://a/{b}?{data.x}={iteration}"},
            {"url": "http://a/{d}", "templates": False},
        ]}))


class ImportTestCase(test.TestCase):
    def test_plugins_load_without_libcurl(self):
        code = (
            "import sys; from rally.plugins.common.scenarios.http import "
            "Client, scenarios; assert 'pycurl' not in sys.modules"
        )
        done = subprocess.run([sys.executable, "-c", code], check=False)

        self.assertEqual(0, done.returncode)
