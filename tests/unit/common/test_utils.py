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

"""Tests of small helpers."""

from __future__ import annotations

import collections
import multiprocessing
import os
import shutil
import sys
import tempfile
import typing as t

from rally.common import utils
from tests.unit import test


class EnumTestCase(test.TestCase):
    def test_iterates_over_public_values(self) -> None:
        class Colours(utils.ImmutableMixin, utils.EnumMixin):
            RED = "red"
            BLUE = "blue"
            _HIDDEN = "hidden"

            def method(self) -> None:
                """Not a value."""

        colours = Colours()

        self.assertEqual(["blue", "red"], list(colours))
        self.assertRaises(AttributeError, setattr, colours, "RED", 1)


class CaptureTestCase(test.TestCase):
    def test_catches_standard_output_and_error(self) -> None:
        before = sys.stdout, sys.stderr

        with utils.StdOutCapture() as out, utils.StdErrCapture() as err:
            print("to out")
            print("to err", file=sys.stderr)

        self.assertEqual("to out\n", out.getvalue())
        self.assertEqual("to err\n", err.getvalue())
        self.assertEqual(before, (sys.stdout, sys.stderr))


def draw(
    counter: utils.RAMInt, drawn: t.Any, count: int
) -> None:  # in a process of its own
    drawn.send([next(counter) for _ in range(count)])


class RAMIntTestCase(test.TestCase):
    def test_counts(self) -> None:
        counter = utils.RAMInt(5)

        self.assertEqual((5, 6), (next(counter), counter.next()))
        self.assertEqual((7, "7"), (int(counter), str(counter)))
        counter.reset()
        self.assertEqual(0, next(iter(counter)))

    def test_processes_never_draw_the_same(self) -> None:
        context = multiprocessing.get_context("fork")
        counter, pipes = utils.RAMInt(), []
        for _ in range(3):
            receiver, sender = context.Pipe(duplex=False)
            process = context.Process(target=draw, args=(counter, sender, 200))
            process.start()
            self.addCleanup(process.join)
            pipes.append(receiver)

        drawn = [number for pipe in pipes for number in pipe.recv()]

        self.assertEqual(list(range(600)), sorted(drawn))


class SmallTestCase(test.TestCase):
    def test_struct_has_attributes_and_items(self) -> None:
        struct: t.Any = utils.Struct(a=1)

        self.assertEqual((1, 1, None), (struct.a, struct["a"], struct["b"]))

    def test_deque_acts_as_a_queue(self) -> None:
        queue = utils.DequeAsQueue(collections.deque())
        self.assertTrue(queue.empty())

        queue.put(1)
        queue.put(2)

        self.assertEqual((2, 1, 2), (queue.qsize(), queue.get(), queue.get()))
        self.assertTrue(queue.empty())

    def test_retry_ends_with_the_first_success(self) -> None:
        calls: list[int] = []

        def flaky(limit: int) -> str:
            calls.append(1)
            if len(calls) < limit:
                raise ValueError(len(calls))
            return "done"

        self.assertEqual("done", utils.retry(3, flaky, 2))
        self.assertEqual(2, len(calls))
        self.assertRaises(ValueError, utils.retry, 3, flaky, limit=99)
        self.assertEqual(5, len(calls))

    def test_first_user_of_each_tenant(self) -> None:
        users = [
            {"tenant_id": 1, "id": "a"},
            {"tenant_id": 1, "id": "b"},
            {"tenant_id": 2, "id": "c"},
        ]

        self.assertEqual(
            [(users[0], 1), (users[2], 2)],
            list(utils.iterate_per_tenants(users)),
        )

    def test_random_paths_do_not_exist(self) -> None:
        one, two = (utils.generate_random_path("/nowhere") for _ in "12")

        self.assertEqual("/nowhere", os.path.dirname(one))
        self.assertNotEqual(one, two)
        self.assertFalse(os.path.exists(utils.generate_random_path()))


class BackupHelperTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.file = os.path.join(self.folder, "dir", "file")
        os.mkdir(os.path.dirname(self.file))
        self.write("before")

    def write(self, text: str) -> None:
        with open(self.file, "w") as f:
            f.write(text)

    def read(self) -> str:
        with open(self.file) as f:
            return f.read()

    def change(self, path: str, fail: bool, undone: list[int]) -> None:
        with utils.BackupHelper() as backup:
            backup(path)
            backup.add_rollback_action(undone.append, 1)
            self.write("after")
            if fail:
                raise ValueError

    def test_success_keeps_the_changes(self) -> None:
        undone: list[int] = []

        self.change(self.file, fail=False, undone=undone)

        self.assertEqual(("after", []), (self.read(), undone))

    def test_failure_takes_back_changes_to_files_and_folders(self) -> None:
        for path in (self.file, os.path.dirname(self.file) + "/"):
            undone: list[int] = []
            self.assertRaises(
                ValueError, self.change, path, fail=True, undone=undone
            )
            self.assertEqual(("before", [1]), (self.read(), undone))

    def test_missing_file_is_an_error(self) -> None:
        with utils.BackupHelper() as backup:
            self.assertRaises(OSError, backup, "/nowhere/at/all")
