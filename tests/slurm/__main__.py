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

"""``python -m tests.slurm``: agents in jobs of a real Slurm on this host.

Where that cannot be had the tests are skipped, with the reason; in CI that is
an error.
"""

from __future__ import annotations

import os
import sys

from tests import run
from tests.slurm import site


def main() -> int:
    reason = site.why_not()
    if reason and os.environ.get("CI"):
        print("The Slurm tests cannot run: %s" % reason)
        return 1
    if reason:
        print("The Slurm tests are skipped: %s" % reason)
        return 0
    return run.main(["slurm"])


if __name__ == "__main__":
    sys.exit(main())
