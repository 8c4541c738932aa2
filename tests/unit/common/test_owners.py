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

"""Whether the process that runs a task still lives."""

from __future__ import annotations

import datetime as dt
import os
import socket
import subprocess
import sys

from rally.common import owners
from tests.unit import test


def task(owner: str | None, age_s: float = 0.0) -> dict[str, object]:
    now = dt.datetime.now(dt.timezone.utc).replace(tzinfo=None)
    return {
        "owner": owner,
        "created_at": now - dt.timedelta(seconds=age_s),
    }


class IsGoneTestCase(test.TestCase):
    def owner(self, pid: int, host: str | None = None) -> str:
        return "%s:%d" % (host or socket.gethostname(), pid)

    def ended_process(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen([sys.executable, "-c", ""])
        self.addCleanup(process.wait)
        return process

    def test_this_process_is_there(self):
        self.assertFalse(owners.is_gone(task(owners.own_name())))

    def test_an_ended_process_is_gone(self):
        process = self.ended_process()
        process.wait()
        self.assertTrue(owners.is_gone(task(self.owner(process.pid))))

    def test_a_process_that_nobody_has_waited_for_is_gone(self):
        process = self.ended_process()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        self.assertTrue(owners.is_gone(task(self.owner(process.pid))))

    def test_a_process_younger_than_the_task_only_has_its_number(self):
        an_hour_s = 3600.0 * 24 * 365 * 30
        old = task(self.owner(os.getpid()), age_s=an_hour_s)
        self.assertTrue(owners.is_gone(old))

    def test_of_another_host_nothing_is_known(self):
        self.assertFalse(owners.is_gone(task(self.owner(1, "elsewhere"))))

    def test_a_task_without_owner_is_not_judged(self):
        self.assertFalse(owners.is_gone(task(None)))
        self.assertFalse(owners.is_gone(task("")))
        self.assertFalse(owners.is_gone({}))

    def test_times_may_be_text(self):
        text = dict(task(owners.own_name()))
        text["created_at"] = dt.datetime.now(dt.timezone.utc).strftime(
            "%Y-%m-%dT%H:%M:%S"
        )
        self.assertFalse(owners.is_gone(text))
