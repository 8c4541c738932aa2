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

import copy

import ddt
import hypothesis
from hypothesis import strategies as st

from rally.common import masking
from tests.unit import test

KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n"
SPEC = {
    "auth_url": "http://bob:hunter2@cloud:5000/v3",
    "https_key": "/etc/ssl/key.pem",
    "https_insecure": False,
    "profiler_hmac_key": "SECRET_KEY",
    "profiler_conn_str": "redis://:opens3same@cache:6379",
    "admin": {"username": "admin", "password": "s3same", "port": 5000},
    "users": [{"username": "u", "password": "p4ssword"}],
    "auth": {"token": "gAAAA", "client-key-data": "TUlJRQ==", "note": KEY},
}


@ddt.ddt
class MaskedTestCase(test.TestCase):
    def test_secrets_are_hidden_at_any_depth(self):
        self.assertEqual(
            {
                "auth_url": "http://***@cloud:5000/v3",
                "https_key": "/etc/ssl/key.pem",
                "https_insecure": False,
                "profiler_hmac_key": "***",
                "profiler_conn_str": "***",
                "admin": {
                    "username": "admin", "password": "***", "port": 5000,
                },
                "users": [{"username": "u", "password": "***"}],
                "auth": {"token": "***", "client-key-data": "***",
                         "note": "***"},
            },
            masking.masked(SPEC),
        )

    def test_the_original_stays(self):
        before = copy.deepcopy(SPEC)
        masking.masked(SPEC)
        self.assertEqual(before, SPEC)

    @ddt.data(
        "password", "admin_password", "OS_PASSWORD", "passphrase", "secret",
        "client_secret", "token", "hmac_key", "profiler_hmac_key",
        "private-key", "apiKey", "api_key", "key", "client-key-data",
    )
    def test_a_key_tells_a_secret(self, key):
        self.assertEqual({key: "***"}, masking.masked({key: "hush"}))
        self.assertEqual({key: ["***"]}, masking.masked({key: ["hush"]}))
        self.assertEqual({key: {"a": "***"}}, masking.masked({key: {"a": 7}}))

    @ddt.data(
        {"public_key": "ssh-rsa AAAA"}, {"https_key": "~/key.pem"},
        {"password": None}, {"password": ""}, {"token_ttl": 5},
        {"is_secret": True}, {"keystone": "v3"}, {"monkey": "x"},
    )
    def test_what_is_no_secret_stays(self, value):
        self.assertEqual(value, masking.masked(value))

    def test_a_number_can_be_a_password(self):
        self.assertEqual({"password": "***"}, masking.masked({"password": 1}))

    @hypothesis.given(st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
            st.sampled_from(["password", "a", "token", "url"]), inner,
            max_size=3,
        ),
    ))
    def test_to_mask_twice_is_to_mask_once(self, value):
        once = masking.masked(value)
        self.assertEqual(once, masking.masked(once))


@ddt.ddt
class MaskedTextTestCase(test.TestCase):
    def test_what_a_specification_hides_is_hidden_in_text(self):
        text = "s3same, p4ssword, SECRET_KEY and gAAAA are wrong for admin"
        self.assertEqual(
            "***, ***, *** and *** are wrong for admin",
            masking.masked_text(text, masking.secrets_of(SPEC)),
        )

    @ddt.data(
        ("at http://bob:hunter2@cloud/v3", "at http://***@cloud/v3"),
        ('{"password": "s3same", "a": "b"}', '{"password": "***", "a": "b"}'),
        ("{'admin_password': 's3'}", "{'admin_password': '***'}"),
        ("GET /v3?token=gAAAA&a=b", "GET /v3?token=***&a=b"),
        (KEY + "x", "***\nx"),
        ("the password of admin is wrong", "the password of admin is wrong"),
    )
    @ddt.unpack
    def test_text_itself_tells_secrets(self, text, shown):
        self.assertEqual(shown, masking.masked_text(text))

    def test_a_password_that_is_a_name_leaves_sentences_readable(self):
        spec = {"username": "admin", "password": "admin"}
        self.assertEqual(set(), masking.secrets_of(spec))

    def test_too_short_a_password_is_any_part_of_a_word(self):
        self.assertEqual(set(), masking.secrets_of({"password": "abc"}))
