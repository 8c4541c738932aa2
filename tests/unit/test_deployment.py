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

"""What is under etc/kubernetes and etc/container, as far as no cluster and no
container engine is needed to know that it works.
"""

from __future__ import annotations

import configparser
import pathlib
import shutil
import subprocess
import sys
import tempfile
import typing as t
import zipfile

import ddt
import kubernetes_validate
import yaml

from rally import plugins
from rally.plugins.common.agent_providers.kubernetes import manifests
from rally.plugins.common.runners import distributed
from rally.task import agent_provider, runner
from rally.task.distributed import reception
from rally.task.distributed.wire.channels import Channel
from tests.unit import test

ROOT = pathlib.Path(__file__).parents[2]
OVERLAYS = ROOT / "etc/kubernetes/overlays"
CONTAINERFILE = ROOT / "etc/container/Containerfile"
#: the first release that has all that is used, and the newest that is known
RELEASES = ("1.29", kubernetes_validate.latest_version())
CONFIG = {"count": 1, "image": "rally"}


def tool(*words: str) -> str:
    """The output of a tool that is installed with what the tests need."""
    path = pathlib.Path(sys.executable).with_name(words[0])
    done = subprocess.run(
        [str(path), *words[1:]], capture_output=True, text=True, timeout=60
    )
    if done.returncode:
        raise AssertionError(done.stdout + done.stderr)
    return done.stdout


def built(overlay: str) -> list[dict[str, t.Any]]:
    text = tool("kubectl", "kustomize", str(OVERLAYS / overlay))
    return list(yaml.safe_load_all(text))


