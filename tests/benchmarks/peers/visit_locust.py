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

"""What Locust runs; as many requests as REQUESTS says, then it ends."""

from __future__ import annotations

import itertools
import os

import gevent
import locust
from locust.contrib import fasthttp

REQUESTS = int(os.environ["REQUESTS"])
HOST = os.environ["URL"].rstrip("/")
USERS = int(os.environ["USERS"])
started = itertools.count(1)


def visit(user: locust.User) -> None:
    number = next(started)
    if number <= REQUESTS:
        user.client.get("/")
        return
    if number == REQUESTS + USERS:  # the last user: let it stop first
        gevent.spawn(user.environment.runner.quit)
    raise locust.exception.StopUser()


if os.environ["KIND"] == "fast":
    class FastUser(fasthttp.FastHttpUser):
        """On geventhttpclient."""

        host = HOST
        tasks = [visit]
else:
    class PlainUser(locust.HttpUser):
        """On requests."""

        host = HOST
        tasks = [visit]
