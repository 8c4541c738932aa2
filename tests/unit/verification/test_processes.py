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

"""Tests of commands that never outlive what they are for."""

from __future__ import annotations

import gc
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

import ddt

from rally.verification import processes
from tests.unit import test


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def is_alive(pid: int) -> bool:
    try:
        text = pathlib.Path("/proc/%d/stat" % pid).read_text()
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] != "Z"


class RunningTestCase(test.TestCase):
    def check_dead(self, pid: int) -> None:
        deadline = time.monotonic() + 20
        while is_alive(pid):
            self.assertLess(time.monotonic(), deadline, "it still runs")
            time.sleep(0.02)

    def test_all_output_and_the_exit_status(self):
        with processes.running(python(
            "import os, sys; os.write(1, b'a' * 200000); os.write(2, b'b');"
            "sys.exit(3)"
        )) as command:
            output = command.output.read()
            status = command.wait()
        self.assertEqual((b"a" * 200000 + b"b", 3), (output, status))

    def test_a_child_that_holds_the_pipe_is_not_waited_for(self):
        with processes.running(python(
            "import subprocess; "
            "print(subprocess.Popen(['sleep', '300']).pid)"
        )) as command:
            pid = int(command.output.read())
            self.assertEqual(0, command.wait())
        self.check_dead(pid)

    def test_what_runs_ends_with_a_block_that_raises(self):
        def fail():
            with processes.running(python(
                "import subprocess, time; "
                "print(subprocess.Popen(['sleep', '300']).pid, flush=True); "
                "time.sleep(300)"
            )) as command:
                self.pid = int(command.output.readline())
                raise ValueError("stop")

        self.assertRaises(ValueError, fail)
        self.check_dead(self.pid)

    def test_a_command_that_cannot_be_started(self):
        def start(words, **kwargs):
            with processes.running(words, **kwargs):
                pass

        for words in (["/no/such/zzz"], ["zzz"], ["./zzz"]):
            self.assertRaises(FileNotFoundError, start, words)
        self.assertRaises(FileNotFoundError, start, ["sh"],
                          env={"PATH": "/no"})
        with processes.running(["/etc/passwd"]) as command:
            self.assertIn(b"cannot be started", command.output.read())
            self.assertEqual(127, command.wait())

    def test_it_is_told_to_end_before_it_is_killed(self):
        with processes.running(python(
            "import signal, time\n"
            "signal.signal(signal.SIGTERM, lambda *x: print('bye', "
            "flush=True) or exit(4))\n"
            "print('ready', flush=True); time.sleep(300)"
        )) as command:
            self.assertEqual(b"ready\n", command.output.readline())
            command._signal(signal.SIGTERM)
            self.assertEqual(b"bye\n", command.output.read())
            self.assertEqual(4, command.wait())

    def test_nothing_outlives_a_rally_that_is_killed(self):
        rally = subprocess.Popen(
            python(
                "import subprocess\n"
                "from rally.verification import processes\n"
                "with processes.running(['sh', '-c', "
                "'sleep 300 & echo $!; wait']) as c:\n"
                "    print(int(c.output.readline()), flush=True)\n"
                "    c.wait()"
            ), stdout=subprocess.PIPE, text=True,
        )
        assert rally.stdout is not None
        pid = int(rally.stdout.readline())
        self.assertTrue(is_alive(pid))
        rally.kill()
        rally.wait()
        rally.stdout.close()
        self.check_dead(pid)

    def test_it_cannot_ask_anybody(self):
        with processes.running(python("input()")) as command:
            self.assertIn(b"EOFError", command.output.read())

    def test_no_descriptor_is_left(self):
        folder = "/proc/self/fd"
        gc.collect()  # tests before may have left some, which go meanwhile
        before = len(os.listdir(folder))
        for _ in range(3):
            with processes.running(["true"]) as command:
                command.output.read()
        self.assertLessEqual(len(os.listdir(folder)), before)


@ddt.ddt
class InterruptibleTestCase(test.TestCase):
    @ddt.data(signal.SIGTERM, signal.SIGHUP)
    def test_a_signal_interrupts_and_handlers_come_back(self, number):
        before = signal.getsignal(number)

        def be_signalled():
            with processes.interruptible():
                os.kill(os.getpid(), number)
                time.sleep(20)

        self.assertRaises(KeyboardInterrupt, be_signalled)
        self.assertEqual(before, signal.getsignal(number))


class LockTestCase(test.TestCase):
    def test_another_process_waits_for_it(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "x.lock")
            code = (
                "from rally.verification import locks\n"
                "print('begin', flush=True)\n"
                "with locks.held(%r, 'v'): print('held', flush=True)" % path
            )
            from rally.verification import locks

            with locks.held(path, "v"):
                other = subprocess.Popen(
                    python(code), stdout=subprocess.PIPE, text=True
                )
                assert other.stdout is not None
                self.assertEqual("begin\n", other.stdout.readline())
                self.assertIsNone(other.poll())
            self.assertEqual("held\n", other.stdout.read())
            self.assertEqual(0, other.wait())
            other.stdout.close()