def jobs(objects: t.Iterable[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    return [each for each in objects if each["kind"] == "Job"]


def order() -> agent_provider.Order:
    return agent_provider.Order(
        "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0", pathlib.Path("/nowhere"),
        "tcp://controller:9790", "", 60,
    )


def ports() -> list[int]:
    """Those that agents dial unless a task says others."""
    first = int(reception.DEFAULT_ADDRESS.rpartition(":")[2])
    return [first + i for i in range(len(Channel))]


@ddt.ddt
class ManifestsTestCase(test.TestCase):
    @ddt.data("example", "agents")
    def test_an_overlay_keeps_to_the_schemas(self, overlay: str) -> None:
        objects = built(overlay)
        self.assertEqual(1, len(jobs(objects)))
        for each in objects:
            self.assertEqual("load", each["metadata"]["namespace"])
            for release in RELEASES:
                kubernetes_validate.validate(each, release, strict=True)

    @ddt.data("example", "agents")
    def test_an_overlay_says_which_image_it_is(self, overlay: str) -> None:
        (job,) = jobs(built(overlay))
        (container,) = job["spec"]["template"]["spec"]["containers"]
        self.assertEqual(
            "registry.example.org/rally:6.0.0", container["image"]
        )

    def test_the_task_of_the_example_is_valid(self) -> None:
        plugins.load()
        (task,) = (
            yaml.safe_load(each["data"]["task.yaml"])
            for each in built("example") if each["kind"] == "ConfigMap"
        )
        (subtask,) = task["subtasks"]
        ((name, config),) = subtask["runner"].items()
        self.assertEqual([], runner.ScenarioRunner.validate(
            name=name, context=None, config=None, plugin_cfg=config,
        ))
        self.assertEqual([], distributed.DistributedRunner.check_workload(
            {"runner": config, "sla": subtask["sla"]}
        ))
        (job,) = jobs(built("example"))
        (container,) = job["spec"]["template"]["spec"]["containers"]
        self.assertEqual(
            container["image"], config["agents"]["kubernetes"]["image"]
        )

    def test_agents_dial_the_service_of_the_controller(self) -> None:
        objects = built("example")
        (service,) = (e for e in objects if e["kind"] == "Service")
        self.assertEqual(
            ports(), [each["port"] for each in service["spec"]["ports"]]
        )
        task = (OVERLAYS / "example/task.yaml").read_text()
        self.assertIn(
            "advertise: tcp://%s:%d"
            % (service["metadata"]["name"], ports()[0]), task,
        )
        (job,) = jobs(objects)
        labels = job["spec"]["template"]["metadata"]["labels"]
        self.assertEqual(labels, service["spec"]["selector"])

    def test_only_agents_reach_the_controller(self) -> None:
        policies = {
            each["metadata"]["name"]: each["spec"]
            for each in built("example") if each["kind"] == "NetworkPolicy"
        }
        (rule,) = policies["rally-controller"]["ingress"]
        self.assertEqual(ports(), [each["port"] for each in rule["ports"]])
        (peer,) = rule["from"]
        selected = peer["podSelector"]["matchLabels"]
        template = manifests.job(CONFIG, order())["spec"]["template"]
        self.assertEqual(
            selected, {
                key: template["metadata"]["labels"].get(key)
                for key in selected
            },
        )
        agents = policies["rally-agents"]
        self.assertEqual(selected, agents["podSelector"]["matchLabels"])
        self.assertEqual([], agents["ingress"])

    def test_agents_are_those_that_the_provider_starts(self) -> None:
        """But for what a task says, and the names of objects."""
        (job,) = jobs(built("agents"))
        ours, theirs = job["spec"], manifests.job(CONFIG, order())["spec"]
        for key in ("completionMode", "backoffLimit", "backoffLimitPerIndex"):
            self.assertEqual(theirs[key], ours[key])
        ours, theirs = (
            each["template"]["spec"] for each in (ours, theirs)
        )
        for key in set(theirs) - {
            "containers", "volumes", "topologySpreadConstraints"
        }:
            self.assertEqual(theirs[key], ours[key], key)
        self.assertEqual(
            [0o400], [
                each["secret"]["defaultMode"] for each in ours["volumes"]
                if "secret" in each
            ],
        )
        (ours,), (theirs,) = ours["containers"], theirs["containers"]
        for key in set(theirs) - {
            "args", "command", "env", "image", "resources"
        }:
            self.assertEqual(theirs[key], ours[key], key)
        self.assertIn('--name "$HOSTNAME" --join - < ', ours["args"][0])
        self.assertIn('--name "$HOSTNAME" --join - < ', theirs["command"][2])


class ContainerTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        text = CONTAINERFILE.read_text().replace("\\\n", " ")
        self.steps = [
            line.split() for line in text.splitlines()
            if line and not line.startswith("#")
        ]

    def all(self, what: str) -> list[list[str]]:
        return [words[1:] for words in self.steps if words[0] == what]

    def copied(self) -> list[str]:
        """What comes in from the tree."""
        return [
            name for words in self.all("COPY")
            if not words[0].startswith("--from") for name in words[:-1]
        ]

    def test_a_linter_finds_nothing(self) -> None:
        self.assertEqual("", tool("hadolint", str(CONTAINERFILE)))

    def test_what_builds_is_not_in_the_image(self) -> None:
        self.assertEqual(2, len(self.all("FROM")))
        last = max(
            i for i, words in enumerate(self.steps) if words[0] == "FROM"
        )
        installs = [w for w in self.steps[last:] if "pip" in " ".join(w)]
        self.assertEqual([], installs)

    def test_nothing_comes_in_that_is_not_named(self) -> None:
        self.assertEqual([], self.all("ADD"))
        for name in self.copied():
            self.assertTrue((ROOT / name.removeprefix("./")).exists(), name)
            self.assertNotIn(name, (".", "./", "*"))

    def test_it_does_not_run_as_root(self) -> None:
        (user,) = self.all("USER")
        number, _, group = user[0].partition(":")
        self.assertGreater(int(number), 0)
        (job,) = jobs(built("example"))
        security = job["spec"]["template"]["spec"]["securityContext"]
        self.assertEqual(int(group), security["fsGroup"])

    def test_what_comes_in_is_enough_to_build_rally(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            source = pathlib.Path(folder, "source")
            source.mkdir()
            for name in self.copied():
                path = ROOT / name.removeprefix("./")
                if path.is_dir():
                    shutil.copytree(path, source / path.name)
                else:
                    shutil.copy(path, source)
            tool(
                "python", "-m", "pip", "wheel", "--quiet", "--no-deps",
                "--no-build-isolation", "--wheel-dir", folder, str(source),
            )
            (wheel,) = pathlib.Path(folder).glob("*.whl")
            with zipfile.ZipFile(wheel) as archive:
                names = set(archive.namelist())
                (metadata,) = (n for n in names if n.endswith("/METADATA"))
                extras = archive.read(metadata).decode()
                (points,) = (
                    n for n in names if n.endswith("/entry_points.txt")
                )
                parser = configparser.ConfigParser(delimiters="=")
                parser.read_string(archive.read(points).decode())
        self.assertIn("Provides-Extra: kubernetes", extras)
        self.assertIn("rally/common/db/migrations/script.py.mako", names)
        (entry,) = self.all("ENTRYPOINT")
        self.assertIn(
            entry[0].strip('["]'), parser["console_scripts"]
        )
