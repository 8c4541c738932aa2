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


"""Runs the functional tests with their databases on a server.

``python -m tests.on_servers postgresql mysql``: on one server after the other,
which is started for it. ``--only REGEX`` picks tests by name. The server is
strict: what it would have to cut, it refuses.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys

from tests import run
from tests.functional import servers

KINDS: dict[str, type[servers.Server]] = {
    "postgresql": servers.PostgreSQL, "mysql": servers.MariaDB,
}
#: those with servers of their own have nothing to gain
OTHERS = r"^(?!.*\.test_servers\.).*"


def run_on(kind: type[servers.Server], only: str) -> int:
    """Run the tests; the exit status."""
    reason = kind.why_not()
    if reason:
        print("%s: %s" % (kind.NAME, reason))
        return 1
    server = kind()
    try:
        os.environ["RALLY_TEST_SERVER"] = server.first_url
        print("== databases on %s" % kind.NAME, flush=True)
        return run.main(["functional"], OTHERS + only)
    finally:
        server.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", choices=KINDS)
    parser.add_argument("--only", default="", metavar="REGEX")
    asked = parser.parse_args()
    # no server may outlive us
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    return max(
        run_on(KINDS[kind], asked.only) for kind in asked.kinds or KINDS
    )


if __name__ == "__main__":
    sys.exit(main())
