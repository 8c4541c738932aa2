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

"""The process that makes loads: what it hears, and what it leaves."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time

from rally.common import clock
from rally.task.distributed.load_process import inbox, remains
from rally.task.distributed.load_process import parent as load_process
from rally.task.distributed.wire import codec, link, messages
from rally.task.load import lease_ring
from rally.task.results import aggregate, progressions
from tests.unit import test

#: generous: other tests may take the CPUs
WAIT_S = 60


def order(run, spool, context=None, **more):
    """A load of Dummy.dummy, unless *more* says otherwise."""
    prepare = messages.Prepare(**{
        "run": run, "scenario": "Dummy.dummy",
        "content": messages.Content("c"), "runner_type": "constant",
        "runner": {"times": 4, "concurrency": 2}, "sla": {},
        "chunk_size": 10, "iteration_events": False, **more,
    })
    content = messages.LoadContent({}, {}, context or {})
    return messages.Load(prepare, codec.encode_content(content), spool)


class Recording:
    """A load that notes what it hears."""

    def __init__(self):
        self.heard = []
        self.stopped = threading.Event()

    def handle(self, message):
        self.heard.append(message)

    def stop(self):
        self.stopped.set()


class InboxTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        ours, self.theirs = socket.socketpair()
        self.agent = link.Link(self.theirs)
        self.addCleanup(self.agent.close)
        self.addCleanup(ours.close)
        self.inbox = inbox.Inbox(link.Link(ours))
        self.order = order("r", "/spool")

    def test_what_is_said_of_a_load_waits_until_it_is_prepared(self):
        renew = messages.LoadRenew(1)
        self.agent.send(self.order)
        self.agent.send(renew)
        self.agent.send(messages.LoadWarm(messages.Code()))
        self.agent.send(self.order)
        self.agent.send(messages.LoadRenew(2))
        self.agent.close()
        orders = []
        while (order := self.inbox.next_order()) is not None:
            orders.append(order)
        load = Recording()
        self.inbox.attach(load)

        self.assertEqual(3, len(orders))
        self.assertEqual([messages.LoadRenew(2)], load.heard)
        self.assertTrue(load.stopped.is_set())

    def test_between_two_loads_nothing_is_kept(self):
        self.agent.send(self.order)
        self.inbox.next_order()
        self.inbox.attach(Recording())
        self.inbox.detach()
        self.agent.send(messages.LoadRenew(1))
        self.agent.send(self.order)
        self.inbox.next_order()
        load = Recording()
        self.inbox.attach(load)

        self.assertEqual([], load.heard)

    def test_a_load_stops_when_what_comes_is_no_message(self):
        self.agent.send(self.order)
        self.inbox.next_order()
        load = Recording()
        self.inbox.attach(load)
        self.theirs.sendall(b"\0\0\0\3bad")

        self.assertTrue(load.stopped.wait(WAIT_S))
        self.assertIsNone(self.inbox.next_order())

    def test_a_load_stops_when_the_agent_is_gone(self):
        self.agent.send(self.order)
        self.inbox.next_order()
        load = Recording()
        self.inbox.attach(load)
        self.agent.close()

        self.assertTrue(load.stopped.wait(WAIT_S))


class RemainsTestCase(test.TestCase):
    def test_a_thread_is_seen(self):
        before = set(threading.enumerate())
        end = threading.Event()
        thread = threading.Thread(target=end.wait)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(end.set)
        self.assertFalse(remains.are_none(before))

    def test_a_process_of_the_group_is_seen(self):
        code = (
            "import os, subprocess, sys\n"
            "from rally.task.distributed.load_process import remains\n"
            "print(remains.are_none(remains.threading.enumerate()))\n"
            "child = subprocess.Popen([sys.executable, '-c', 'input()'],\n"
            "    stdin=subprocess.PIPE)\n"
            "print(remains.group_of_this_process() == [child.pid])\n"
            "print(remains.are_none(remains.threading.enumerate()))\n"
            "child.communicate(b'x')\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], start_new_session=True,
            capture_output=True, text=True, timeout=WAIT_S,
        )
        self.assertEqual(["True", "True", "False"], done.stdout.split())


class LoadProcessTestCase(test.TestCase):
    """A real load process, and an agent that is this test."""

    files = {}  # of packages that are installed

    def setUp(self):
        super().setUp()
        self.home = self.make_home()
        for name, text in self.files.items():
            path = pathlib.Path(self.home, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))
        os.environ["PYTHONPATH"] = "%s:%s" % (self.home, os.getcwd())
        self.process = load_process.LoadProcess(clock.WALL_BASE_NS)
        self.addCleanup(self.process.end)

    def wait_for(self, kind):
        """The next message of a kind."""
        poll = select.poll()
        for fd in self.process.filenos():
            poll.register(fd, select.POLLIN)
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until and poll.poll(WAIT_S * 1000):
            received = self.process.receive()
            if received is None:
                raise AssertionError(self.process.exit_reason())
            for message in received:
                if isinstance(message, kind):
                    return message
        raise AssertionError("no %s came" % kind.__name__)

    def make_load(self, run, **more):
        spool = os.path.join(self.home, "spool")
        self.process.send(order(run, spool, **more))
        self.wait_for(messages.LoadReady)
        now = clock.now_ns()
        for message in (
            messages.LoadRenew(now + int(WAIT_S * 1e9)),
            messages.Grant(run, 1, (1, 1, 4), 0),
            messages.LoadStart(now),
            messages.Close(run, 1),
        ):
            self.process.send(message)
        return self.wait_for(messages.LoadEnded)


class RunsInOneProcessTestCase(LoadProcessTestCase):
    def test_one_load_after_another_is_made(self):
        self.process.send(messages.LoadWarm(messages.Code("t")))
        for run in "first", "second", "third":
            ended = self.make_load(run)
            self.assertEqual(
                (1, "", True), (ended.spooled, ended.reason, ended.is_reusable)
            )
            made = aggregate.Aggregate({}).restored_from(ended.aggregate)
            self.assertEqual(4, made.iterations)

    def test_one_that_hangs_is_killed_with_the_reason(self):
        os.kill(self.process.pid, signal.SIGSTOP)

        self.process.kill("was killed because it hung")

        poll = select.poll()
        for fd in self.process.filenos():
            poll.register(fd, select.POLLIN)
        poll.poll(WAIT_S * 1000)
        self.assertIsNone(self.process.receive())
        self.assertEqual(
            "its load process was killed because it hung",
            self.process.exit_reason(),
        )

    def test_modules_of_the_current_folder_are_not_taken(self):
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.home)
        del os.environ["PYTHONPATH"]
        for name in ("rally", "random"):
            pathlib.Path(name + ".py").write_text("raise SystemExit(9)\n")
        self.process = load_process.LoadProcess(clock.WALL_BASE_NS)
        self.addCleanup(self.process.end)
        self.assertEqual("", self.make_load("run").reason)

    def resident_kb(self):
        path = pathlib.Path("/proc/%d/status" % self.process.pid)
        found = re.search(r"VmRSS:\s+(\d+)", path.read_text())
        return int(found[1])

    def test_a_context_does_not_outlive_its_load(self):
        users = [{"id": "%d" % i, "name": "u" * 100} for i in range(50_000)]
        seen = []
        for i in range(4):
            self.make_load("large-%d" % i, context={"users": users})
            self.make_load("small-%d" % i)  # by now the large one is gone
            seen.append(self.resident_kb())
        # each context takes more than that
        self.assertLess(seen[-1] - seen[0], 30_000, seen)

    def test_what_leaves_a_process_behind_is_not_for_another_load(self):
        path = os.path.join(self.home, ".rally", "plugins")
        os.makedirs(path)
        with open(os.path.join(path, "leaving.py"), "w") as file:
            file.write(
                "import subprocess\n"
                "from rally.task import scenario\n"
                "@scenario.configure(name='Leaving.process')\n"
                "class Leaving(scenario.Scenario):\n"
                "    def run(self):\n"
                "        subprocess.Popen(['sleep', '300'])\n"
            )
        ended = self.make_load("run", scenario="Leaving.process")
        self.assertFalse(ended.is_reusable)
        self.assertEqual("", ended.reason)


class CrowdedTestCase(LoadProcessTestCase):
    def test_what_it_has_no_room_for_goes_back(self):
        spool = os.path.join(self.home, "spool")
        self.process.send(order("run", spool))
        self.wait_for(messages.LoadReady)
        self.process.send(messages.LoadStart(clock.now_ns()))
        count = lease_ring.SLOTS + 5
        for number in range(count):  # never renewed: none is drawn
            self.process.send(messages.Grant(
                "run", number + 1, (1 + 2 * number, 1, 1), 0
            ))
        said = self.wait_for(messages.Report)
        self.process.send(messages.Stop("run", "test"))
        ended = self.wait_for(messages.LoadEnded)

        self.assertIn("go back to the controller", said.text)
        self.assertEqual(count, ended.lease)
        self.assertEqual(
            [*range(1, 2 * count, 2)],
            sorted(progressions.numbers_of(ended.returned)),
        )


class PackagesTestCase(LoadProcessTestCase):
    """What an order names of a package, and what it does not."""

    files = {
        "music/__init__.py": "",
        "music/plugins/__init__.py": "",
        "music/plugins/violin.py": """
            from rally.task import scenario

            @scenario.configure(name="Violin.play")
            class Violin(scenario.Scenario):
                def run(self):
                    import music.tuning
        """,
        "music/plugins/piano.py": "import music.tuning",
        "music/tuning.py": """
            from oslo_config import cfg
            cfg.CONF.register_opts([cfg.IntOpt("pitch", default=440)])
        """,
        "music-1.0.dist-info/METADATA": (
            "Metadata-Version: 2.1\nName: music\nVersion: 1.0\n"
        ),
        "music-1.0.dist-info/entry_points.txt": (
            "[rally_plugins]\npath = music.plugins\n"
        ),
        "music-1.0.dist-info/top_level.txt": "music\n",
    }
    named = "music.plugins.violin"

    def open_spools(self):
        """Files of spools that the process has open."""
        links = []
        for path in pathlib.Path("/proc/%d/fd" % self.process.pid).iterdir():
            with contextlib.suppress(FileNotFoundError):  # just closed
                links.append(os.readlink(path))
        return [link for link in links if "/spool/" in link]

    def test_options_of_what_is_imported_in_advance_are_known(self):
        ended = self.make_load(
            "run", scenario="Violin.play",
            code=messages.Code("t", (self.named,), ("music.plugins.piano",)),
            options={"DEFAULT": {"pitch": 415}},
        )
        self.assertEqual("", ended.reason)

    def test_what_is_refused_leaves_nothing_open(self):
        spool = os.path.join(self.home, "spool")
        self.process.send(order("run", spool, scenario="Flute.play"))
        self.wait_for(messages.LoadRefused)
        self.assertEqual([], self.open_spools())


class OutputTailTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        reading, self.writing = os.pipe()
        self.said = []
        self.tail = load_process.OutputTail(
            os.fdopen(reading, "rb", buffering=0), self.said.append
        )
        self.addCleanup(self.tail.close)

    def test_a_little_is_passed_on_whole(self):
        os.write(self.writing, b"one\ntwo\n")
        os.close(self.writing)
        self.tail.close()

        self.assertEqual("one\ntwo\n", "".join(self.said))
        self.assertEqual("one\ntwo", self.tail.text())
        self.assertEqual(0, self.tail.dropped_bytes)

    def test_of_much_the_beginning_is_passed_on_and_the_end_kept(self):
        block = b"%099d\n" % 7
        for _ in range(20_000):
            os.write(self.writing, block)
        os.write(self.writing, b"the end\n")
        os.close(self.writing)
        self.tail.close(60)

        said = "".join(self.said)
        self.assertLess(len(said), load_process.PASSED_ON_BYTES + 300)
        self.assertIn("what follows is not passed on", said)
        self.assertEqual(1_000_008, self.tail.dropped_bytes)
        self.assertIn("1000008 bytes", said)
        lines = self.tail.text().splitlines()
        self.assertEqual("the end", lines[-1])
        self.assertEqual(load_process.TAIL_LINES, len(lines))

    def test_a_line_without_an_end_is_cut(self):
        for _ in range(100):
            os.write(self.writing, b"x" * 1000)
        os.close(self.writing)
        self.tail.close(60)
        self.assertLessEqual(
            len(self.tail.text()), load_process.TAIL_BYTES
        )

    def test_a_pipe_that_somebody_keeps_open_is_not_waited_for(self):
        os.write(self.writing, b"last words")

        self.tail.close(60)

        self.assertEqual("last words", self.tail.text())
        os.close(self.writing)

    def test_a_log_that_cannot_be_written_holds_nothing_up(self):
        reading, writing = os.pipe()

        def fail(text):
            raise OSError("no space left")

        tail = load_process.OutputTail(
            os.fdopen(reading, "rb", buffering=0), fail
        )
        os.write(writing, b"one\n")
        os.close(writing)
        tail.close(60)
        self.assertEqual("one", tail.text())
