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

"""What can go wrong with a request."""

from __future__ import annotations

import json
import typing as t

from rally import exceptions
from rally.common import masking

#: characters of an answer that an error shows
SHOWN_CHARS = 200
#: and of an address
_URL_CHARS = 500


class HttpError(exceptions.RallyException):
    """What to do: try the same request with `curl` from the host that made it.
    """

    error_code = 233
    msg_fmt = "%(method)s %(url)s: %(reason)s"


class HttpCheckFailed(exceptions.RallyException):
    """What to do: look at what the service answered; correct the checks of the
    scenario if that is right.
    """

    error_code = 234
    msg_fmt = "%(method)s %(url)s: %(reason)s"


class HttpArgumentError(exceptions.RallyException):
    """What to do: correct `args` of the workload."""

    error_code = 235
    msg_fmt = "This HTTP request cannot be made: %(reason)s"


def shown(url: str) -> str:
    """*url*, cut, without its secrets: who reads a report must not see them.
    """
    return masking.masked_text(url[:_URL_CHARS])


def cut_json(value: t.Any, limit: int = SHOWN_CHARS) -> str:
    """*value* as JSON, in which 7 is not ``"7"``; cut like a text."""
    text = json.dumps(value, ensure_ascii=False)
    if len(text) <= limit:
        return text
    return "%s... (%d in all)" % (text[:limit], len(text))


def cut(text: str | bytes, limit: int = SHOWN_CHARS) -> str:
    """*text* in quotes, and how much more there is beyond *limit*."""
    head = text[: limit + 1]
    if isinstance(head, bytes):
        head = head.decode("utf-8", "replace")
    if len(text) <= limit:
        return repr(head)
    return "%r... (%d in all)" % (head[:limit], len(text))
