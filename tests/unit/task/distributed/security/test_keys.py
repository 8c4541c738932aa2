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

from __future__ import annotations

import os
import pathlib
import stat
import tempfile
from unittest import mock

import ddt
import hypothesis
from hypothesis import strategies as st

from rally import exceptions
from rally.common import private_files
from rally.task.distributed.security import key_files, keys
from tests.unit import test


class KeyTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.home = pathlib.Path(folder.name)
        self.folder = self.home / "keys"

    def key_file(self, text: str, mode: int = 0o600) -> pathlib.Path:
        path = self.home / "node.key"
        path.write_text(text)
        path.chmod(mode)
        return path

    def authorized(self, name: str = "node1") -> keys.AgentKey:
        text = keys.authorize(name, self.folder)
        return keys.load_agent_key(self.key_file(text))


@ddt.ddt
class KeysTestCase(KeyTestCase):
    def test_the_controller_key_is_made_once_and_private(self):
        previous = os.umask(0)
        self.addCleanup(os.umask, previous)

        first = keys.controller_key(self.folder)

        self.assertEqual(first, keys.controller_key(self.folder))
        path = self.folder / "controller.key"
        modes = [
            stat.S_IMODE(each.stat().st_mode)
            for each in (self.folder, self.folder / "agents", path)
        ]
        self.assertEqual([0o700, 0o700, 0o600], modes)

    def test_of_two_that_make_a_file_at_once_one_wins(self):
        path = self.home / "made.once"
        self.assertTrue(private_files.create(path, b"first"))
        self.assertFalse(private_files.create(path, b"second"))
        self.assertEqual(b"first", path.read_bytes())
        self.assertEqual([path], list(self.home.iterdir()))

    def test_an_exposed_controller_key_is_refused(self):
        keys.controller_key(self.folder)
        (self.folder / "controller.key").chmod(0o640)
        error = self.assertRaises(
            key_files.SecretKeyExposed, keys.controller_key, self.folder
        )
        self.assertIn("mode 640", str(error))

    def test_the_agent_gets_its_pair_and_whom_to_trust(self):
        key = self.authorized()
        controller = keys.controller_key(self.folder)
        self.assertEqual("node1", key.name)
        self.assertEqual(controller.public, key.controller_public)
        self.assertEqual({key.public: "node1"}, {
                each.public: each.name for each in keys.agents(self.folder)
            })

    def test_the_secret_stays_out_of_the_folder_and_of_reprs(self):
        key = self.authorized()
        controller = keys.controller_key(self.folder)
        kept = (self.folder / "agents" / "node1.pub").read_text()
        self.assertNotIn(key.secret, kept)
        self.assertNotIn(key.secret, repr(key))
        self.assertNotIn(controller.secret, repr(controller))

    def test_the_key_file_tells_people_what_to_do(self):
        text = keys.authorize("node1", self.folder, "tcp://ctl:9790")
        self.assertTrue(text.startswith("# Rally agent key of node1"))
        self.assertIn("chmod 600 node1.key", text)
        self.assertIn("--controller tcp://ctl:9790", text)

    def test_authorizing_again_replaces_the_key_and_says_so(self):
        old = self.authorized()
        text = keys.authorize("node1", self.folder)
        self.assertIn("replaces an earlier key", text)
        new = keys.load_agent_key(self.key_file(text))
        self.assertNotEqual(old.public, new.public)
        self.assertEqual({new.public: "node1"}, {
                each.public: each.name for each in keys.agents(self.folder)
            })

    def test_revoking_removes_the_agent(self):
        self.authorized("node1")
        self.authorized("node2")
        keys.revoke("node1", self.folder)
        names = [agent.name for agent in keys.agents(self.folder)]
        self.assertEqual(["node2"], names)

    def test_revoking_an_unknown_agent_names_the_known_ones(self):
        self.authorized("node1")
        error = self.assertRaises(
            exceptions.InvalidArgumentsException,
            keys.revoke,
            "node9",
            self.folder,
        )
        self.assertIn("node1", str(error))

    @ddt.data("", "a/b", "../x", "a b", "x" * 65, "naïve", "a\n")
    def test_a_name_must_be_fit_for_a_file(self, name):
        self.assertRaises(
            exceptions.InvalidArgumentsException,
            keys.authorize,
            name,
            self.folder,
        )

    def test_a_missing_key_file_is_explained(self):
        error = self.assertRaises(
            key_files.KeyFileMissing,
            keys.load_agent_key,
            self.home / "absent.key",
        )
        self.assertIn("rally agent authorize", str(error))

    @ddt.data(0o640, 0o604, 0o660, 0o644)
    def test_a_key_file_that_others_may_read_is_refused(self, mode):
        path = self.key_file(keys.authorize("n", self.folder), mode)
        error = self.assertRaises(
            key_files.SecretKeyExposed, keys.load_agent_key, path
        )
        self.assertIn("chmod 600", str(error))

    def as_credential(self, folder: pathlib.Path) -> None:
        variables = {"CREDENTIALS_DIRECTORY": str(folder)}
        patch = mock.patch.dict(os.environ, variables)
        patch.start()
        self.addCleanup(patch.stop)

    def test_a_credential_of_this_service_shows_the_mask_of_an_acl(self):
        path = self.key_file(keys.authorize("n", self.folder), 0o440)
        self.as_credential(self.home)
        self.assertEqual("n", keys.load_agent_key(path).name)

    @ddt.data(0o604, 0o460, 0o450, 0o444)
    def test_no_credential_has_a_mode_like_this(self, mode):
        path = self.key_file(keys.authorize("n", self.folder), mode)
        self.as_credential(self.home)
        self.assertRaises(
            key_files.SecretKeyExposed, keys.load_agent_key, path
        )

    def test_a_key_beside_the_credentials_is_none(self):
        path = self.key_file(keys.authorize("n", self.folder), 0o440)
        self.as_credential(self.folder)
        self.assertRaises(
            key_files.SecretKeyExposed, keys.load_agent_key, path
        )

    @ddt.data(
        lambda text: "",
        lambda text: text.replace("secret = ", "password = "),
        lambda text: text + "name = other\n",
        lambda text: text.replace("name = n", "name = a/b"),
        lambda text: text[:-3],
        lambda text: text.replace("public = ", "public = \\"),
        lambda text: text.replace("secret = ", "secret = é"),
        lambda text: "x" * 70000,
    )
    def test_a_malformed_key_file_is_explained(self, spoil):
        text = spoil(keys.authorize("n", self.folder))
        error = self.assertRaises(
            key_files.KeyFileMalformed,
            keys.load_agent_key,
            self.key_file(text),
        )
        self.assertIn("cannot be used", str(error))

    def test_an_error_never_shows_the_secret(self):
        one = keys.authorize("one", self.folder)
        key = keys.load_agent_key(self.key_file(one))
        other = keys.KeyPair.new()
        text = one.replace(key.public, other.public)
        error = self.assertRaises(
            key_files.KeyFileMalformed,
            keys.load_agent_key,
            self.key_file(text),
        )
        self.assertIn("do not match", str(error))
        self.assertNotIn(key.secret, str(error))

    def test_a_pipe_is_no_key_file(self):
        path = self.home / "pipe"
        os.mkfifo(path, 0o600)
        self.assertRaises(
            key_files.KeyFileMalformed, keys.load_agent_key, path
        )

    def test_a_folder_that_others_may_write_to_is_refused(self):
        self.authorized()
        (self.folder / "agents").chmod(0o770)
        for call in (
            lambda: keys.authorize("x", self.folder),
            lambda: keys.AgentAllowList(self.folder),
        ):
            self.assertRaises(key_files.KeyFolderUnusable, call)

    @hypothesis.settings(max_examples=50, deadline=None)
    @hypothesis.given(
        st.dictionaries(
            st.from_regex(r"[a-z]{1,9}", fullmatch=True),
            st.from_regex(r"[!-~]{1,50}", fullmatch=True),
        )
    )
    def test_values_come_back_from_the_text(self, values):
        text = key_files.render(["for people = yes"], values)
        parsed = key_files.parse(
            pathlib.Path("x"), text.encode("ascii"), values
        )
        self.assertEqual(values, parsed)


