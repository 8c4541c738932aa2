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

"""What clean-ups need, kept for another process."""

from __future__ import annotations

import pathlib
import stat
import typing as t

from rally.task.cleanup import context_store
from tests.unit import test

UUID = "6fd74a5b-c1b3-4d52-a4d4-b1834d9bcaa7"
OTHER = "0d0a7b44-2b52-4a1b-8f40-6a4f3c6be1a1"


class Home(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.home = pathlib.Path(self.make_home())
        self.store = context_store.ContextStore(UUID)

    def keep(self, shared: t.Any, *names: str, **own: t.Any) -> list[str]:
        return self.store.keep(names, shared, own)

    def files(self) -> dict[str, pathlib.Path]:
        return {
            str(path.relative_to(self.home / ".rally")): path
            for path in self.home.rglob("*") if path.is_file()
        }

    def check_unreadable(self, reason: str) -> None:
        error = self.assertRaises(
            context_store.ContextsNotKept,
            context_store.ContextStore(UUID).read,
        )
        self.assertIn(reason, str(error))
        self.assertIn(str(self.store.path), str(error))
        self.assertNotIn("canary", str(error))


class KeepTestCase(Home):
    def test_another_process_reads_what_was_kept(self) -> None:
        shared = {"users": [{"id": 1, "roles": ("a",)}], "tenants": {}}
        self.keep(shared, "a@x", "b@y", **{"a@x": {"original": [1, 2]}})

        kept = context_store.ContextStore(UUID).read()

        self.assertEqual(["a@x", "b@y"], kept.contexts)
        self.assertEqual(shared, kept.shared)
        self.assertEqual({"a@x": {"original": [1, 2]}}, kept.own)
        self.assertEqual([], kept.omitted)

    def test_the_newest_is_read(self) -> None:
        self.keep({"a": 1}, "a")
        self.keep({"a": 2}, "a", "b")

        self.assertEqual({"a": 2}, self.store.read().shared)

    def test_the_task_is_not_kept(self) -> None:
        self.keep({"task": object(), "a": 1})

        self.assertEqual({"a": 1}, self.store.read().shared)

    def test_what_cannot_be_kept_is_left_out_and_named(self) -> None:
        omitted = self.keep({"a": 1, "b": {"session": object()}})

        kept = self.store.read()
        self.assertEqual({"a": 1, "b": {}}, kept.shared)
        self.assertEqual(omitted, kept.omitted)
        (sentence,) = omitted
        self.assertIn("context['b']['session']", sentence)

    def test_nothing_of_it_can_be_read_without_the_key(self) -> None:
        self.keep({"password": "canary" * 10}, "canary")

        for path in self.files().values():
            self.assertNotIn(b"canary", path.read_bytes())

    def test_only_the_owner_may_read_the_files(self) -> None:
        self.keep({})

        files = self.files()
        self.assertEqual(
            {"contexts/" + UUID, "keys/contexts.key"}, set(files)
        )
        for path in files.values():
            self.assertEqual(0o600, stat.S_IMODE(path.stat().st_mode))
            self.assertEqual(0o700, stat.S_IMODE(path.parent.stat().st_mode))

    def test_all_workloads_share_a_key_that_is_made_once(self) -> None:
        self.keep({"a": 1})
        key = self.store.key_path.read_bytes()
        context_store.ContextStore(OTHER).keep([], {"a": 2}, {})

        self.assertEqual(32, len(key))
        self.assertEqual(key, self.store.key_path.read_bytes())
        self.assertEqual({"a": 1}, self.store.read().shared)

    def test_equal_contents_do_not_look_equal(self) -> None:
        self.keep({"a": 1})
        before = self.store.path.read_bytes()
        self.keep({"a": 1})

        self.assertNotEqual(before, self.store.path.read_bytes())

    def test_what_is_forgotten_is_gone(self) -> None:
        self.keep({})
        self.store.forget()
        self.store.forget()

        self.assertEqual(["keys/contexts.key"], list(self.files()))

    def test_a_key_that_others_may_read_is_refused(self) -> None:
        self.keep({"a": 1})
        self.store.key_path.chmod(0o640)

        error = self.assertRaises(
            context_store.ContextKeyExposed, self.keep, {"a": 2}
        )
        self.assertIn("chmod 600", str(error))
        self.check_unreadable("mode 640")


class UnreadableTestCase(Home):
    def test_nothing_was_kept_here(self) -> None:
        self.check_unreadable("No such file")

    def test_the_key_is_gone(self) -> None:
        self.keep({})
        self.store.key_path.unlink()

        self.check_unreadable("contexts.key, is missing")
        self.assertFalse(self.store.key_path.exists())

    def test_it_was_written_with_another_key(self) -> None:
        self.keep({})
        self.store.key_path.write_bytes(b"x" * 32)

        self.check_unreadable("with another key")

    def test_a_key_of_the_wrong_length(self) -> None:
        self.keep({})
        self.store.key_path.write_bytes(b"x" * 7)

        self.check_unreadable("128, 192, or 256 bits")

    def test_it_is_of_another_workload(self) -> None:
        other = context_store.ContextStore(OTHER)
        other.keep([], {"password": "canary"}, {})
        other.path.rename(self.store.path)

        self.check_unreadable("it was changed")

    def test_each_byte_counts(self) -> None:
        self.keep({"a": 1})
        whole = self.store.path.read_bytes()
        for i in range(len(whole)):
            changed = bytearray(whole)
            changed[i] ^= 1
            self.store.path.write_bytes(changed)
            self.assertRaises(
                context_store.ContextsNotKept, self.store.read
            )

    def test_it_was_cut(self) -> None:
        self.keep({"a": 1})
        whole = self.store.path.read_bytes()
        for length in range(len(whole)):
            self.store.path.write_bytes(whole[:length])
            self.assertRaises(
                context_store.ContextsNotKept, self.store.read
            )

    def test_what_cannot_be_written_leaves_what_was_there(self) -> None:
        self.keep({"a": 1})
        self.store.path.parent.rename(self.home / "away")
        self.store.path.parent.write_text("no folder")

        self.assertRaises(OSError, self.keep, {"a": 2})

        self.store.path.parent.unlink()
        (self.home / "away").rename(self.store.path.parent)
        self.assertEqual({"a": 1}, self.store.read().shared)


class AttributesTestCase(Home):
    class Made:
        def __init__(self) -> None:
            self.context: t.Any = {"a": 1}
            self.task = self.env = self.config = {"b": 2}
            self.original = [("nova", "t", {"cores": 5})]
            self.client = object()
            self.clients = {"a": 1, "b": object()}

    def test_those_that_can_be_kept_whole_are(self) -> None:
        own = self.store.attributes_of(self.Made())
        self.store.keep([], {}, {"made": own})

        self.assertEqual(
            {"made": {"original": [("nova", "t", {"cores": 5})]}},
            self.store.read().own,
        )
