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

"""Reports for people: one page of HTML that needs nothing else."""

from __future__ import annotations

import typing as t

from rally.task import exporter


@exporter.configure("html")
class HTMLExporter(exporter.StreamingExporter):
    """HTML page with overview, charts and details of every workload.

    The page brings its scripts along: it works without a network, also
    years later.
    """

    def write(self, stream: t.TextIO) -> None:
        from rally.task.processing import plot

        stream.write(plot.plot(self.tasks_results, include_libs=True))


@exporter.configure("html-static")
class HTMLStaticExporter(HTMLExporter):
    """The same page as ``html``, under the name of earlier releases."""
