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

"""The database that nobody configured, and files of strangers."""

from __future__ import annotations

import os
import pathlib
import stat
import tempfile
import unittest
from unittest import mock

from rally.common import cfg, db, default_file
from rally.common.db import errors
from tests.unit import test

NOBODY = 65534


def mode_of(path: str | os.PathLike[str]) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def connect_to(path: str | os.PathLike[str]) -> None:
    cfg.CONF.set_override("connection", "sqlite:///%s" % path, "database")


class PlacesTestCase(test.TestCase):
    """A home, and a folder for temporary files."""

    def setUp(self) -> None:
        super().setUp()
        self.home = pathlib.Path(self.make_home())
        temporary = tempfile.TemporaryDirectory(prefix="rally-test-")
        self.addCleanup(temporary.cleanup)
        self.addCleanup(setattr, tempfile, "tempdir", tempfile.tempdir)
        tempfile.tempdir = temporary.name
        self.earlier = pathlib.Path(temporary.name) / "rally.sqlite"
        self.own = self.home / ".rally" / "rally.db"
        self.addCleanup(cfg.CONF.clear_override, "connection", "database")
        self.addCleanup(db.engine_reset)


class WhereTestCase(PlacesTestCase):
    def assert_is(self, path: pathlib.Path) -> None:
        self.assertEqual("sqlite:///%s" % path, default_file.connection())

    def test_is_the_home_of_the_user(self):
        self.assert_is(self.own)

    def test_a_user_without_a_home_gets_a_folder(self):
        with mock.patch.object(
            pathlib.Path, "home", side_effect=RuntimeError("no home")
        ):
            name = "rally-%d" % os.geteuid()
            self.assert_is(pathlib.Path(tempfile.tempdir, name, "rally.db"))

    def test_is_what_an_earlier_release_made_for_this_user(self):
        self.earlier.touch()
        self.assert_is(self.earlier)

    def test_stays_in_the_home_once_it_is_there(self):
        self.own.parent.mkdir()
        self.own.touch()
        self.earlier.touch()
        self.assert_is(self.own)

    def test_is_no_link_that_may_lead_anywhere(self):
        self.earlier.symlink_to(self.home / "elsewhere")
        self.assert_is(self.own)

    @unittest.skipUnless(os.getuid() == 0, "only root can give files away")
    def test_is_no_file_of_another_user(self):
        self.earlier.touch()
        os.chown(self.earlier, NOBODY, NOBODY)
        self.assert_is(self.own)


class ModesTestCase(PlacesTestCase):
    def test_nobody_else_reads_what_is_made(self):
        connect_to(self.own)
        db.schema_ensure()
        self.assertEqual(0o700, mode_of(self.own.parent))
        self.assertEqual(0o600, mode_of(self.own))

    def test_a_home_may_be_a_link(self):
        link = self.earlier.with_name("link")
        link.symlink_to(self.home)
        os.environ["HOME"] = str(link)
        connect_to(default_file.own())
        db.schema_ensure()
        self.assertEqual(0o600, mode_of(self.own))

    def test_a_file_that_all_may_read_is_closed(self):
        for path in (self.own, self.earlier):
            connect_to(path)
            db.schema_ensure()
            db.engine_reset()
            os.chmod(path, 0o644)
            db.env_list()
            self.assertEqual(0o600, mode_of(path))
            db.engine_reset()

    def test_a_file_that_somebody_configured_keeps_its_mode(self):
        path = self.home / "shared.sqlite"
        connect_to(path)
        db.schema_ensure()
        db.engine_reset()
        os.chmod(path, 0o660)
        db.env_list()
        self.assertEqual(0o660, mode_of(path))


@unittest.skipUnless(os.getuid() == 0, "only root can give files away")
class StrangerTestCase(PlacesTestCase):
    def made_by_a_stranger(self, name: str, folder_mode: int) -> None:
        """A database beside which, or at which, there is such a file."""
        os.chmod(self.earlier.parent, folder_mode)
        connect_to(self.earlier)
        db.schema_ensure()
        db.engine_reset()
        path = self.earlier.with_name(name)
        path.touch()
        os.chown(path, NOBODY, NOBODY)

    def test_where_all_may_make_files_it_is_refused(self):
        for name in ("rally.sqlite", "rally.sqlite-journal"):
            self.made_by_a_stranger(name, 0o1777)
            for use in (db.env_list, db.schema_create, db.schema_upgrade):
                error = self.assertRaises(errors.DatabaseOfStranger, use)
                self.assertIn("nobody", str(error))
                self.assertIn(str(self.earlier.with_name(name)), str(error))
            os.unlink(self.earlier.with_name(name))

    def test_what_a_link_leads_to_is_looked_at(self):
        self.made_by_a_stranger("rally.sqlite", 0o1777)
        link = self.home / "rally.sqlite"
        link.symlink_to(self.earlier)
        connect_to(link)
        self.assertRaises(errors.DatabaseOfStranger, db.env_list)

    def test_where_only_some_may_make_files_they_share_it(self):
        self.made_by_a_stranger("rally.sqlite", 0o770)
        self.assertEqual([], db.env_list())
