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

"""Prints what samples cost here and with the released Rally.

``python -m tests.cloud.compare [SAMPLE ...]``: a row for each sample, runner
and Rally, with iterations, failures, rate of the load, duration of the
command, and CPU-seconds of it and its children. Nothing is asserted.
"""

from __future__ import annotations

import pathlib
import resource
import sys
import tempfile
import time
import typing as t

from tests import venvs
from tests.cloud import __main__ as suite
from tests.cloud import cloud, reference, samples

SAMPLES = (
    "scenarios/authenticate/keystone.yaml",
    "scenarios/authenticate/token-validate-glance.yaml",
    "scenarios/glance/create-and-delete-image.yaml",
    "scenarios/glance/list-images.yaml",
    "scenarios/keystone/create-and-delete-user.yaml",
    "scenarios/keystone/create-tenant-with-users.yaml",
    "scenarios/keystone/get-entities.yaml",
)
HEAD = ("sample", "runner", "Rally", "iterations", "failures", "per second",
        "load s", "command s", "CPU s")


def main(names: t.Sequence[str]) -> None:
    """:param names: samples; none means those of ``SAMPLES``"""
    suite.install()
    released = venvs.shared("released", [reference.RELEASE, samples.PLUGINS])
    place = cloud.Cloud()
    print(" | ".join(HEAD))
    try:
        with tempfile.TemporaryDirectory() as folder:
            rallies = {}
            for name, venv in (("5.1.1", released), ("here", suite.VENV)):
                home = pathlib.Path(folder, name)
                home.mkdir()
                rallies[name] = reference.Rally(venv / "bin" / "rally", home)
                rallies[name].use(place)
            for sample in names or SAMPLES:
                text = samples.text_of(sample, place.image_url)
                _show(sample, "own", "5.1.1", rallies["5.1.1"], text)
                _show(sample, "own", "here", rallies["here"], text)
                text = samples.over_agents([text])
                _show(sample, "2 agents", "here", rallies["here"], text)
    finally:
        place.close()


def _show(
    sample: str, runner: str, name: str, rally: reference.Rally, text: str
) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.monotonic()
    rally.start(text)
    took_s = time.monotonic() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = (
        after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    )
    report = rally.report()
    rows, load_s = [], 0.0
    for task in report["tasks"] if report else ():
        for subtask in task["subtasks"]:
            for workload in subtask["workloads"]:
                rows += workload["data"]
                load_s += workload["load_duration"]
    print(" | ".join(map(str, (
        pathlib.PurePath(sample).stem, runner, name, len(rows),
        sum(bool(row["error"]) for row in rows),
        "%.1f" % (len(rows) / load_s if load_s else 0), "%.1f" % load_s,
        "%.1f" % took_s, "%.1f" % cpu_s,
    ))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
