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

"""Coverage-guided fuzzing of what comes over the wire and over pipes.

``python -m tests.fuzz.fuzz_codec FOLDER -max_total_time=SECONDS``
"""

from __future__ import annotations

from tests.fuzz import guided
from tests.fuzz.__main__ import FUZZERS

if __name__ == "__main__":
    guided.fuzz(FUZZERS["fuzz_codec"])
