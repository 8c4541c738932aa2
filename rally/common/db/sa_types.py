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

"""Column types: JSON in text, long texts and bytes, exact timestamps."""

from __future__ import annotations

import json
import typing as t

import sqlalchemy as sa
from sqlalchemy.engine import interfaces
from sqlalchemy.ext import mutable

from rally.common import utf8


class _Long(sa.types.TypeDecorator[t.Any]):
    """Without the limit of 64 KiB that MySQL has by default."""

    impl: t.Any = sa.Text
    mysql_type = "LONGTEXT"

    def load_dialect_impl(
        self, dialect: interfaces.Dialect
    ) -> sa.types.TypeEngine[t.Any]:
        if dialect.name != "mysql":
            return super().load_dialect_impl(dialect)
        from sqlalchemy.dialects import mysql

        return dialect.type_descriptor(getattr(mysql, self.mysql_type)())


class LongText(_Long):
    """Text."""

    cache_ok = True


class LongBinary(_Long):
    """Bytes."""

    impl = sa.LargeBinary
    mysql_type = "LONGBLOB"
    cache_ok = True


class _JSONEncoded(sa.types.TypeDecorator[t.Any]):
    """A value kept as JSON text; the order of keys is kept too.

    What is read can be shown and reported, whatever text was written.
    """

    impl = LongText
    cache_ok = True

    def process_bind_param(
        self, value: t.Any, dialect: interfaces.Dialect
    ) -> str | None:
        return None if value is None else json.dumps(value)

    def process_result_value(
        self, value: str | None, dialect: interfaces.Dialect
    ) -> t.Any:
        return None if value is None else json.loads(utf8.json_of(value))


class JSONEncodedDict(_JSONEncoded):
    """An object, written when it is assigned."""

    cache_ok = True


class JSONEncodedList(_JSONEncoded):
    """An array, written when it is assigned."""

    cache_ok = True


class MutableJSONEncodedDict(JSONEncodedDict):
    """An object, written when it is assigned or one of its keys is."""

    cache_ok = True


class MutableJSONEncodedList(JSONEncodedList):
    """An array, written when it is assigned or one of its items is."""

    cache_ok = True


mutable.MutableDict.associate_with(MutableJSONEncodedDict)
mutable.MutableList.associate_with(MutableJSONEncodedList)


class TimeStamp(sa.types.TypeDecorator[float]):
    """Seconds since the epoch, kept as an integer of microseconds."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(
        self, value: float | None, dialect: interfaces.Dialect
    ) -> int | None:
        return None if value is None else round(value * 1_000_000)

    def process_result_value(
        self, value: t.Any, dialect: interfaces.Dialect
    ) -> float | None:
        return None if value is None else value / 1_000_000