class AllowListTestCase(KeyTestCase):
    def setUp(self):
        super().setUp()
        self.first = self.authorized("node1")
        self.allow = keys.AgentAllowList(self.folder)

    def test_names_whose_key_it_is(self):
        self.assertEqual("node1", self.allow.name_of(self.first.public))
        self.assertIsNone(self.allow.name_of(keys.KeyPair.new().public))
        self.assertIsNone(self.allow.name_of(""))

    def test_knows_its_labels(self):
        keys.authorize("node2", self.folder, labels={"zone": "a"})
        allow = keys.AgentAllowList(self.folder)
        [entry] = [e for e in keys.agents(self.folder) if e.labels]
        self.assertEqual("node2", allow.name_of(entry.public))
        self.assertEqual({"zone": "a"}, allow.labels_of(entry.public))
        self.assertEqual({}, allow.labels_of("unknown"))

    def test_a_new_agent_is_known_at_once(self):
        self.allow.name_of(self.first.public)
        second = self.authorized("node2")
        self.assertEqual("node2", self.allow.name_of(second.public))

    def test_a_revocation_holds_at_once(self):
        for _ in range(20):
            key = self.authorized("brief")
            self.assertEqual("brief", self.allow.name_of(key.public))
            keys.revoke("brief", self.folder)
            self.assertIsNone(self.allow.name_of(key.public))

    def test_a_replaced_key_is_refused_at_once(self):
        for _ in range(20):
            self.assertEqual("node1", self.allow.name_of(self.first.public))
            newer = self.authorized("node1")
            self.assertIsNone(self.allow.name_of(self.first.public))
            self.first = newer

    def test_a_damaged_entry_does_not_hurt_the_others(self):
        (self.folder / "agents" / "bad.pub").write_bytes(b"\xff\0")
        (self.folder / "agents" / "worse.pub").write_text("name = worse\n")
        self.assertEqual("node1", self.allow.name_of(self.first.public))
        self.assertIsNone(self.allow.name_of("x"))

    def test_an_entry_that_others_may_write_is_no_entry(self):
        path = self.folder / "agents" / "node1.pub"
        self.assertEqual("node1", self.allow.name_of(self.first.public))
        path.chmod(0o622)
        self.assertIsNone(self.allow.name_of(self.first.public))

    def test_there_may_be_no_folder_yet(self):
        empty = keys.AgentAllowList(self.home / "none")
        self.assertIsNone(empty.name_of(self.first.public))
