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

"""Objects, their versions, and what has happened to them.

Every change gets the next number of the store as ``resourceVersion``. The
last changes are kept for watches; who asks for older ones is told that they
are gone, and has to list again.
"""

from __future__ import annotations

import copy
import datetime
import threading
import typing as t
import uuid

Object: t.TypeAlias = dict[str, t.Any]


class Refused(Exception):
    """A request that fails; what its ``Status`` says."""

    def __init__(
        self, code: int, reason: str, message: str,
        headers: t.Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.headers = dict(headers or {})

    @property
    def status(self) -> Object:
        return {
            "kind": "Status", "apiVersion": "v1", "metadata": {},
            "status": "Failure", "message": str(self),
            "reason": self.reason, "code": self.code,
        }


class Change(t.NamedTuple):
    version: int
    kind: str  # as in a path: "pods"
    type: str  # ADDED, MODIFIED or DELETED
    object: Object


class Store:
    """Objects of all kinds in one namespace."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self._objects: dict[tuple[str, str], Object] = {}
        self._changes: list[Change] = []
        self._forgotten = 0  # version of the last change that is not kept
        self.version = 1

    # ---- reading

    def get(self, kind: str, name: str) -> Object:
        with self.changed:
            return copy.deepcopy(self._existing(kind, name))

    def all(self, kind: str) -> list[Object]:
        with self.changed:
            return copy.deepcopy([
                each for (its_kind, _), each in sorted(self._objects.items())
                if its_kind == kind
            ])

    def since(self, version: int) -> list[Change]:
        """:raises Refused: some of these changes are not kept any more"""
        with self.changed:
            if version < self._forgotten:
                raise Refused(
                    410, "Expired", "too old resource version: %d (%d)"
                    % (version, self._forgotten),
                )
            return [each for each in self._changes if each.version > version]

    # ---- writing

    def create(self, kind: str, new: Object) -> Object:
        with self.changed:
            name = new["metadata"]["name"]
            if (kind, name) in self._objects:
                raise Refused(
                    409, "AlreadyExists",
                    '%s "%s" already exists' % (kind, name),
                )
            made = copy.deepcopy(new)
            made["metadata"].update(
                uid=str(uuid.uuid4()), creationTimestamp=timestamp(),
            )
            self._put(kind, "ADDED", made)
            return copy.deepcopy(made)

    def update(
        self, kind: str, name: str, change: t.Callable[[Object], None]
    ) -> Object:
        """Have *change* change an object; nothing happens if it does not."""
        with self.changed:
            new = copy.deepcopy(self._existing(kind, name))
            change(new)
            if new != self._existing(kind, name):
                self._put(kind, "MODIFIED", new)
            return copy.deepcopy(new)

    def remove(self, kind: str, name: str) -> None:
        with self.changed:
            gone = self._existing(kind, name)
            del self._objects[kind, name]
            self._note(kind, "DELETED", copy.deepcopy(gone))

    def forget(self) -> None:
        """Keep none of the changes so far, as etcd does every few minutes."""
        with self.changed:
            self._changes.clear()
            self._forgotten = self.version

    # ---- with the lock

    def _existing(self, kind: str, name: str) -> Object:
        try:
            return self._objects[kind, name]
        except KeyError:
            raise Refused(
                404, "NotFound", '%s "%s" not found' % (kind, name)
            ) from None

    def _put(self, kind: str, type_: str, new: Object) -> None:
        self._objects[kind, new["metadata"]["name"]] = new
        self._note(kind, type_, new)

    def _note(self, kind: str, type_: str, of: Object) -> None:
        self.version += 1
        of["metadata"]["resourceVersion"] = str(self.version)
        self._changes.append(
            Change(self.version, kind, type_, copy.deepcopy(of))
        )
        self.changed.notify_all()


def timestamp() -> str:
    now = datetime.datetime.now(datetime.timezone.utc)
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")
