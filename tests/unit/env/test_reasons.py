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

import ddt

from rally.env import reasons
from tests.unit import test

TLS = (
    "SSL exception connecting to https://h:1/v3: HTTPSConnectionPool("
    "host='h', port=1): Max retries exceeded with url: /v3 (Caused by "
    "SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] "
    "certificate verify failed: self-signed certificate (_ssl.c:1006)')))"
)
REFUSED = (
    "HTTPConnectionPool(host='h', port=1): Max retries exceeded with url: / "
    "(Caused by NewConnectionError('<urllib3.connection.HTTPConnection "
    "object at 0x7f1>: Failed to establish a new connection: [Errno 111] "
    "Connection refused'))"
)
REFUSED_2 = (
    "HTTPConnectionPool(host='h', port=1): Max retries exceeded with url: / "
    "(Caused by NewConnectionError(\"HTTPConnection(host='h', port=1): "
    "Failed to establish a new connection: [Errno 111] Connection "
    'refused"))'
)
TRACEBACK = """Traceback (most recent call last):
  File "a.py", line 1, in f
    g()
    ^^^
  File "b.py", line 2, in g
    raise error
%s
"""


@ddt.ddt
class ReasonTestCase(test.TestCase):
    @ddt.data(
        (TLS, "SSL exception connecting to https://h:1/v3: [SSL: "
              "CERTIFICATE_VERIFY_FAILED] certificate verify failed: "
              "self-signed certificate"),
        (REFUSED, "Failed to establish a new connection: [Errno 111] "
                  "Connection refused"),
        (REFUSED_2, "Failed to establish a new connection: [Errno 111] "
                    "Connection refused"),
        ("One.\nline\n\nmore", "One. line"),
    )
    @ddt.unpack
    def test_libraries_noise_is_left_out(self, text, reason):
        self.assertEqual(reason, reasons.tidied(text))

    @ddt.data(
        ("a.b.BadThing: It went wrong.", "It went wrong"),
        ("KeyError: 'users'", "KeyError: 'users'"),
        ("ValueError", "ValueError"),
        ("x.Y: first\nsecond line", "first second line"),
    )
    @ddt.unpack
    def test_the_last_exception_of_a_traceback_is_the_reason(
        self, last, reason
    ):
        self.assertEqual(reason, reasons.in_traceback(TRACEBACK % last))

    @ddt.data(
        ({"message": "it shakes"}, "it shakes"),
        ({"message": "it failed: [Errno 1]", "traceback": TRACEBACK % "X"},
         "it failed: [Errno 1]"),
        ({"message": "not one\nof 2 {nodes}", "traceback": TRACEBACK % "X"},
         "not one of 2 {nodes}"),
        ({"message": 'Bad admin creds: \n{\n "username": "u"\n}',
          "traceback": TRACEBACK % "x.Timeout: it took too long"},
         "Bad admin creds: it took too long"),
        ({"message": "Plugin x.info() method is broken",
          "traceback": TRACEBACK % "x.Timeout: it took too long"},
         "it took too long"),
        ({"error": "Plugin x.info() is not implemented"},
         "Plugin x.info() is not implemented"),
        ({}, "its plugin gives no reason"),
        ({"message": "{}"}, "its plugin gives no reason"),
    )
    @ddt.unpack
    def test_an_answer_gives_one_line(self, answer, reason):
        self.assertEqual(reason, reasons.in_answer(answer))

    def test_an_exception_gives_one_line(self):
        self.assertEqual("no such thing", reasons.of_exception(
            ValueError("no such thing.")))
        self.assertEqual("KeyError: 'a'", reasons.of_exception(KeyError("a")))
        self.assertEqual("ValueError", reasons.of_exception(ValueError()))


@ddt.ddt
class ParagraphTestCase(test.TestCase):
    @ddt.data(
        (reasons.tidied(TLS), "authority that signed"),
        ("Unable to establish connection to http://h:1/v3", "be reached"),
        ("('Connection aborted.', BadStatusLine('SSH-2.0'))", "protocol"),
        ("Failed to authenticate to http://h for user 'u'", "the password"),
        ("Plugin x.check_health() is not implemented", "its authors"),
        ("it shakes", "against the platform"),
    )
    @ddt.unpack
    def test_advice_fits_the_reason(self, reason, advice):
        text = reasons.paragraph("cloud", "lab", reason)
        self.assertIn(
            "Platform cloud of environment lab cannot be used: %s. Until"
            % reason, text,
        )
        self.assertIn(advice, text)
        self.assertIn("`rally env show lab`", text)
        self.assertNotIn("\n", text)
