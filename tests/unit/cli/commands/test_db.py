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

"""Commands about the database itself."""

from __future__ import annotations

import os

import ddt

from rally.common import cfg
from rally.common.db import schema
from tests.unit.cli import base


@ddt.ddt
class DBCommandsTestCase(base.CommandTestCase):
    def test_create_makes_it_once(self):
        outcome = self.rally("db", "create")
        self.assertEqual(0, outcome.code)
        self.assertEqual(
            "Creating database: sqlite:///%s\n"
            "Database created successfully\n" % self.path("rally.sqlite"),
            outcome.out,
        )
        self.assertEqual(201, self.rally("db", "create").code)

    def test_ensure_makes_it_if_there_is_none(self):
        self.assertIn(
            "Database created successfully", self.rally("db", "ensure").out
        )
        self.assertIn("It is there already", self.rally("db", "ensure").out)

    def test_recreate_forgets_everything(self):
        self.make_env()
        outcome = self.rally("db", "recreate")
        self.assertIn("All records were removed", outcome.out)
        self.assertIn("Database created successfully", outcome.out)
        self.assertIn(
            "There are no environments", self.rally("env", "list").out
        )
        self.assertIn("RALLY_ENV=\n", self.read(".rally/globals"))

    def test_revision_is_printed(self):
        self.assertEqual("None\n", self.rally("db", "revision").out)
        self.rally("db", "create")
        self.assertEqual(
            schema.HEAD_REVISION + "\n", self.rally("db", "revision").out
        )

    def test_upgrade_of_the_newest_changes_nothing(self):
        self.rally("db", "create")
        outcome = self.rally("db", "upgrade")
        self.assertEqual(0, outcome.code)
        self.assertIn("up to date already", outcome.out)

    def test_an_old_database_is_to_be_upgraded_first(self):
        self.rally("db", "create")
        self.rally("db", "revision")
        schema.schema_stamp(schema.LAST_RALLY_REVISION)
        outcome = self.rally("env", "list")
        self.assertEqual(2, outcome.code)
        self.assertIn("rally db upgrade", outcome.out)

    def test_what_nobody_configured_is_made_on_first_use(self):
        os.remove(self.path(".rally/rally.conf"))
        conf = cfg.CONF
        self.addCleanup(
            conf.set_default, "connection", conf.database.connection,
            group="database",
        )
        conf.set_default(
            "connection", "sqlite:///" + self.path("default.sqlite"),
            group="database",
        )
        outcome = self.rally("env", "list")
        self.assertEqual(0, outcome.code, outcome)
        self.assertTrue(os.path.exists(self.path("default.sqlite")))

    def test_no_message_shows_a_password(self):
        for address in (
            "postgresql://joe:hunter22@h/r?password=hunter22",
            "postgresql://h/r?user=joe&password=hunter22",
            "mysql://joe:hunt@er:22@h/r", "postgresql//joe:hunter22@h/r",
            "joe:hunt/er22@h", "sqlite:////no/x?password=hunter22",
            "postgresql://joe:hunter22@h:port/r", "x://joe:hunter22@h/r",
        ):
            self.write(
                ".rally/rally.conf", "[database]\nconnection = " + address
            )
            for words in (
                "env list", "db show", "db create", "db revision",
                "db upgrade",
            ):
                done = self.rally(*words.split())
                for part in ("hunt", "er22", "er:22"):
                    self.assertNotIn(part, done.out + done.err, words)

    @ddt.data(
        ([], "postgresql://**:**@db.example/rally\n"),
        (["--creds"], "postgresql://joe:secret@db.example/rally\n"),
    )
    @ddt.unpack
    def test_show_masks_credentials(self, words, shown):
        self.write(
            ".rally/rally.conf",
            "[database]\n"
            "connection = postgresql://joe:secret@db.example/rally\n",
        )
        self.assertEqual(shown, self.rally("db", "show", *words).out)
