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

"""Verification: running the test suites of others, such as Tempest.

A *verifier* is an installed test tool: a plugin that knows how to handle it,
a git clone and a virtual environment. A *verification* is one stored run.

``manager``, ``context``, ``reporter``
    what plugins are made from: handling a tool, preparing a run, reporting
``utils``
    what plugins use
``repository``, ``installation``
    the git clone; the virtual environment
``processes``, ``guard``
    commands of tools, which never outlive what they are for
``locks``
    one command at a time for each verifier
``ini_text``
    options in a configuration file, whose comments stay
"""

from __future__ import annotations
