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

"""A scenario that does to its process what a scenario should not do."""

from __future__ import annotations

import ctypes
import os
import re
import resource
import signal
import sys
import time
import typing as t

from rally.task import scenario

#: 50 of these on each of two streams
BLOCK = (b"x" * 99 + b"\n") * 10_000


def note(path: str, number: int) -> None:
    """Append a line; several processes may do so at once."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        line = "%d %.6f %d\n" % (number, time.monotonic(), os.getpid())
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


def kill_worker() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def kill_load_process() -> None:
    """The parent of a worker is the load process."""
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(30)


def segfault() -> None:
    ctypes.string_at(0)


def exit_at_once() -> None:
    os._exit(3)


def exceed_memory() -> None:
    """As if there were a limit; the rest of the process must live with it.
    """
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    limit = used + (64 << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    bytearray(1 << 30)


def raise_exit() -> None:
    raise SystemExit(0)


def raise_interrupt() -> None:
    raise KeyboardInterrupt


def fork() -> None:
    """Come back twice."""
    os.fork()


def fork_and_raise() -> None:
    """The child ends itself as a script would, and its parent waits."""
    pid = os.fork()
    if not pid:
        sys.exit(7)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status != 7:
        raise ValueError("the child ended with %d" % status)


def leave_daemon() -> None:
    """Leave a process behind that keeps all descriptors open."""
    if not os.fork():
        os.setsid()
        time.sleep(600)
        os._exit(0)


def leave_daemon_and_kill_load_process() -> None:
    leave_daemon()
    kill_load_process()


def print_much() -> None:
    """100 MB, and a last line."""
    for _ in range(50):
        os.write(1, BLOCK)
        os.write(2, BLOCK)
    print("this was the last line", flush=True)


def print_much_and_kill_load_process() -> None:
    print_much()
    kill_load_process()


def block() -> None:
    """Wait in a call that lets other threads run."""
    time.sleep(60)


def hang() -> None:
    """Wait in a call that lets no other thread run."""
    re.match(r"(a+)+$", "a" * 64 + "b")


@scenario.configure(name="Deadly.act")
class Act(scenario.Scenario):
    def run(
        self, acts: dict[str, str], log: str, sleep: float = 0.01
    ) -> None:
        """Put the iteration number out, and misbehave in some iterations.

        :param acts: number of an iteration -> name of a function of this
            module
        :param log: file to note the start of each iteration in
        :param sleep: seconds
        """
        number = self.context["iteration"]
        self.add_output(
            additive={
                "title": "Number",
                "chart_plugin": "StackedArea",
                "data": [["number", number]],
            }
        )
        note(log, number)
        time.sleep(sleep)
        way = acts.get(str(number))
        if way == "put_out":
            self._output["complete"].append({"data": object()})
        elif way:
            act: t.Callable[[], None] = globals()[way]
            act()
