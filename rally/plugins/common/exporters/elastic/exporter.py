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

"""Export of tasks to Elasticsearch, or to a file for its bulk request."""

from __future__ import annotations

import pathlib
import typing as t
import urllib.parse

from rally import exceptions
from rally.common import masking, validation
from rally.plugins.common.exporters.elastic import (
    client,
    documents,
    releases,
)
from rally.task import exporter
from rally.task.processing import jsontext

DEFAULT_URL = "http://localhost:9200"
#: documents of one bulk request, and about how many characters: clusters
#: refuse requests of more than 100 MB, some of 10
_BLOCK = 1000
_BLOCK_SIZE = 4_000_000
#: what is written for, if it is for a file: with types, as in Rally before
_FOR_FILES = releases.DOC_TYPE


class AlreadyExported(exceptions.RallyException):
    error_code = 193
    msg_fmt = (
        "Task %(uuid)s is in the cluster at %(url)s already, so exporting it "
        "again would mix two exports of it. Remove it there first, or leave "
        "it out of this export."
    )


@validation.configure("es_exporter_destination")
class Validator(validation.Validator):
    """The destination is a cluster of a known release, or a file.

    Exporter ``elastic`` has it.

    .. code-block:: python

        @validation.add("es_exporter_destination")
    """

    def validate(
        self,
        context: t.Any,
        config: t.Any,
        plugin_cls: t.Any,
        plugin_cfg: t.Any,
    ) -> None:
        destination = plugin_cfg
        if isinstance(plugin_cfg, dict):
            destination = plugin_cfg.get("destination")
        destination = destination or DEFAULT_URL
        if not _is_address(destination):
            return
        try:
            release = client.ElasticSearchClient(destination).release()
        except client.ClusterError as error:
            self.fail(str(error))
        if not release.is_known:
            self.fail(
                "The cluster at %s runs %s, which this exporter does not "
                "know; it knows %s. Export to a file instead."
                % (masking.masked_text(destination), release,
                   releases.known_text())
            )


@validation.add("es_exporter_destination")
@exporter.configure("elastic")
class ElasticSearchExporter(exporter.TaskExporter):
    """Documents in Elasticsearch (2, 5 to 9), OpenSearch, or a file.

    The destination is the address of a cluster, or a file with lines for
    its bulk request, in the form of Elasticsearch 6.
    """

    streams = True

    def generate(self) -> dict[str, t.Any]:
        destination = self.output_destination or DEFAULT_URL
        if _is_address(destination):
            cluster = client.ElasticSearchClient(destination)
            self._export_to(cluster)
            return {
                "print": "Exported to Elasticsearch at %s." % cluster.shown
            }
        path = pathlib.Path(destination).expanduser().absolute()
        with exporter.replacing(path) as stream:
            for task in self.tasks_results:
                stream.writelines(
                    _lines(document, _FOR_FILES)
                    for document in documents.task_documents(task)
                )
        return {"files": {}, "print": "Exported to %s." % path}

    def _export_to(self, cluster: client.ElasticSearchClient) -> None:
        release = cluster.release()
        for index in documents.FIELDS:
            if not cluster.has_index(index):
                body = documents.mapping_of(index, release)
                cluster.create_index(index, body)
        for task in self.tasks_results:
            if cluster.has_document(documents.TASK_INDEX, task["uuid"]):
                raise AlreadyExported(uuid=task["uuid"], url=cluster.shown)
            for request in _requests(task, release.doc_type):
                cluster.push(request)


def _requests(
    task: dict[str, t.Any], doc_type: str | None
) -> t.Iterator[str]:
    """Bodies of bulk requests for all documents of a task."""
    block: list[str] = []
    size = 0
    for document in documents.task_documents(task):
        lines = _lines(document, doc_type)
        if block and (
            len(block) >= _BLOCK or size + len(lines) > _BLOCK_SIZE
        ):
            yield "".join(block)
            block, size = [], 0
        block.append(lines)
        size += len(lines)
    if block:
        yield "".join(block)


def _is_address(destination: str) -> bool:
    return urllib.parse.urlparse(destination).scheme in ("http", "https")


def _lines(document: documents.Document, doc_type: str | None) -> str:
    index, doc_id, content = document
    action = {"_index": index, "_type": doc_type, "_id": doc_id}
    if doc_type is None:
        del action["_type"]
    return "%s\n%s\n" % (
        jsontext.text_of({"index": action}), jsontext.text_of(content),
    )
