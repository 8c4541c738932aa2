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

import typing as t

from rally import exceptions


class FunctionalMixin:
    """Assertions in the manner of ``unittest``."""

    def _concatenate_message(self, default: str, extended: str | None) -> str:
        if not extended:
            return default
        return f"{default}. {extended[0].upper()}{extended[1:]}"

    def _check(
        self,
        holds: bool,
        err_msg: str | None,
        template: str,
        *values: t.Any,
    ) -> None:
        # the text is made only on failure: values may be large
        if not holds:
            raise exceptions.RallyAssertionError(
                self._concatenate_message(template % values, err_msg)
            )

    def assertEqual(
        self, first: t.Any, second: t.Any, err_msg: str | None = None
    ) -> None:
        self._check(first == second, err_msg, "%s != %s", first, second)

    def assertNotEqual(
        self, first: t.Any, second: t.Any, err_msg: str | None = None
    ) -> None:
        self._check(first != second, err_msg, "%s == %s", first, second)

    def assertTrue(self, value: t.Any, err_msg: str | None = None) -> None:
        self._check(bool(value), err_msg, "%s is not True", value)

    def assertFalse(self, value: t.Any, err_msg: str | None = None) -> None:
        self._check(not value, err_msg, "%s is not False", value)

    def assertIs(
        self, first: t.Any, second: t.Any, err_msg: str | None = None
    ) -> None:
        self._check(first is second, err_msg, "%s is not %s", first, second)

    def assertIsNot(
        self, first: t.Any, second: t.Any, err_msg: str | None = None
    ) -> None:
        self._check(first is not second, err_msg, "%s is %s", first, second)

    def assertIsNone(self, value: t.Any, err_msg: str | None = None) -> None:
        self._check(value is None, err_msg, "%s is not None", value)

    def assertIsNotNone(
        self, value: t.Any, err_msg: str | None = None
    ) -> None:
        self._check(value is not None, err_msg, "%s is None", value)

    def assertIn(
        self, member: t.Any, container: t.Any, err_msg: str | None = None
    ) -> None:
        self._check(
            member in container,
            err_msg,
            "%s not found in %s",
            member,
            container,
        )

    def assertNotIn(
        self, member: t.Any, container: t.Any, err_msg: str | None = None
    ) -> None:
        self._check(
            member not in container,
            err_msg,
            "%s found in %s",
            member,
            container,
        )

    def assertIsInstance(
        self, first: t.Any, second: t.Any, err_msg: str | None = None
    ) -> None:
        self._check(
            isinstance(first, second),
            err_msg,
            "%s is not instance of %s",
            first,
            second,
        )

    def assertIsSubset(
        self, member: t.Any, container: t.Any, err_msg: str | None = None
    ) -> None:
        """Every item of *member* is in *container*."""
        holds = all(item in container for item in member)
        self._check(holds, err_msg, "%s not found in %s", member, container)

    def assertIsNotSubset(
        self, member: t.Any, container: t.Any, err_msg: str | None = None
    ) -> None:
        """Some item of *member* is not in *container*."""
        holds = not all(item in container for item in member)
        self._check(holds, err_msg, "%s found in %s", member, container)

    def assertIsNotInstance(
        self, first: t.Any, second: t.Any, err_msg: str | None = None
    ) -> None:
        self._check(
            not isinstance(first, second),
            err_msg,
            "%s is instance of %s",
            first,
            second,
        )

    def assertLessEqual(
        self, first: t.Any, second: t.Any, err_msg: str | None = None
    ) -> None:
        self._check(
            first <= second, err_msg, "%s is greater than %s", first, second
        )

    def assertLess(
        self, first: t.Any, second: t.Any, err_msg: str | None = None
    ) -> None:
        self._check(
            first < second,
            err_msg,
            "%s is greater or equal to %s",
            first,
            second,
        )

    def assertGreaterEqual(
        self, first: t.Any, second: t.Any, err_msg: str | None = None
    ) -> None:
        self._check(
            first >= second, err_msg, "%s is less than %s", first, second
        )

    def assertGreater(
        self, first: t.Any, second: t.Any, err_msg: str | None = None
    ) -> None:
        self._check(
            first > second, err_msg, "%s is less or equal to %s", first, second
        )
