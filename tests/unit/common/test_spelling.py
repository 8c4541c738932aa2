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

from __future__ import annotations

import ddt

from rally.common import spelling
from tests.unit import test

KNOWN = ("times", "timeout", "concurrency")


@ddt.ddt
class DidYouMeanTestCase(test.TestCase):
    @ddt.data(
        (["timees"], " Did you mean times or timeout?"),
        (["timees", "concurency"], " Did you mean times or concurrency?"),
        (["times!", "tmes"], " Did you mean times?"),
        (["nothing like it"], ""),
        ([], ""),
    )
    @ddt.unpack
    def test_what_is_alike_is_proposed(
        self, names: list[str], question: str
    ) -> None:
        self.assertEqual(question, spelling.did_you_mean(names, KNOWN))
