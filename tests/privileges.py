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

"""Run a test as a user that file modes hold for, though it is root."""

from __future__ import annotations

import ctypes
import os
import threading
import typing as t

PR_CAPBSET_DROP = 24
CAP_VERSION_3 = 0x20080522
#: CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
OVERRIDES = (1, 2)


class _Header(ctypes.Structure):
    _fields_: t.ClassVar = [
        ("version", ctypes.c_uint32), ("pid", ctypes.c_int)
    ]


class _Data(ctypes.Structure):
    _fields_: t.ClassVar = [
        (name, ctypes.c_uint32)
        for name in ("effective", "permitted", "inheritable")
    ]


def held_to_modes(func: t.Callable[[], None]) -> None:
    """Call *func* in a thread that may not override the modes of files.

    Neither may processes that it starts. What it raises is raised here.

    :raises OSError: the kernel does not let go of the capabilities
    """
    failures: list[BaseException] = []

    def run() -> None:
        try:
            if os.geteuid() == 0:
                _drop_overrides()
            func()
        except BaseException as e:  # raised where the test can see it
            failures.append(e)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]


def _drop_overrides() -> None:
    """Capabilities are those of a thread, and of what it starts."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in OVERRIDES:
        _check(libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0))
    header, data = _Header(CAP_VERSION_3, 0), (_Data * 2)()
    _check(libc.capget(ctypes.byref(header), data))
    kept = ~sum(1 << capability for capability in OVERRIDES)
    for name, _ in _Data._fields_:
        setattr(data[0], name, getattr(data[0], name) & kept)
    _check(libc.capset(ctypes.byref(header), data))


def _check(status: int) -> None:
    if status:
        raise OSError(ctypes.get_errno(), "capabilities cannot be dropped")
