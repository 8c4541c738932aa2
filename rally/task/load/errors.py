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

"""What ends a load, or keeps it from beginning."""

from __future__ import annotations

from rally import exceptions


class NotDistributable(exceptions.RallyException):
    error_code = 140
    msg_fmt = (
        "Runner '%(runner)s' cannot be distributed: it does not say how its "
        "load is split among agents, and guessing would change the load. Use "
        "one of Rally's own runners, or implement in %(cls)s the class "
        "methods `load_plan(config)` and `split_config(config, parts)`."
    )


class NotWeighable(exceptions.RallyException):
    error_code = 155
    msg_fmt = (
        "Runner '%(runner)s' cannot share its load out by weights: it does "
        "not say how, and guessing would change the load. Leave `weights` "
        "out, or implement in %(cls)s the class method `weigh_config(config, "
        "weights)`."
    )


class WorkersKeepDying(exceptions.RallyException):
    """What to do: look for the signal or exit status in the message: a process
    that needs too much memory is killed (see `dmesg`), and a library that
    crashes takes its process along.
    """

    error_code = 141
    msg_fmt = (
        "The load was stopped because its worker processes keep dying: "
        "%(problem)s"
    )


class JudgingFailed(exceptions.RallyException):
    error_code = 142
    msg_fmt = (
        "The load was stopped because collecting its results failed with "
        "%(type)s: %(message)s. A verdict on the rest would be worthless. "
        "Most likely a criterion of the SLA raised this: look at the "
        "traceback, and fix that plugin or take the criterion out of the "
        "task.\n%(trace)s"
    )


class CoroutineNotAwaited(exceptions.RallyException):
    error_code = 139
    msg_fmt = (
        "The scenario returned the coroutine %(name)s, which nobody awaits, "
        "so the iteration did none of its work. Write its method as `async "
        "def run` (a decorator around it has to be `async` too), or let it "
        "return nothing."
    )
