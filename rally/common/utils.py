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

"""Small helpers that plugins use."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import tempfile
import typing as t
import uuid

from rally.common import lockeddict, logging, names, timing

LOG = logging.getLogger(__name__)

LockedDict = lockeddict.LockedDict
RandomNameGeneratorMixin = names.RandomNameGeneratorMixin
make_name_matcher = names.make_name_matcher
name_matches_object = names.name_matches_object
Stopwatch = timing.Stopwatch
Timer = timing.Timer
interruptable_sleep = timing.interruptable_sleep
terminate_thread = timing.terminate_thread
timeout_thread = timing.timeout_thread

_T = t.TypeVar("_T")


class ImmutableMixin:
    """Attributes cannot be set once ``__init__`` of this class has run."""

    _inited = False

    def __init__(self) -> None:
        self._inited = True

    def __setattr__(self, key: str, value: t.Any) -> None:
        if self._inited:
            raise AttributeError(
                f"{type(self).__name__} is immutable: {key} cannot be set"
            )
        super().__setattr__(key, value)


class EnumMixin:
    """Iterates over the values of the public attributes, by their names."""

    def __iter__(self) -> t.Iterator[t.Any]:
        for name in dir(self):
            if not name.startswith("_"):
                value = getattr(self, name)
                if not callable(value):
                    yield value


class StdOutCapture(contextlib.redirect_stdout[io.StringIO]):
    """Within the block, standard output goes to a ``StringIO``."""

    def __init__(self) -> None:
        super().__init__(io.StringIO())


class StdErrCapture(contextlib.redirect_stderr[io.StringIO]):
    """Within the block, standard error goes to a ``StringIO``."""

    def __init__(self) -> None:
        super().__init__(io.StringIO())


class Struct:
    """An object with the given attributes."""

    def __init__(self, **entries: t.Any) -> None:
        self.__dict__.update(entries)

    def __getitem__(self, item: str, default: t.Any = None) -> t.Any:
        return getattr(self, item, default)


class RAMInt:
    """A counter that processes share: each value is drawn exactly once.

    :param base_value: the first value
    """

    def __init__(self, base_value: int = 0) -> None:
        import multiprocessing

        self._value = multiprocessing.Value("q", base_value)

    def __int__(self) -> int:
        return self._value.value

    def __str__(self) -> str:
        return str(int(self))

    def __iter__(self) -> RAMInt:
        return self

    def __next__(self) -> int:
        with self._value.get_lock():
            value = self._value.value
            self._value.value = value + 1
        return value

    def next(self) -> int:
        return self.__next__()

    def reset(self) -> None:
        with self._value.get_lock():
            self._value.value = 0


class DequeAsQueue:
    """A ``collections.deque`` with the methods of a queue."""

    def __init__(self, deque: t.Any) -> None:
        self.deque = deque

    def qsize(self) -> int:
        return len(self.deque)

    def put(self, value: t.Any) -> None:
        self.deque.append(value)

    def get(self) -> t.Any:
        return self.deque.popleft()

    def empty(self) -> bool:
        return not self.deque


def retry(
    times: int, func: t.Callable[..., _T], *args: t.Any, **kwargs: t.Any
) -> _T | None:
    """Call *func* until it does not raise.

    :param times: how often at most; what the last call raises escapes
    :returns: what *func* returned; None if *times* is 0
    """
    for attempt in range(1, times + 1):
        try:
            return func(*args, **kwargs)
        except Exception:  # whatever a plugin's function raises
            if attempt == times:
                raise
    return None


def iterate_per_tenants(
    users: t.Iterable[t.Mapping[str, t.Any]],
) -> t.Iterator[tuple[t.Mapping[str, t.Any], t.Any]]:
    """Yield the first user of each tenant, with the tenant's id."""
    seen = set()
    for user in users:
        tenant_id = user["tenant_id"]
        if tenant_id not in seen:
            seen.add(tenant_id)
            yield user, tenant_id


def generate_random_path(root_dir: str | None = None) -> str:
    """A path that does not exist yet.

    :param root_dir: folder it is in; by default that of temporary files
    """
    return os.path.join(root_dir or tempfile.gettempdir(), str(uuid.uuid4()))


class BackupHelper:
    """Takes back changes to files and folders if the block raises.

    ``with BackupHelper() as backup: backup(path); ...``
    """

    def __init__(self) -> None:
        self._folder = tempfile.mkdtemp()
        self._stored: dict[str, str] = {}
        self._actions: list[t.Callable[[], t.Any]] = []

    def backup(self, original_path: str) -> None:
        """Keep a copy of a file or folder.

        :raises OSError: it cannot be read
        """
        path = original_path.rstrip("/")
        if path in self._stored:
            raise RuntimeError(f"{path} is backed up already")
        copy = generate_random_path(self._folder)
        if os.path.isdir(path):
            shutil.copytree(path, copy, symlinks=True)
        else:
            shutil.copy2(path, copy)
        LOG.debug("Backed up %s to %s", path, copy)
        self._stored[path] = copy

    def rollback(self) -> None:
        """Put the copies back, then call the rollback actions."""
        for path, copy in self._stored.items():
            LOG.debug("Restoring %s", path)
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            elif os.path.lexists(path):
                os.remove(path)
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            shutil.move(copy, path)
        self._stored.clear()
        for action in self._actions:
            action()
        self._actions.clear()

    def add_rollback_action(
        self, method: t.Callable[..., t.Any], *args: t.Any, **kwargs: t.Any
    ) -> None:
        """Have *method* called by a rollback."""
        self._actions.append(lambda: method(*args, **kwargs))

    def __enter__(self) -> BackupHelper:
        return self

    def __exit__(self, exc_type: t.Any, exc_val: t.Any, exc_tb: t.Any) -> None:
        try:
            if exc_type is not None:
                self.rollback()
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def __call__(self, path: str) -> BackupHelper:
        self.backup(path)
        return self
