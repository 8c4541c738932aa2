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

"""What an answer has to be, made ready once for many answers."""

from __future__ import annotations

import re
import typing as t

from rally.common.counting import counted
from rally.common.http import errors, json_path

if t.TYPE_CHECKING:
    from rally.common.http import arguments, response

#: says what is wrong with an answer, or nothing
Check: t.TypeAlias = "t.Callable[[response.Response], str | None]"

_RANGE = re.compile(r"[1-5]xx", re.I)


def accepted_statuses(
    expected: arguments.Status | list[arguments.Status] | None,
) -> frozenset[int]:
    """Every status that is all right.

    :raises HttpArgumentError: one is neither a number nor a range
    """
    if expected is None:
        return frozenset(range(100, 400))
    found: set[int] = set()
    for item in expected if isinstance(expected, list) else [expected]:
        if isinstance(item, str) and _RANGE.fullmatch(item):
            found.update(range(int(item[0]) * 100, int(item[0]) * 100 + 100))
        elif str(item).isdigit() and 100 <= int(item) <= 599:
            found.add(int(item))
        else:
            raise errors.HttpArgumentError(
                reason="%r is no status: write a number from 100 to 599, or "
                'a range such as "2xx"' % item
            )
    return frozenset(found)


def wrong_status(accepted: frozenset[int], status: int) -> str:
    """A sentence on a status that is not among the *accepted*."""
    names: list[str] = []
    for hundred in range(100, 600, 100):
        among = [s for s in range(hundred, hundred + 100) if s in accepted]
        names += (
            ["%dxx" % (hundred // 100)] if len(among) == 100
            else map(str, among)
        )
    return "the answer has status %d, not %s" % (status, " or ".join(names))


def checks_of(expected: arguments.Expectation) -> list[Check]:
    """All but the one of the status.

    :raises HttpArgumentError: one cannot be made
    """
    made: list[Check] = []
    for name, rule in expected.get("headers", {}).items():
        if isinstance(rule, str):
            rule = {"equals": rule}
        made += _header_checks(name, rule)
    made += map(_contains, _listed(expected.get("text")))
    made += map(_finds, _listed(expected.get("regex")))
    if "json" in expected:
        made.append(_json_check(expected["json"]))
    if "size" in expected:
        made.append(_size_check(expected["size"]))
    return made


def pattern_of(text: str) -> re.Pattern[str]:
    """:raises HttpArgumentError: *text* is no regular expression"""
    try:
        return re.compile(text)
    except re.error as e:
        raise errors.HttpArgumentError(
            reason="%r is no regular expression: %s" % (text, e)
        ) from None


def _listed(value: str | list[str] | None) -> list[str]:
    return [value] if isinstance(value, str) else value or []


def _header_checks(
    name: str, rule: arguments.HeaderCheck
) -> t.Iterator[Check]:
    def is_there(answer: response.Response) -> str | None:
        if (name in answer.headers) is rule["present"]:
            return None
        word = "no" if rule["present"] else "a"
        return "the answer has %s header %s" % (word, name)

    def is_equal(answer: response.Response) -> str | None:
        value = answer.headers.get(name)
        if value == rule["equals"]:
            return None
        return "header %s is %s, not %r" % (
            name, _shown(value), rule["equals"]
        )

    if "present" in rule:
        yield is_there
    if "equals" in rule:
        yield is_equal
    if "matches" in rule:
        pattern = pattern_of(rule["matches"])

        def is_match(answer: response.Response) -> str | None:
            value = answer.headers.get(name)
            if value is not None and pattern.search(value):
                return None
            return "header %s is %s, which does not match %r" % (
                name, _shown(value), pattern.pattern
            )

        yield is_match


def _shown(value: str | None) -> str:
    return "missing" if value is None else errors.cut(value)


def _contains(text: str) -> Check:
    def check(answer: response.Response) -> str | None:
        body = answer.text()
        if text in body:
            return None
        return "the body does not contain %s but is %s" % (
            errors.cut(text), errors.cut(body)
        )

    return check


def _finds(text: str) -> Check:
    pattern = pattern_of(text)

    def check(answer: response.Response) -> str | None:
        body = answer.text()
        if pattern.search(body):
            return None
        return "nothing in the body matches %r; it is %s" % (
            text, errors.cut(body)
        )

    return check


def _json_check(expected: t.Mapping[str, t.Any]) -> Check:
    rules = [
        (path, json_path.parse(path), value)
        for path, value in expected.items()
    ]

    def check(answer: response.Response) -> str | None:
        try:
            document = answer.json()
        except ValueError:
            return "the body is not JSON but %s" % errors.cut(answer.body)
        for path, steps, value in rules:
            try:
                found = json_path.follow(document, steps)
            except json_path.NotThere:
                return "there is nothing at %s of the body %s" % (
                    path, errors.cut(answer.body)
                )
            # to Python 1 and True are equal
            if found != value or isinstance(found, bool) is not isinstance(
                value, bool
            ):
                return "%s of the body is %s, not %s" % (
                    path, errors.cut_json(found), errors.cut_json(value)
                )
        return None

    return check


def _size_check(rule: arguments.SizeCheck) -> Check:
    least, most = rule.get("min", 0), rule.get("max")

    def check(answer: response.Response) -> str | None:
        size = len(answer.body)
        if size < least:
            return "the body has %s, less than %d" % (
                counted(size, "byte"), least
            )
        if most is not None and size > most:
            return "the body has %s, more than %d" % (
                counted(size, "byte"), most
            )
        return None

    return check
