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

"""Runs command lines one after another through ``rally``'s entry point.

``python -m tests.functional.many``: one process for all of them saves each
the start of Python, where a test does not care for it. It reads a JSON list
of argument lists, and writes a JSON line with exit code and output for each
as it ends.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys

from rally.cli import main


def rally(words: list[str]) -> tuple[int, str]:
    """Exit code and output of a command line."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        try:
            main.main(words)
        except SystemExit as e:
            code = e.code
    return int(code or 0), out.getvalue()


if __name__ == "__main__":
    for each in json.load(sys.stdin):
        print(json.dumps(rally(each)), flush=True)
