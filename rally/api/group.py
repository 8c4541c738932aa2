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

"""A group of methods of the API."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from rally import api as rally_api


class APIGroup:
    """Methods about one kind of thing.

    :param api: the API that the group belongs to
    """

    def __init__(self, api: rally_api.API) -> None:
        self.api = api
