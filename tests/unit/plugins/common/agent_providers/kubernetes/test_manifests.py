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

"""The objects that a provider makes, against the published schemas."""

from __future__ import annotations

import pathlib
import typing as t

import ddt
import kubernetes_validate

from rally.plugins.common.agent_providers.kubernetes import manifests
from rally.task import agent_provider
from tests.unit import test

TASK = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
FULL: dict[str, t.Any] = {
    "count": 40, "image": "registry/rally:6", "namespace": "load",
    "resources": {"requests": {"cpu": "2"}, "limits": {"memory": "1Gi"}},
    "node_selector": {"pool": "load"}, "service_account": "agents",
    "tolerations": [{"key": "load", "operator": "Exists"}],
    "image_pull_secrets": ["registry"], "env": {"HTTP_PROXY": "http://p"},
    "labels": {"team": "qa"}, "user": 1000, "command": ["/opt/rally"],
    "kubeconfig": "~/k", "context": "c",
}


def order() -> agent_provider.Order:
    return agent_provider.Order(
        TASK, pathlib.Path("/nowhere"), "tcp://ctl:9790", "the secret", 60
    )


@ddt.ddt
class ManifestsTestCase(test.TestCase):
    @ddt.data({"count": 1, "image": "i"}, FULL)
    def test_they_keep_to_the_schemas(self, config: dict[str, t.Any]) -> None:
        for version in ("1.29", "1.31"):
            for made in (
                manifests.job(config, order()),
                manifests.secret(order(), "uid"),
            ):
                kubernetes_validate.validate(made, version, strict=True)

    def test_the_token_is_in_the_secret_alone(self) -> None:
        self.assertNotIn("the secret", repr(manifests.job(FULL, order())))
        self.assertEqual(
            {"fleet.join": "the secret"},
            manifests.secret(order(), "uid")["stringData"],
        )

    def test_only_its_owner_may_read_the_token(self) -> None:
        spec = manifests.job(FULL, order())["spec"]["template"]["spec"]
        (volume,) = (v for v in spec["volumes"] if v["name"] == "join")
        self.assertEqual(0o400, volume["secret"]["defaultMode"])

    def test_the_secret_goes_with_the_job(self) -> None:
        (owner,) = manifests.secret(order(), "uid")["metadata"][
            "ownerReferences"
        ]
        job = manifests.job(FULL, order())
        self.assertEqual(
            (job["kind"], job["metadata"]["name"], "uid"),
            (owner["kind"], owner["name"], owner["uid"]),
        )

    def test_no_pod_is_there_before_the_secret(self) -> None:
        self.assertTrue(manifests.job(FULL, order())["spec"]["suspend"])

    def test_one_pod_that_fails_does_not_end_the_others(self) -> None:
        spec = manifests.job(FULL, order())["spec"]
        self.assertEqual(0, spec["backoffLimitPerIndex"])
        self.assertGreater(spec["backoffLimit"], 10**6)

    def test_what_a_task_says_is_in_the_pods(self) -> None:
        template = manifests.job(FULL, order())["spec"]["template"]
        spec, (container,) = template["spec"], template["spec"]["containers"]
        self.assertEqual("qa", template["metadata"]["labels"]["team"])
        self.assertEqual({"pool": "load"}, spec["nodeSelector"])
        self.assertEqual("agents", spec["serviceAccountName"])
        self.assertEqual([{"name": "registry"}], spec["imagePullSecrets"])
        self.assertEqual(1000, spec["securityContext"]["runAsUser"])
        self.assertEqual(FULL["resources"], container["resources"])
        self.assertIn(
            {"name": "HTTP_PROXY", "value": "http://p"}, container["env"]
        )
        self.assertEqual("/opt/rally", container["args"][0])

    def test_labels_of_a_task_do_not_replace_ours(self) -> None:
        config = {**FULL, "labels": {manifests.FLEET_LABEL: "another"}}
        template = manifests.job(config, order())["spec"]["template"]
        self.assertEqual(
            manifests.fleet_of(order()),
            template["metadata"]["labels"][manifests.FLEET_LABEL],
        )

    @ddt.data((None, True), (1000, True), (0, False))
    @ddt.unpack
    def test_root_is_for_those_who_ask(
        self, user: int | None, is_not_root: bool
    ) -> None:
        config = {"count": 1, "image": "i"}
        if user is not None:
            config["user"] = user
        spec = manifests.job(config, order())["spec"]["template"]["spec"]
        self.assertEqual(is_not_root, spec["securityContext"]["runAsNonRoot"])

    def test_no_pod_has_access_to_the_cluster_unasked(self) -> None:
        for config, has in (({"count": 1, "image": "i"}, False), (FULL, True)):
            job = manifests.job(config, order())
            self.assertEqual(
                has, job["spec"]["template"]["spec"][
                    "automountServiceAccountToken"
                ],
            )
