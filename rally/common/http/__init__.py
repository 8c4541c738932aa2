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

"""An HTTP client on libcurl, made for load.

``request`` turns arguments into options of libcurl, ``handle`` owns one
connection cache and makes the requests of one thread, ``client`` and
``async_client`` are what scenarios use. Nothing here imports pycurl before
it makes a request, but ``request``, ``handle`` and ``async_client`` do when
they are imported themselves.
"""
