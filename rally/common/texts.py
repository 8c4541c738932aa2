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

"""Texts in columns of their own: how long they may be, the same everywhere.

SQLite takes a text of any length, a server refuses it, in mid-run if nobody
has looked before. So each is checked against these, whatever the database is.
"""

from __future__ import annotations

import typing as t

from rally.common import utf8

#: names, titles, tags: characters
NAME = 255
#: of what is too long, so much is shown
_SHOWN = 40

#: what a text is, the text, and how many characters it may have
Found: t.TypeAlias = tuple[str, str | None, int | None]


def problem_in(found: t.Iterable[Found]) -> str:
    """What cannot be stored of several texts, the first of it."""
    problems = (
        problem_of(what, text or "", limit) for what, text, limit in found
    )
    return next(filter(None, problems), "")


def problem_of(what: str, text: str, limit: int | None = NAME) -> str:
    """Why *text* cannot be stored, as a clause; empty if it can.

    :param what: what it is, the clause begins with it
    :param limit: how many characters there may be; None: any number
    """
    if limit is not None and len(text) > limit:
        return "%s has %d characters, but may have %d: '%s...'" % (
            what, len(text), limit, utf8.text_of(text[:_SHOWN])
        )
    if "\0" in text:
        return "%s has a null character, which databases refuse" % what
    if not utf8.is_carried(text):
        return "%s has half of a character (a lone surrogate)" % what
    return ""
