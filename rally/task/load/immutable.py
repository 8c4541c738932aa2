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

"""What cannot change, so that all iterations may share it."""

from __future__ import annotations

import datetime
import types
import typing as t

#: types of which nobody can change a value, whatever it holds
ATOMIC = frozenset({
    type(None), bool, int, float, complex, str, bytes, range, type,
    types.FunctionType, types.BuiltinFunctionType, types.EllipsisType,
    types.NotImplementedType, types.CodeType, property, datetime.date,
    datetime.timedelta,
})
_MAX_DEPTH = 20


def is_immutable(value: t.Any, depth: int = 0) -> bool:
    """Whether nobody can change *value*, so that all may share it."""
    kind = type(value)
    if kind in ATOMIC or isinstance(value, type):
        return True
    if kind in (datetime.datetime, datetime.time):
        return is_immutable(value.tzinfo, depth + 1)
    if kind is datetime.timezone:
        return True
    return (
        kind in (tuple, frozenset)
        and depth < _MAX_DEPTH
        and all(is_immutable(item, depth + 1) for item in value)
    )
