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

"""What Locust runs: tasks that do nothing, until there were TIMES of them.

Each tells Locust of one request, as any task does that measures something.
"""

from __future__ import annotations

import itertools
import os

import locust

TIMES = int(os.environ["TIMES"])
ended = itertools.count(1)


class Noop(locust.User):
    wait_time = locust.constant(0)

    @locust.task
    def noop(self) -> None:
        self.environment.events.request.fire(
            request_type="noop", name="noop", response_time=0.0,
            response_length=0, exception=None, context={},
        )
        if next(ended) >= TIMES:
            self.environment.runner.quit()
