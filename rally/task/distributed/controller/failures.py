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

"""How a distributed run can fail as a whole."""

from __future__ import annotations

import typing as t

from rally import exceptions

#: rows of a table, and lines of output for each of the first
MAX_ROWS, MAX_TAILS, TAIL_LINES = 20, 5, 5


class NotEnoughAgents(exceptions.RallyException):
    error_code = 245
    msg_fmt = (
        "%(wanted)s asked for, but only %(count)d came within "
        "%(wait_s)g s (%(came)s)%(rejected)s. No load was generated. Start "
        "the missing ones with `rally agent start --controller %(address)s "
        "--key FILE`, look at who is dialing in with `rally agent list "
        "--wait 5`, or ask for fewer `agents` in the task file."
    )


class AgentsDidNotCome(exceptions.RallyException):
    error_code = 206
    msg_fmt = (
        "%(count)d of %(agents)s came that provider %(provider)s was to "
        "start, so no load was generated.%(pending)s%(table)sFix what is "
        "named, raise `wait` if they need more than %(wait_s)g s, or ask for "
        "fewer of them in the task file."
    )


class AgentCannotRun(exceptions.RallyException):
    error_code = 246
    msg_fmt = (
        "Agent %(agent)s cannot take part in the run: %(reason)s. No load "
        "was generated. Fix this on the agent's host, then start the task "
        "again."
    )


class AgentLost(exceptions.RallyException):
    error_code = 247
    msg_fmt = (
        "Agent %(agent)s was lost: %(reason)s. The run was stopped because "
        "%(cause)s; what the other agents delivered is stored. Look at the "
        "agent's log for the cause, then start the task again."
    )


class RunStopped(exceptions.RallyException):
    error_code = 145
    msg_fmt = (
        "The run was stopped because agent %(agent)s cannot go on: "
        "%(reason)s What was delivered before is stored. Fix this on the "
        "agent's host, then start the task again."
    )


class PluginsDiffer(exceptions.RallyException):
    error_code = 208
    msg_fmt = (
        "Plugins of this workload differ between this host and some agents, "
        "so these would run something else. No load was "
        "generated.%(table)s\nTo go on, %(hint)s; then start the task again."
    )


def table(rows: t.Sequence[tuple[str, str, str]]) -> str:
    """Which agents failed, why, and the end of what they printed.

    It is part of an error: with hundreds of agents, the first ones do.
    """
    if not rows:
        return " "
    width = max(len(agent) for agent, _, _ in rows[:MAX_ROWS])
    lines = ["", ""]
    for i, (agent, reason, tail) in enumerate(rows[:MAX_ROWS]):
        lines.append("  %s  %s" % (agent.ljust(width), reason))
        if i < MAX_TAILS:
            last = tail.strip().splitlines()[-TAIL_LINES:]
            lines += ["  %s  | %s" % (" " * width, each) for each in last]
    if len(rows) > MAX_ROWS:
        lines.append("  and %d more" % (len(rows) - MAX_ROWS))
    return "\n".join([*lines, "", ""])
