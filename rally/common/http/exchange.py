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

"""A request of a task file with all that is done with its answer."""

from __future__ import annotations

import typing as t

from rally.common.http import (
    arguments,
    checks,
    errors,
    extract,
    request,
    template,
)

if t.TYPE_CHECKING:
    from rally.common.http import handle as handle_module
    from rally.common.http import response

DEFAULT_NAME = "http.request"


class Exchange:
    """One request and its checks; makes itself on any handle."""

    def __init__(
        self, given: arguments.Request, name: str | None = None
    ) -> None:
        """:param name: of the atomic action, if *given* has none

        :raises HttpArgumentError: something is wrong with *given*
        """
        expected = given.get("expect", {})
        self.name = given.get("name") or name or DEFAULT_NAME
        self.has_phases = given.get("phases", False)
        self._prepared = request.prepare(
            given.get("method", "GET"), given["url"],
            t.cast(arguments.Options, {
                key: value for key, value in given.items()
                if key not in arguments.OWN_KEYS
            }),
            is_template=given.get("templates", True),
        )
        self._accepted = checks.accepted_statuses(expected.get("status"))
        self._checks = checks.checks_of(expected)
        self._extractors = [
            (name, extract.extractor(source), source)
            for name, source in given.get("extract", {}).items()
        ]
        self._keeps = bool(self._checks or self._extractors)

    def make(
        self, handle: handle_module.Handle, values: dict[str, t.Any]
    ) -> None:
        """Make the request, look at the answer, add to *values*.

        :raises HttpError: there is no answer
        :raises HttpCheckFailed: it is not what is expected
        """
        status = handle.perform(self._prepared, values, self._keeps)
        if self._keeps:
            self._judge(handle.response(self._prepared), values)
        elif status not in self._accepted:
            raise self._failed(
                handle.url, checks.wrong_status(self._accepted, status)
            )

    def _judge(
        self, answer: response.Response, values: dict[str, t.Any]
    ) -> None:
        if answer.status not in self._accepted:
            raise self._failed(answer.url, "%s; its body is %s" % (
                checks.wrong_status(self._accepted, answer.status),
                errors.cut(answer.body),
            ))
        for check in self._checks:
            problem = check(answer)
            if problem:
                raise self._failed(answer.url, problem)
        for name, extractor, source in self._extractors:
            value = extractor(answer)
            if value is None:
                (kind, where), = source.items()
                raise self._failed(
                    answer.url, "the answer has no value for {%s} at %s %r; "
                    "its body is %s"
                    % (name, kind, where, errors.cut(answer.body))
                )
            values[name] = value

    def _failed(self, url: str, reason: str) -> errors.HttpCheckFailed:
        return errors.HttpCheckFailed(
            method=self._prepared.method, url=errors.shown(url),
            reason=reason,
        )


def names_of(given: t.Sequence[arguments.Request]) -> list[str]:
    """Names of the atomic actions: of several, those without are numbered.
    """
    if len(given) == 1:
        return [given[0].get("name") or DEFAULT_NAME]
    return [
        one.get("name") or "%s.%d" % (DEFAULT_NAME, number)
        for number, one in enumerate(given, 1)
    ]


def unknown_names(given: t.Sequence[arguments.Request]) -> set[str]:
    """Places for values that nothing before them gives.

    Columns of data and what an iteration knows of itself have a dot.
    """
    known: set[str] = set()
    unknown: set[str] = set()
    for one in given:
        if one.get("templates", True):
            options = {
                key: value for key, value in one.items()
                if key not in arguments.OWN_KEYS or key == "url"
            }
            names = template.names_in(options)
            unknown |= {
                name for name in names - known
                if not name.startswith("data.") and name != "iteration"
            }
        known |= set(one.get("extract", ()))
    return unknown
