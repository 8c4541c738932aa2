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

"""What Rally costs, beside the released Rally: ``python -m tests.benchmarks``.

Every figure is a ratio, or a share, measured within one run on one machine,
so it means the same on a slow and on a fast one. Both programs are run
through their command lines, as a user runs them, each with a home, a
configuration and an SQLite file of its own. Nothing here asserts: the table
says what holds.

``processes`` runs a command and adds up what its whole tree of processes
used; ``site`` is a Rally with its database; ``lines`` has one module per
group of budgets; ``figures`` and ``table`` compute and show, without I/O.
"""
