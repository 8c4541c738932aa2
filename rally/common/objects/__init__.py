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

"""Records of the database as objects."""

from __future__ import annotations

import importlib
import typing as t

from rally.common.db import StoredChunk
from rally.common.objects.task import Subtask, Task, Workload

if t.TYPE_CHECKING:
    from rally.common.objects.verification import Verification
    from rally.common.objects.verifier import Verifier

__all__ = [
    "StoredChunk", "Subtask", "Task", "Verification", "Verifier", "Workload",
]

#: what is loaded when somebody asks for it -> the module that has it
_LOADED_LATER = {
    # it lies above this package: environments bring plugins along
    "Deployment": "rally.common.objects.deploy",
    # tasks do not need them
    "Verification": "rally.common.objects.verification",
    "Verifier": "rally.common.objects.verifier",
}


def __getattr__(name: str) -> t.Any:
    if name not in _LOADED_LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_LOADED_LATER[name]), name)
