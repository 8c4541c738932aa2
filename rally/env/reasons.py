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


"""Why a platform cannot be used, in a sentence and in a paragraph.

Platform plugins answer with whatever their libraries raised: chains of
exceptions, dumps of credentials, reasons wrapped in reasons. A person needs
the innermost reason, and what to do about it.
"""

from __future__ import annotations

import re
import typing as t

from rally.common import masking

#: how Rally says that a plugin raised something
_BROKEN = "method is broken"
#: a dump of data has no place in a sentence
_DUMP = re.compile(
    r"(\n\s*[{\[]|\{\s*['\"}]|Traceback \(most recent).*\Z", re.DOTALL
)
#: "HTTPConnectionPool(...): Max retries exceeded with url: /v3 (Caused by"
_RETRIES = re.compile(
    r"\w*ConnectionPool\(.*?\): Max retries exceeded with url: \S* "
)
_CAUSED_BY = re.compile(r"\(?Caused by .*?(?:\"(.*)\"|'(.*)')[)\s]*\Z")
#: "<urllib3.connection.HTTPConnection object at 0x7f>: ", in either form
_OBJECT = re.compile(r"(<[\w.]+ object at 0x\w+>|\w+Connection\(.*?\)): ")
_SOURCE = re.compile(r"\s*\(_ssl\.c:\d+\)")
_CLASS = re.compile(r"[A-Za-z_][\w.]*")

#: what the reason tells of what to do; the first that matches counts
_ADVICE: t.Sequence[tuple[re.Pattern[str], str]] = (
    (
        re.compile(r"not implemented|%s" % _BROKEN),
        "The plugin of the platform is at fault: tell its authors",
    ),
    (
        re.compile(r"certificate", re.IGNORECASE),
        "Name, in the specification, the file with the certificate of the "
        "authority that signed this one, or make this host trust that "
        "authority; check that the address has the host name for which the "
        "certificate was issued",
    ),
    (
        re.compile(
            r"BadStatusLine|wrong.version|Connection aborted|reset by peer"
            r"|Could not (find|determine)|HTTP 404|JSON", re.IGNORECASE,
        ),
        "Check the address and the port in the specification: what answers "
        "there does not speak the protocol of the platform",
    ),
    (
        re.compile(
            r"establish.*connection|refused|timed out|unreachable|resolve"
            r"|Name or service|No route", re.IGNORECASE,
        ),
        "Check that the platform runs, and that its address in the "
        "specification is right and can be reached from this host",
    ),
    (
        re.compile(
            r"authenti|unauthori|forbidden|HTTP 40[13]|credential"
            r"|permission|admin role", re.IGNORECASE,
        ),
        "Check the user, the password, the project and the domains in the "
        "specification, and whether the account is enabled and has the "
        "roles it needs",
    ),
)
_ANY_ADVICE = "Check the specification against the platform"


def in_answer(answer: t.Mapping[str, t.Any]) -> str:
    """The reason that the answer of a plugin gives, as one line.

    A message that dumps data gives none; then it is in the traceback.
    """
    message = str(answer.get("message") or answer.get("error") or "").strip()
    if message.endswith(_BROKEN) and answer.get("traceback"):
        return in_traceback(str(answer["traceback"]))
    said = _DUMP.sub("", message).strip()
    if said and said == message:
        return tidied(said)
    found = in_traceback(str(answer.get("traceback") or ""))
    lead = said.rstrip(":. ")
    if not found:
        return tidied(lead) or "its plugin gives no reason"
    return "%s: %s" % (tidied(lead), found) if lead else found


def in_traceback(text: str) -> str:
    """What the last exception of a traceback says, as one line."""
    lines = text.strip().splitlines()
    frames = [i for i, line in enumerate(lines) if line.startswith("  ")]
    if frames:
        lines = lines[frames[-1] + 1:]
    if not lines:
        return ""
    name, colon, said = "\n".join(lines).partition(": ")
    if not _CLASS.fullmatch(name):
        return tidied("\n".join(lines))
    short = name.rpartition(".")[2]
    said = tidied(said)
    if not colon or not said:
        return short
    # "KeyError: 'users'" is nothing without its class
    return said if " " in said else "%s: %s" % (short, said)


def of_exception(error: BaseException) -> str:
    """What an exception says, as one line."""
    name, said = type(error).__name__, tidied(str(error))
    if not said:
        return name
    return said if " " in said else "%s: %s" % (name, said)


def tidied(text: str) -> str:
    """The first paragraph of *text* as one line, without libraries' noise.

    :returns: it, without a full stop at its end
    """
    line = " ".join(text.strip().partition("\n\n")[0].split())
    line = _RETRIES.sub("", line)
    found = _CAUSED_BY.search(line)
    if found:
        line = line[: found.start()] + (found[1] or found[2])
    return _SOURCE.sub("", _OBJECT.sub("", line)).rstrip(". ")


def paragraph(platform: str, env: str, reason: str) -> str:
    """What is wrong with a platform, why it matters and what to do.

    :param platform: its name, without that of the plugin
    :param env: name of its environment
    :param reason: see ``in_answer``
    """
    advice = next(
        (text for pattern, text in _ADVICE if pattern.search(reason)),
        _ANY_ADVICE,
    )
    return (
        "Platform %s of environment %s cannot be used: %s. Until that is "
        "fixed, no task can run on it. %s. `rally env show %s` shows the "
        "specification; it cannot be changed, so if it is wrong, create "
        "another environment with `rally env create`."
        % (platform, env, masking.masked_text(reason.rstrip(".")), advice,
           env)
    )
