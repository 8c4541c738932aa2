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

"""Tests of commands over SSH, against a server on this host."""

from __future__ import annotations

import io
import os
import sys
import tempfile
import typing as t
from unittest import mock

import paramiko

from rally import exceptions
from rally.utils import sshutils
from tests.unit import test
from tests.unit.utils import ssh_server


class SSHTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.server = ssh_server.SSHServer()
        self.addCleanup(self.server.close)
        self.ssh = self.make()
        self.addCleanup(self.ssh.close)

    def make(self, **kwargs: t.Any) -> sshutils.SSH:
        kwargs.setdefault("password", ssh_server.PASSWORD)
        kwargs.setdefault("port", self.server.port)
        return sshutils.SSH(ssh_server.USER, "127.0.0.1", **kwargs)

    def test_gives_status_and_both_outputs(self) -> None:
        self.assertEqual(
            (3, "out \xe9\n", "err\n"),
            self.ssh.execute("echo out \xe9; echo err >&2; exit 3"),
        )

    def test_words_are_quoted(self) -> None:
        self.assertEqual(
            (0, "a  b;$c", ""), self.ssh.execute(["printf", "%s", "a  b;$c"])
        )

    def test_standard_input_is_a_text_or_a_file(self) -> None:
        big = "line\n" * 50_000
        for stdin in (big, io.StringIO(big), io.BytesIO(big.encode())):
            self.assertEqual(
                (0, big, ""), self.ssh.execute("cat", stdin=stdin)
            )

    def test_command_that_reads_nothing_is_fine(self) -> None:
        self.assertEqual(0, self.ssh.run("true", stdin="x" * 10))

    def test_failure_is_an_error_that_shows_the_last_words(self) -> None:
        error = self.assertRaises(
            exceptions.SSHError, self.ssh.run, "echo broken >&2; exit 7"
        )

        self.assertIn("exit status 7", str(error))
        self.assertIn("broken", str(error))

    def test_outputs_go_to_files(self) -> None:
        stdout, stderr = io.StringIO(), io.StringIO()

        status = self.ssh.run(
            "echo out; echo err >&2; exit 2",
            stdout=stdout,
            stderr=stderr,
            raise_on_error=False,
        )

        self.assertEqual(2, status)
        self.assertEqual("out\n", stdout.getvalue())
        self.assertEqual("err\n", stderr.getvalue())

    def test_slow_command_times_out(self) -> None:
        error = self.assertRaises(
            exceptions.SSHTimeout, self.ssh.execute, "sleep 2", timeout=0.2
        )

        self.assertIn("0.2 seconds", str(error))

    def test_file_is_put_with_its_mode(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            source = os.path.join(folder, "source")
            target = os.path.join(folder, "target with space")
            with open(source, "wb") as file:
                file.write(bytes(range(256)))

            with self.ssh:
                self.ssh.put_file(source, target, mode=0o640)

            with open(target, "rb") as file:
                self.assertEqual(bytes(range(256)), file.read())
            self.assertEqual(0o640, os.stat(target).st_mode & 0o777)

    def test_waits_until_commands_run(self) -> None:
        self.ssh.wait(timeout=60, interval=0.1)

    def test_waiting_for_nobody_times_out(self) -> None:
        gone = ssh_server.SSHServer()
        gone.close()
        ssh = self.make(port=gone.port)

        error = self.assertRaises(
            exceptions.SSHTimeout, ssh.wait, timeout=0.2, interval=0.1
        )

        self.assertIn("Cannot log in", str(error))

    def test_wrong_password_is_a_clear_error(self) -> None:
        error = self.assertRaises(
            exceptions.SSHError, self.make(password="x").run, "true"
        )

        self.assertIn("as tester", str(error))
        self.assertNotIn("Traceback", str(error))


class KeyTestCase(test.TestCase):
    def test_key_is_an_object_a_file_or_a_text(self) -> None:
        key = paramiko.RSAKey.generate(2048)
        text = io.StringIO()
        key.write_private_key(text)

        for form in (key, text.getvalue(), io.StringIO(text.getvalue())):
            ssh = sshutils.SSH("user", "host", pkey=form)
            self.assertEqual(key, ssh.pkey)

    def test_without_its_package_what_to_install_is_said(self) -> None:
        with mock.patch.dict(sys.modules, {"paramiko": None}):
            error = self.assertRaises(
                exceptions.SSHError, sshutils.SSH, "user", "host", pkey="key"
            )

        self.assertIn("pip install rally[ssh]", str(error))

    def test_what_is_no_key_is_refused(self) -> None:
        self.assertRaises(
            exceptions.SSHError, sshutils.SSH, "user", "host", pkey="nonsense"
        )
