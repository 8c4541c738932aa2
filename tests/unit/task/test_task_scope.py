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

"""Tests for rally.task.task_scope."""

from __future__ import annotations

import contextlib
import sys

from rally.task import task_scope
from tests.unit import test


class TaskScopeTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        self.events = []
        self.scope = task_scope.TaskScope()

    @contextlib.contextmanager
    def made(self, name):
        self.events.append("made %s" % name)
        yield name
        self.events.append("closed %s" % name)

    def share(self, name):
        return self.scope.share(name, lambda: self.made(name))

    def test_a_thing_is_made_once(self):
        self.assertEqual(["a", "a"], [self.share("a"), self.share("a")])
        self.assertEqual(["made a"], self.events)

    def test_things_are_closed_in_reverse_order_whatever_happens(self):
        with contextlib.suppress(KeyboardInterrupt), self.scope:
            self.share("a")
            self.share("b")
            raise KeyboardInterrupt
        self.assertEqual(["closed b", "closed a"], self.events[2:])

    def test_what_only_one_can_have_goes_from_one_to_the_next(self):
        def share(name, *claims):
            self.scope.share(
                name, lambda: self.made(name), frozenset(claims)
            )

        share("a", "port 1", "port 2")
        share("b", "port 4")
        share("c", "port 2", "port 3")
        self.assertEqual(
            ["made a", "made b", "closed a", "made c"], self.events
        )
        share("a", "port 1", "port 2")
        self.scope.release(frozenset(["port 4"]))
        self.scope.close()
        self.assertEqual(
            ["closed c", "made a", "closed b", "closed a"], self.events[4:]
        )

    def test_what_cannot_be_closed_is_logged_and_no_error_of_the_task(self):
        @contextlib.contextmanager
        def stubborn():
            yield
            raise OSError("directory not empty")

        with self.assertLogs("rally.task.task_scope") as logged, self.scope:
            self.share("a")
            self.scope.share("b", stubborn)
            self.share("c")

        self.assertEqual(["closed c", "closed a"], self.events[2:])
        self.assertIn("b could not be closed", logged.output[0])
        self.assertIn("directory not empty", logged.output[0])

    def test_what_could_not_be_made_is_tried_again(self):
        def fail():
            raise OSError("no more memory")

        self.assertRaises(OSError, self.scope.share, "a", fail)
        self.assertEqual("a", self.share("a"))

    def test_it_knows_what_was_imported_since(self):
        name = "rally_test_imported_since"
        self.addCleanup(sys.modules.pop, name)
        sys.modules[name] = sys
        self.assertEqual([name], self.scope.imported())
