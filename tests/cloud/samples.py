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

"""The sample tasks of rally-openstack, from its source distribution."""

from __future__ import annotations

import pathlib
import re
import typing as t

import yaml

from tests import venvs

PLUGINS = "rally-openstack==4.1.0"

#: folder or file of samples, below ``samples/tasks`` -> those that need a
#: service which the cloud of the suite does not have
SAMPLES: t.Mapping[str, str] = {
    "scenarios/authenticate": "cinder|ceilometer|heat|neutron|nova|octavia",
    "scenarios/glance": "boot-instances",
    "scenarios/keystone": "^$",
    "contexts": "^(?!.*(users|roles|images|dummy-context)).*$",
    "runners/constant": "^$",
    "runners/rps": "^$",
    "runners/serial": "^$",
    "sla": "^$",
}
#: samples of Neutron and Barbican; all that differ in kind, since Neutron
#: takes 0.1 s of CPU and more for each request
LARGE_SAMPLES = tuple(
    "scenarios/%s.yaml" % name for name in (
        "barbican/create-and-get-secret",
        "barbican/create-and-list-secret",
        "barbican/list-containers",
        "neutron/create-and-delete-floating-ips",
        "neutron/create-and-delete-networks",
        "neutron/create-and-delete-ports",
        "neutron/create-and-delete-security-groups",
        "neutron/create-and-update-subnets",
        "neutron/list-agents",
    )
)
#: where samples have the file of an image from
IMAGE = re.compile(r"https?://download[^\s\"']+")


def folder() -> pathlib.Path:
    """The samples."""
    found = venvs.sources("samples", PLUGINS)
    return next(found.glob("*/samples/tasks"))


def names() -> list[str]:
    """Samples that the cloud of the suite can run, below ``folder()``."""
    found = []
    for place, without in SAMPLES.items():
        for path in sorted((folder() / place).glob("*.yaml")):
            if not re.search(without, path.stem):
                found.append("%s/%s" % (place, path.name))
    return found


def text_of(name: str, image_url: str) -> str:
    """A sample as it is, but for where images come from."""
    return IMAGE.sub(image_url, (folder() / name).read_text())


def shrunk(text: str) -> str:
    """The same task with four iterations and few users."""
    task = yaml.safe_load(text)
    for workload in workloads_of(task):
        workload["runner"] = {"constant": {"times": 4, "concurrency": 2}}
        users = (workload.get("contexts") or {}).get("users")
        if users:
            users["tenants"] = min(2, users["tenants"])
            users["users_per_tenant"] = min(2, users["users_per_tenant"])
    return yaml.safe_dump(task)


def over_agents(texts: t.Iterable[str], count: int = 2) -> str:
    """All workloads in one task, with the load of each spread over agents."""
    task = {
        "version": 2, "title": "Over agents", "subtasks": [
            subtask
            for text in texts
            for subtask in yaml.safe_load(text)["subtasks"]
        ],
    }
    for workload in workloads_of(task):
        workload["runner"] = {
            "distributed": {
                "runner": workload.get("runner") or {"serial": {}},
                "local_agents": count,
            }
        }
    return yaml.safe_dump(task)


def workloads_of(task: dict[str, t.Any]) -> t.Iterator[dict[str, t.Any]]:
    """The workloads of a task of version 2, whichever form it has."""
    for subtask in task["subtasks"]:
        yield from subtask.get("workloads") or [subtask]
