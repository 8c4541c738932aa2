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

"""The lock under which a schema is changed, where servers differ."""

from __future__ import annotations

import typing as t
from unittest import mock

import pymysql
import sqlalchemy as sa

from rally import exceptions
from rally.common.db import schema_lock
from tests.unit import test

#: what a cluster says that forbids such locks
FORBIDDEN = pymysql.err.OperationalError(1105, "prohibits use of GET_LOCK")
GONE = pymysql.err.OperationalError(2013, "Lost connection")


def connection(answer: t.Any) -> t.Any:
    """One to MySQL, whose statements have this answer or raise it."""
    made = mock.MagicMock()
    made.dialect.name = "mysql"
    made.begin.return_value.__exit__.return_value = False
    if isinstance(answer, Exception):
        made.exec_driver_sql.side_effect = sa.exc.DBAPIError(
            "SELECT", {}, answer
        )
    else:
        made.exec_driver_sql.return_value.scalar.return_value = answer
    return made


class SchemaLockTestCase(test.TestCase):
    def is_entered(self, answer: t.Any) -> bool:
        with schema_lock.held(connection(answer)):
            return True

    def test_whoever_gets_it_goes_on(self):
        self.assertTrue(self.is_entered(1))

    def test_a_cluster_without_such_locks_does_without(self):
        self.assertTrue(self.is_entered(FORBIDDEN))

    def test_a_server_that_is_gone_is_told(self):
        self.assertRaises(sa.exc.DBAPIError, self.is_entered, GONE)

    def test_it_is_not_waited_for_for_ever(self):
        error = self.assertRaises(
            exceptions.DBMigrationError, self.is_entered, 0
        )
        self.assertIn("another process", str(error))
