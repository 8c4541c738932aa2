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

"""Column types: names, texts and bytes, JSON in text, exact timestamps.

What they are on MySQL does not depend on how its database was made: texts
take any character, and names differ if their letters do.
"""

from __future__ import annotations

import json
import typing as t

import sqlalchemy as sa
from sqlalchemy.engine import interfaces
from sqlalchemy.ext import mutable

from rally.common import texts, utf8
from rally.common.db import errors

#: all characters there are, also where the database was made with fewer
_CHARSET = "utf8mb4"
#: without, "Prod" and "prod" were one name
_COLLATION = "utf8mb4_bin"


class _OnMySQL(sa.types.TypeDecorator[t.Any]):
    """A type that is another one on MySQL."""

    impl: t.Any = sa.Text
    mysql_type = "LONGTEXT"

    def load_dialect_impl(
        self, dialect: interfaces.Dialect
    ) -> sa.types.TypeEngine[t.Any]:
        if dialect.name not in ("mysql", "mariadb"):
            return super().load_dialect_impl(dialect)
        from sqlalchemy.dialects import mysql

        made = getattr(mysql, self.mysql_type)(**self._mysql_options())
        return dialect.type_descriptor(made)

    def _mysql_options(self) -> dict[str, t.Any]:
        return {}


class LongText(_OnMySQL):
    """ASCII, without the limit of 64 KiB that MySQL has by default."""

    cache_ok = True


class LongBinary(_OnMySQL):
    """Bytes, without that limit."""

    impl = sa.LargeBinary
    mysql_type = "LONGBLOB"
    cache_ok = True


class _Checked(_OnMySQL):
    """A text that is checked before a database sees it.

    :param what: what it is, for the error
    """

    def __init__(self, what: str, length: int | None = None) -> None:
        super().__init__(**({} if length is None else {"length": length}))
        self.what = what
        self.length = length

    def _mysql_options(self) -> dict[str, t.Any]:
        return {"charset": _CHARSET}

    def process_bind_param(
        self, value: str | None, dialect: interfaces.Dialect
    ) -> str | None:
        """:raises NotStorable: not every database could keep it"""
        if value is not None:
            problem = texts.problem_of(self.what, value, self.length)
            if problem:
                raise errors.NotStorable(problem=problem)
        return value

    def coerce_compared_value(
        self, op: t.Any, value: t.Any
    ) -> sa.types.TypeEngine[t.Any]:
        return sa.String()  # what is only looked for need not be storable


class Prose(_Checked):
    """What a person wrote, of any length."""

    cache_ok = True


class Name(_Checked):
    """A name, title or tag.

    :param is_exact: names that differ only in case are two
    """

    impl = sa.String
    mysql_type = "VARCHAR"
    cache_ok = True

    def __init__(
        self, what: str, is_exact: bool = False, length: int = texts.NAME
    ) -> None:
        super().__init__(what, length)
        self.is_exact = is_exact

    def _mysql_options(self) -> dict[str, t.Any]:
        exact = {"collation": _COLLATION} if self.is_exact else {}
        return {**super()._mysql_options(), "length": self.length, **exact}


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
