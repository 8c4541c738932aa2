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

"""Where the configuration is looked for."""

from __future__ import annotations

import os
import sys
import typing as t

SEARCH_PATHS = [
    os.path.join(sys.prefix, "etc", "rally"),
    "~/.rally",
    "/etc/rally",
]
FILE_NAME = "rally.conf"


def default_files(
    folders: t.Sequence[str] = tuple(SEARCH_PATHS),
) -> list[str]:
    """The first ``rally.conf`` in *folders*, as a list."""
    for folder in folders:
        path = os.path.join(os.path.expanduser(folder), FILE_NAME)
        if os.path.isfile(path):
            return [os.path.abspath(path)]
    return []
