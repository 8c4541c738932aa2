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

import base64
import copy
import json
import urllib.parse

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

#: how a password gets into text, which is to look as if it were "***"
FORMS = {
    "plain": lambda secret: "login with %s failed" % secret,
    "repr": lambda secret: repr({"n": secret, "user": "bob"}),
    "repr beside a quote": lambda secret: repr("\"'" + secret),
    "json": lambda secret: json.dumps({"n": secret, "user": "bob"}),
    "json of json": lambda secret: json.dumps(json.dumps([secret])),
    "repr of json": lambda secret: repr(json.dumps({"n": [secret]})),
    "url": lambda secret: "at http://bob:%s@h/v3" % secret,
    "query": lambda secret: "/v3?q=" + urllib.parse.quote(secret, safe="*"),
    "header": lambda secret: "X-Auth-Token: " + secret,
    "pair": lambda secret: "password=%r" % secret,
}
#: four of them at least; without what the mask itself is made of
SECRETS = st.text(
    st.characters(
        blacklist_categories=("C", "Z"), blacklist_characters="*",
        whitelist_characters=" ",
    ),
    min_size=4, max_size=20,
)


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
        "Authorization", "X-Auth-Token",
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

    @ddt.data(
        ('{"password": "ab\\"cd", "a": "b"}', '{"password": "***", "a": "b"}'),
        (r"{'password': 'it\'s', 'a': 'b'}", "{'password': '***', 'a': 'b'}"),
        (r'"{\"password\": \"a\\\"b\", \"a\": 1}"',
         r'"{\"password\": \"***\", \"a\": 1}"'),
        ("{'password': b'abc'}", "{'password': b'***'}"),
        (repr('{"password": "a\\"b", "a": 1}'),
         repr('{"password": "***", "a": 1}')),
        ('{"password": 12345}', '{"password": ***}'),
        ('{"password": "cut he', '{"password": ***'),
    )
    @ddt.unpack
    def test_the_whole_of_a_quoted_value_is_hidden(self, text, shown):
        self.assertEqual(shown, masking.masked_text(text))

    def test_a_long_text_of_backslashes_takes_no_long_time(self):
        text = '"password": "' + "\\" * 9999
        self.assertEqual('"password": ***', masking.masked_text(text))

    @ddt.data(
        "https_key", "passphrase", "auth", "pwd", "client-key-data",
        "profiler_conn_str", "credential", "key", "apiKey", "Authorization",
    )
    def test_a_key_tells_a_secret_in_text_as_well(self, key):
        self.assertEqual({key: "***"}, masking.masked({key: "abc"}))
        for quote in (repr, json.dumps):
            self.assertEqual(
                quote({key: "***"}), masking.masked_text(quote({key: "abc"}))
            )
        self.assertEqual(key + "=***", masking.masked_text(key + "=abc"))

    @ddt.data(
        ("X-Auth-Token: gAAA", "X-Auth-Token: ***"),
        ("sent X-Auth-Token: gAAA to it", "sent X-Auth-Token: *** to it"),
        ("> Authorization: Basic Ym9iOng=\n> Host: h",
         "> Authorization: ***\n> Host: h"),
        ('-H "Authorization: Bearer abc" -v', '-H "Authorization: ***" -v'),
        ("users:\n- user: bob\n  password: a b c\n  port: 1",
         "users:\n- user: bob\n  password: ***\n  port: 1"),
        ("bob with password: x came", "bob with password: *** came"),
        ("f(user='bob', password='a b c')", "f(user='bob', password='***')"),
        ("admin_password = hunter2\nport = 1",
         "admin_password = ***\nport = 1"),
        ("https_key: abc", "https_key: ***"),
        ("Error: token: abc", "Error: token: ***"),
        ("'body': '{\"password\": \"x\"}'",
         "'body': '{\"password\": \"***\"}'"),
        ("openstack --os-password=x list", "openstack --os-password=*** list"),
        ("{'auth': {'user': 'u', 'password': 'x'}}",
         "{'auth': {'user': 'u', 'password': '***'}}"),
        ("'password': '', 'token': 'x'", "'password': '', 'token': '***'"),
    )
    @ddt.unpack
    def test_a_pair_without_quotes_tells_a_secret(self, text, shown):
        self.assertEqual(shown, masking.masked_text(text))

    @ddt.data(
        "token expired", "the token has expired: log in again",
        "password is wrong", "key: value pairs", "Unknown key: 'users'",
        "public_key_file: value", "https_key: /etc/key.pem is not there",
        "{'https_key': '/etc/ssl/key.pem'}", "auth_url: http://h/v3",
        "keystone.TokenExpired: the time is over", "KeyError: 'password'",
        "{'password': None, 'is_secret': True}", "password: null",
        "if password == wanted", "pass: 3, fail: 2", "token::of::a::path",
        "users:\n  auth:\n    user: bob", "monkey=banana", "secret: ",
        '[{"key": {}}]',
    )
    def test_what_tells_no_secret_stays_in_text(self, text):
        self.assertEqual(text, masking.masked_text(text))

    @ddt.data(*sorted(FORMS))
    @hypothesis.given(secret=SECRETS)
    @hypothesis.example(secret="it's")
    @hypothesis.example(secret='a"b\\c')
    @hypothesis.example(secret="'a\"b'")
    @hypothesis.example(secret="sesam\u00e9/?")
    def test_a_known_secret_is_hidden_however_it_is_quoted(self, form, secret):
        quoting = FORMS[form]
        shown = masking.masked_text(quoting(secret), {secret})
        self.assertNotIn(secret, shown)
        # a secret that is a part of what is around it is hidden there, too
        hypothesis.assume(secret[0].isalnum())
        hypothesis.assume(secret not in quoting("***"))
        self.assertEqual(
            masking.masked_text(quoting("***")).replace('"', "'"),
            shown.replace('"', "'"),
        )

    @hypothesis.given(secret=SECRETS)
    @hypothesis.example(secret='ab"cd')
    @hypothesis.example(secret="a'\"\\")
    def test_a_secret_that_only_its_name_tells_is_hidden(self, secret):
        in_base64 = base64.b64encode(b"bob:" + secret.encode()).decode()
        encoded = urllib.parse.quote(secret, safe="")
        for text, shown in (
            (repr({"password": secret}), "{*: '***'}"),
            (json.dumps({"password": secret}), '{*: "***"}'),
            (json.dumps(json.dumps({"password": secret})), '"{*: \\"***\\"}"'),
            ("http://bob:%s@h" % encoded, "http://***@h"),
            ("Authorization: Basic " + in_base64, "Authorization: ***"),
        ):
            actual = masking.masked_text(text)
            for name in (r'\"password\"', '"password"', "'password'"):
                actual = actual.replace(name, "*")
            self.assertEqual(
                shown.replace('"', "'"), actual.replace('"', "'")
            )

    def test_a_password_that_is_a_name_leaves_sentences_readable(self):
        spec = {"username": "admin", "password": "admin"}
        self.assertEqual(set(), masking.secrets_of(spec))

    def test_too_short_a_password_is_any_part_of_a_word(self):
        self.assertEqual(set(), masking.secrets_of({"password": "abc"}))
