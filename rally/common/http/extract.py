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

"""Takes values out of answers, for the requests that follow."""

from __future__ import annotations

import typing as t

from rally.common.http import checks, errors, json_path

if t.TYPE_CHECKING:
    from rally.common.http import arguments, response

#: gives the value, or None if an answer has none
Extractor: t.TypeAlias = "t.Callable[[response.Response], t.Any]"

KINDS = ("json", "regex", "header", "cookie")


def extractor(source: arguments.Source) -> Extractor:
    """What takes a value from where *source* says.

    :raises HttpArgumentError: it does not say exactly one place
    """
    if len(source) != 1:
        raise errors.HttpArgumentError(
            reason="a value is extracted from exactly one of %s"
            % ", ".join(KINDS)
        )
    (kind, where), = source.items()
    return _MAKERS[kind](t.cast(str, where))


def _of_json(path: str) -> Extractor:
    steps = json_path.parse(path)

    def extract(answer: response.Response) -> t.Any:
        try:
            return json_path.follow(answer.json(), steps)
        except (json_path.NotThere, ValueError):
            return None

    return extract


def _of_regex(text: str) -> Extractor:
    pattern = checks.pattern_of(text)
    group = 1 if pattern.groups else 0

    def extract(answer: response.Response) -> t.Any:
        found = pattern.search(answer.text())
        return found and found[group]

    return extract


def _of_header(name: str) -> Extractor:
    return lambda answer: answer.headers.get(name)


def _of_cookie(name: str) -> Extractor:
    return lambda answer: answer.cookies.get(name)


_MAKERS: t.Mapping[str, t.Callable[[str], Extractor]] = {
    "json": _of_json, "regex": _of_regex, "header": _of_header,
    "cookie": _of_cookie,
}
