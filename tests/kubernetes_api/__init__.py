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

"""A control plane for tests, as strict as the real one where Rally uses it.

``store``
    objects with versions, what happened to them, 409 and 410
``server``
    the HTTP API: TLS, tokens, RBAC, selectors, pages, watches, faults
``controllers``
    what makes pods of Jobs, finds nodes for them and collects garbage
``kubelet``
    runs pods, as processes if the test wants it
"""
