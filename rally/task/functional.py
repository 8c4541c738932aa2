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

"""Assertions for scenarios and contexts.

They raise ``RallyAssertionError``, so that a report tells a wrong answer of
the tested cloud from an error of the plugin.
"""

from __future__ import annotations

import operator
import typing as t

from rally import exceptions

_Predicate: t.TypeAlias = t.Callable[..., t.Any]


def _fail_unless(
    self: FunctionalMixin, holds: t.Any, err_msg: str | None, template: str,
    *values: t.Any,
) -> None:
    # the text is made only on failure: values may be large
    if not holds:
        raise exceptions.RallyAssertionError(
            self._concatenate_message(template % values, err_msg)
        )


def _of_one(predicate: _Predicate, template: str) -> t.Callable[..., None]:
    def check(
        self: FunctionalMixin, value: t.Any, err_msg: str | None = None
    ) -> None:
        _fail_unless(self, predicate(value), err_msg, template, value)

    return check


def _of_two(predicate: _Predicate, template: str) -> t.Callable[..., None]:
    def check(
        self: FunctionalMixin, first: t.Any, second: t.Any,
        err_msg: str | None = None,
    ) -> None:
        holds = predicate(first, second)
        _fail_unless(self, holds, err_msg, template, first, second)

    return check


def _of_member(predicate: _Predicate, template: str) -> t.Callable[..., None]:
    def check(
        self: FunctionalMixin, member: t.Any, container: t.Any,
        err_msg: str | None = None,
    ) -> None:
        holds = predicate(member, container)
        _fail_unless(self, holds, err_msg, template, member, container)

    return check


def _is_subset(member: t.Any, container: t.Any) -> bool:
    return all(item in container for item in member)


class FunctionalMixin:
    """Assertions in the manner of ``unittest``, each with an ``err_msg``."""

    def _concatenate_message(self, default: str, extended: str | None) -> str:
        if not extended:
            return default
        return f"{default}. {extended[0].upper()}{extended[1:]}"

    assertTrue = _of_one(bool, "%s is not True")
    assertFalse = _of_one(operator.not_, "%s is not False")
    assertIsNone = _of_one(lambda value: value is None, "%s is not None")
    assertIsNotNone = _of_one(lambda value: value is not None, "%s is None")
    assertEqual = _of_two(operator.eq, "%s != %s")
    assertNotEqual = _of_two(operator.ne, "%s == %s")
    assertIs = _of_two(operator.is_, "%s is not %s")
    assertIsNot = _of_two(operator.is_not, "%s is %s")
    assertLess = _of_two(operator.lt, "%s is greater or equal to %s")
    assertLessEqual = _of_two(operator.le, "%s is greater than %s")
    assertGreater = _of_two(operator.gt, "%s is less or equal to %s")
    assertGreaterEqual = _of_two(operator.ge, "%s is less than %s")
    assertIsInstance = _of_two(isinstance, "%s is not instance of %s")
    assertIsNotInstance = _of_two(
        lambda first, second: not isinstance(first, second),
        "%s is instance of %s",
    )
    assertIn = _of_member(lambda x, y: x in y, "%s not found in %s")
    assertNotIn = _of_member(lambda x, y: x not in y, "%s found in %s")
    assertIsSubset = _of_member(_is_subset, "%s not found in %s")
    assertIsNotSubset = _of_member(
        lambda member, container: not _is_subset(member, container),
        "%s found in %s",
    )
