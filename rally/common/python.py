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

"""Starting modules in Pythons of their own."""

from __future__ import annotations

import sys

#: what ``-P`` does from Python 3.11 on
_RUN = (
    "import sys; del sys.path[0]; import runpy; "
    "runpy.run_module(%r, run_name='__main__', alter_sys=True)"
)


def command(
    module: str,
    python: str = sys.executable,
    release: tuple[int, ...] = sys.version_info[:2],
) -> list[str]:
    """Command line of *python* that runs *module*; its arguments follow.

    Modules are looked for where they are installed and in ``PYTHONPATH``.
    ``python -m`` alone takes those of the current folder first, so a file
    ``random.py`` of a user would be run in place of Python's own.

    :param release: of *python*
    """
    if release >= (3, 11):
        return [python, "-P", "-m", module]
    return [python, "-c", _RUN % module]
