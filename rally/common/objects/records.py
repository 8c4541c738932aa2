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

"""What all objects that wrap a row of the database can do."""

from __future__ import annotations

import datetime as dt
import typing as t

from rally import consts

Values: t.TypeAlias = dict[str, t.Any]


class Record:
    """A row, whose columns are both keys and attributes.

    :param values: the row, as the database gives it
    """

    TIME_FORMAT = consts.TimeFormat.ISO8601

    def __init__(self, values: Values) -> None:
        self._values = values

    def __getitem__(self, key: str) -> t.Any:
        return self._values[key]

    def __getattr__(self, name: str) -> t.Any:
        # while an instance is being copied it has no values yet
        values = self.__dict__.get("_values", {})
        if name not in values:
            raise AttributeError(
                "%s has no attribute %r" % (type(self).__name__, name)
            )
        return values[name]

    def to_dict(self) -> Values:
        """Plain values, times as text."""
        return {
            key: (
                value.strftime(self.TIME_FORMAT)
                if isinstance(value, dt.datetime)
                else value
            )
            for key, value in self._values.items()
        }
