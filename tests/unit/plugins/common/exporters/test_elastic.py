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

"""Tests of the export to Elasticsearch, against a small one of our own."""

from __future__ import annotations

import http.server
import json
import pathlib
import tempfile
import threading

import ddt

from rally.common import validation
from rally.plugins.common.exporters.elastic import (
    client,
    documents,
    exporter,
)
from tests.unit import test
from tests.unit.task.processing import fakes


class Cluster(http.server.ThreadingHTTPServer):
    """Answers as Elasticsearch does; keeps what it was sent."""

    daemon_threads = True

    def __init__(self, version):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.version = version
        self.indices = {}
        self.documents = {}
        self.refuses = False
        self.url = "http://127.0.0.1:%d" % self.server_port

    def take_bulk(self, text):
        lines = [json.loads(line) for line in text.splitlines()]
        for action, content in zip(lines[::2], lines[1::2], strict=True):
            place = action["index"]
            self.documents[place["_index"], place["_id"]] = content


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self._answer(200, {"version": {"number": self.server.version}})

    def do_HEAD(self):
        index, *rest = self.path.strip("/").split("/")
        found = (
            (index, rest[1]) in self.server.documents
            if rest
            else index in self.server.indices
        )
        self._answer(200 if found else 404, None)

    def do_PUT(self):
        self.server.indices[self.path.strip("/")] = json.loads(self._body())
        self._answer(200, {})

    def do_POST(self):
        if self.server.refuses:
            item = {"index": {"error": "mapper_parsing_exception"}}
            self._answer(200, {"errors": True, "items": [item]})
            return
        self.server.take_bulk(self._body())
        self._answer(200, {"errors": False})

    def log_message(self, *args):
        pass

    def _body(self):
        return self.rfile.read(int(self.headers["Content-Length"])).decode()

    def _answer(self, status, content):
        body = b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def rows():
    parent = fakes.iteration(0)
    fails_inside = fakes.failed(
        1, atomic_actions=[fakes.action("a", 1.0, 1.0, failed=True)]
    )
    return [parent, fails_inside, fakes.failed(2)]


class ExporterTestCase(test.TestCase):
    def cluster(self, version="6.8.0"):
        cluster = Cluster(version)
        thread = threading.Thread(
            target=cluster.serve_forever, kwargs={"poll_interval": 0.01}
        )
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(cluster.server_close)
        self.addCleanup(cluster.shutdown)
        return cluster

    def export(self, destination):
        tasks = [fakes.task(fakes.workload(rows()))]
        exporter.ElasticSearchExporter(tasks, destination).generate()

    def test_sends_documents_to_a_cluster(self):
        cluster = self.cluster()
        self.export(cluster.url)
        self.assertEqual(set(documents.FIELDS), set(cluster.indices))
        self.assertIn(
            (documents.TASK_INDEX, "task-uuid"), cluster.documents
        )
        self.assertEqual(1 + 1 + 2 + 1 + 3, len(cluster.documents))

    def test_writes_the_same_documents_to_a_file(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "bulk"
            self.export(str(path))
            text = path.read_text()
        from_file, cluster = Cluster("6"), self.cluster()
        self.addCleanup(from_file.server_close)
        from_file.take_bulk(text)
        self.export(cluster.url)
        self.assertEqual(cluster.documents, from_file.documents)

    def test_refuses_to_export_a_task_twice(self):
        cluster = self.cluster()
        self.export(cluster.url)
        error = self.assertRaises(
            exporter.AlreadyExported, self.export, cluster.url
        )
        self.assertIn("task-uuid", str(error))

    def test_says_which_documents_were_refused(self):
        cluster = self.cluster()
        cluster.refuses = True
        error = self.assertRaises(
            client.ClusterError, self.export, cluster.url
        )
        self.assertIn("mapper_parsing_exception", str(error))

    def test_no_message_shows_a_password(self):
        cluster = self.cluster()
        with_password = "http://me:hunter22@%s"
        url = with_password % cluster.url.removeprefix("http://")
        tasks = [fakes.task(fakes.workload(rows()))]
        texts = [exporter.ElasticSearchExporter(tasks, url).generate()]
        texts.append(
            self.assertRaises(exporter.AlreadyExported, self.export, url)
        )
        cluster.documents.clear()
        cluster.refuses = True
        texts.append(self.assertRaises(client.ClusterError, self.export, url))
        newer = self.cluster("7.1").url.removeprefix("http://")
        texts.append(self.assertRaises(
            validation.ValidationError, self.validate, with_password % newer
        ))
        nowhere = "127.0.0.1:1"
        for url in (
            with_password % nowhere, "http://%s?password=hunter22" % nowhere
        ):
            texts.append(
                self.assertRaises(client.ClusterError, self.export, url)
            )
        for text in map(str, texts):
            self.assertIn("***", text)
            self.assertNotIn("hunter22", text)

    def test_speaks_the_types_of_old_clusters(self):
        cluster = self.cluster("2.4.1")
        self.export(cluster.url)
        fields = cluster.indices[documents.TASK_INDEX]["mappings"]["data"]
        self.assertEqual(
            {"type": "string", "index": "not_analyzed"},
            fields["properties"]["status"],
        )

    def validate(self, destination):
        exporter.Validator().validate({}, {}, None, destination)

    def test_accepts_known_clusters_and_files(self):
        self.validate(self.cluster("5.6").url)
        self.validate({"destination": "/tmp/bulk"})

    def test_refuses_clusters_of_another_release(self):
        error = self.assertRaises(
            validation.ValidationError,
            self.validate, self.cluster("7.1.0").url,
        )
        self.assertIn("7.1.0", str(error))

    def test_refuses_a_cluster_that_does_not_answer(self):
        self.assertRaises(
            validation.ValidationError, self.validate, "http://127.0.0.1:1"
        )


@ddt.ddt
class DocumentsTestCase(test.TestCase):
    def actions(self):
        task = fakes.task(fakes.workload(rows()))
        return {
            key.partition("_iter_")[2]: content
            for index, key, content in documents.task_documents(task)
            if index == documents.ACTION_INDEX
        }

    def test_tell_the_parent_of_an_action(self):
        inner = self.actions()["1_action_inner_0"]
        self.assertEqual(
            "workload-uuid_iter_1_action_outer_0", inner["parent"]
        )
        self.assertEqual(0.25, inner["duration"])

    def test_tell_the_error_where_it_happened(self):
        actions = self.actions()
        self.assertEqual(
            "ValueError", actions["2_action_a_0"]["error"][0]
        )
        self.assertNotIn("2_action_no-name-action_0", actions)
        self.assertFalse(actions["3_action_no-name-action_0"]["success"])
        self.assertIsNone(actions["3_action_outer_0"]["error"])

    @ddt.data(
        ({}, []),
        ({"b": 1, "a": None}, ["a=None", "b=1"]),
        ({"a": {"c": [1, {"d": 2}]}}, ["a.c[0]=1", "a.c[1].d=2"]),
        (["x"], ["[0]=x"]),
    )
    @ddt.unpack
    def test_hold_flat_configurations(self, config, expected):
        self.assertEqual(expected, documents.flat(config))
