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

"""Text that UTF-8 can carry, and JSON that holds such text only.

A name of a file in another encoding reaches Python as text with *lone
surrogates*: halves of characters, which no file, message or report can hold.
They are shown as the escapes that they are.
"""

from __future__ import annotations

import re
import typing as t

#: in JSON of ASCII: an escaped backslash, a whole character, or half of one
_ESCAPE = re.compile(
    r"\\\\|\\u[dD][89abAB]\w\w\\u[dD][c-fC-F]\w\w|\\(u[dD][89a-fA-F]\w\w)"
)


def is_carried(text: str) -> bool:
    """Whether *text* holds whole characters only."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def text_of(value: t.Any) -> str:
    r"""*value* as text, with lone surrogates escaped: ``\udcff``."""
    text = value if isinstance(value, str) else str(value)
    if is_carried(text):
        return text
    return text.encode("utf-8", "backslashreplace").decode()


def json_of(text: str) -> str:
    """JSON in ASCII with its lone surrogates escaped as ``text_of`` does it.
    """
    if "\\ud" not in text and "\\uD" not in text:
        return text
    return _ESCAPE.sub(
        lambda found: "\\\\" + found[1] if found[1] else found[0], text
    )
