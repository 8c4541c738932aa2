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

"""Tests of putting options into the text of a configuration file."""

from __future__ import annotations

import configparser

import hypothesis
from hypothesis import strategies as st

from rally.verification import ini_text
from tests.unit import test

WITH_COMMENTS = """\
# what this is for
[DEFAULT]
debug = false  ; not a comment

[auth]
# the password of the admin
password = one
  two
Password = other
;user = nobody

[empty]
bare
"""

names = st.text("abcXYZ_-.", min_size=1, max_size=6)
values = st.one_of(
    st.integers(), st.booleans(), st.none(),
    st.text("ab %$\u00e9=:#;[]", max_size=8).map(str.strip),
)
options = st.dictionaries(
    names, st.dictionaries(names, values, min_size=1), max_size=4
)


def parse(text: str) -> dict[str, dict[str, str]]:
    conf = configparser.RawConfigParser(allow_no_value=True)
    conf.optionxform = str  # type: ignore[assignment,method-assign]
    conf.read_string(text)
    return {name: dict(conf.items(name)) for name in conf.sections()}


class WithOptionsTestCase(test.TestCase):
    def test_comments_stay_and_options_stand_where_they_stood(self):
        self.assertEqual(
            WITH_COMMENTS.replace("one\n  two", "50%").replace(
                ";user = nobody\n", ";user = nobody\nuser = 7\n"
            ).replace("bare\n", "bare =\nca =\n\n[new]\nx = True\n"),
            ini_text.with_options(WITH_COMMENTS, {
                "auth": {"password": "50%", "user": 7},
                "empty": {"bare": "", "ca": None},
                "new": {"x": True},
            }),
        )

    def test_a_value_of_several_lines(self):
        text = ini_text.with_options("", {"a": {"b": "one\ntwo"}})
        self.assertEqual({"a": {"b": "one\ntwo"}}, parse(text))

    @hypothesis.given(options, options)
    def test_what_is_put_in_is_there_and_the_rest_is_as_before(
        self, first, second
    ):
        expected: dict[str, dict[str, str]] = {}
        for given in (first, second):
            for section, pairs in given.items():
                for name, value in pairs.items():
                    expected.setdefault(section, {})[name] = (
                        "" if value is None else str(value)
                    )
        text = ini_text.with_options(
            ini_text.with_options("", first), second
        )
        self.assertEqual(expected, parse(text))
