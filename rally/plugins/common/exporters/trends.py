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

"""Trends over several tasks, as one page of HTML."""

from __future__ import annotations

import typing as t

from rally.task import exporter


@exporter.configure("trends-html")
class TrendsExporter(exporter.StreamingExporter):
    """HTML page that shows how equal workloads did from task to task."""

    def write(self, stream: t.TextIO) -> None:
        from rally.task.processing import plot

        stream.write(plot.trends(self.tasks_results, include_libs=True))


@exporter.configure("trends-html-static")
class TrendsStaticExport(TrendsExporter):
    """The same page as ``trends-html``, under its earlier name."""
