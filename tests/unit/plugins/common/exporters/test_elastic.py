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
from tests.unit.plugins.common.exporters import clusters
from tests.unit.task.processing import fakes

RELEASES = (
    ("2.4.1", None), ("5.6.16", None), ("6.8.0", None), ("7.17.0", None),
    ("8.15.0", None), ("9.0.0", None), ("1.3.0", "opensearch"),
    ("2.17.0", "opensearch"), ("3.0.0", "opensearch"),
)


def rows():
    parent = fakes.iteration(0)
    fails_inside = fakes.failed(
        1, atomic_actions=[fakes.action("a", 1.0, 1.0, failed=True)]
    )
    return [parent, fails_inside, fakes.failed(2)]


@ddt.ddt
class ExporterTestCase(test.TestCase):
    def cluster(self, version="8.15.0", distribution=None):
        cluster = clusters.Cluster(version, distribution)
        thread = threading.Thread(
            target=cluster.serve_forever, kwargs={"poll_interval": 0.01}
        )
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(cluster.server_close)
        self.addCleanup(cluster.shutdown)
        return cluster

    def export(self, destination, results=None):
        tasks = [fakes.task(fakes.workload(results or rows()))]
        exporter.ElasticSearchExporter(tasks, destination).generate()

    @ddt.data(*RELEASES)
    @ddt.unpack
    def test_sends_documents_to_a_cluster(self, version, distribution):
        cluster = self.cluster(version, distribution)
        self.validate(cluster.url)
        self.export(cluster.url)
        self.assertEqual(set(documents.FIELDS), set(cluster.indices))
        self.assertIn(
            (documents.TASK_INDEX, "task-uuid"), cluster.documents
        )
        self.assertEqual(1 + 1 + 2 + 1 + 3, len(cluster.documents))

    @ddt.data(*RELEASES)
    @ddt.unpack
    def test_refuses_to_export_a_task_twice(self, version, distribution):
        cluster = self.cluster(version, distribution)
        self.export(cluster.url)
        error = self.assertRaises(
            exporter.AlreadyExported, self.export, cluster.url
        )
        self.assertIn("task-uuid", str(error))

    @ddt.data(*RELEASES)
    @ddt.unpack
    def test_a_long_traceback_is_no_reason_to_refuse(
        self, version, distribution
    ):
        cluster = self.cluster(version, distribution)
        self.export(cluster.url, [fakes.failed(1, "\u20ac" * 20_000)])
        self.assertEqual(5, len(cluster.documents))

    def test_requests_are_bounded(self):
        cluster = self.cluster()
        cluster.max_body = 5_000_000
        results = [fakes.failed(i, "x" * 100_000) for i in range(60)]
        self.export(cluster.url, results)
        self.assertEqual(2 + 3 * 60, len(cluster.documents))
        self.assertGreater(len(cluster.bodies), 2)

    def test_writes_the_same_documents_to_a_file(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "bulk"
            self.export(str(path))
            text = path.read_text()
        cluster = self.cluster("6.8.0")
        self.export(cluster.url)
        sent, cluster.documents = cluster.documents, {}
        cluster.take_bulk(text)
        self.assertEqual(sent, cluster.documents)

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
        newer = self.cluster("10.1.0").url.removeprefix("http://")
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

    def validate(self, destination):
        exporter.Validator().validate({}, {}, None, destination)

    def test_accepts_known_clusters_and_files(self):
        self.validate(self.cluster("5.6").url)
        self.validate({"destination": "/tmp/bulk"})

    def test_refuses_clusters_of_another_release(self):
        error = self.assertRaises(
            validation.ValidationError,
            self.validate, self.cluster("10.1.0").url,
        )
        self.assertIn("Elasticsearch 10.1.0", str(error))

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
