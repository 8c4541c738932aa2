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

"""What provider ``slurm`` makes of a configuration and of what Slurm says.

``tests/slurm`` has the tests against a real one.
"""

from __future__ import annotations

import os
import pathlib
import shlex
import tempfile
import typing as t

import ddt
import hypothesis
from hypothesis import strategies as st

from rally.plugins.common import validators  # noqa: F401 - jsonschema
from rally.plugins.common.agent_providers import (
    slurm,
    slurm_jobs,
    slurm_submissions,
    slurm_watch,
)
from rally.task import agent_provider
from tests.unit import test

COUNT = 3
STATES = ["PENDING", "RUNNING", "COMPLETING", *sorted(slurm_jobs.OVER)]


def element(
    index: int, state: str, reason: str = "None", status: int = 0
) -> slurm_jobs.Element:
    return slurm_jobs.Element(index, state, status, "n1", reason)


def problems(config: t.Any) -> list[str]:
    return agent_provider.AgentProvider.validate(
        name="slurm", context=None, config=None, plugin_cfg=config
    )


@ddt.ddt
class ConfigurationTestCase(test.TestCase):
    @ddt.data(
        {"count": 1},
        {"count": 40, "partition": "cpu", "account": "lab", "time": "1:30:00",
         "options": ["--exclusive", "--cpus-per-task=8", "--qos=a b"],
         "command": "/opt/rally/bin/rally", "folder": "/shared"},
        {"count": 2, "time": "90"},
        {"count": 2, "time": "2-12"},
    )
    def test_it_is_taken(self, config: t.Any) -> None:
        self.assertEqual([], problems(config))

    @ddt.data(
        {},
        {"count": 0},
        # what YAML makes of 1:30:00 without quotes would be 90 hours
        {"count": 1, "time": 5400},
        {"count": 1, "time": "soon"},
        {"count": 1, "options": ["--array=1-9"]},
        {"count": 1, "options": ["--wrap"]},
        {"count": 1, "options": ["-C", "fast"]},  # a script named "fast"
        {"count": 1, "command": ""},
        {"count": 1, "nodes": 4},
    )
    def test_it_is_refused(self, config: t.Any) -> None:
        self.assertNotEqual([], problems(config))

    def test_agents_are_named_after_their_jobs(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        order = agent_provider.Order(
            "task", pathlib.Path(folder.name), "tcp://a:9790", "x", 1.0
        )
        provider = slurm.SlurmProvider({"count": 2}, order, print)
        self.assertEqual(["slurm-1", "slurm-2"], provider.names())


class ScriptTestCase(test.TestCase):
    def test_no_word_of_the_user_is_taken_for_one_of_the_shell(self) -> None:
        words = ["env", "A=b c", "$(touch /tmp/x)/rally"]
        order = agent_provider.Order(
            "task", pathlib.Path("/x"), "tcp://a:9790;reboot", "SECRET", 1e6
        )
        provider = slurm.SlurmProvider(
            {"count": 2, "command": shlex.join(words)}, order, print
        )

        script = provider.script(pathlib.Path("/a b/$c"))

        [line] = [
            each for each in script.replace("\\\n", "").splitlines()
            if each.startswith("exec ")
        ]
        found = shlex.split(line)
        self.assertEqual(words, found[1:4])
        self.assertIn("tcp://a:9790;reboot", found)
        self.assertIn("own='/a b/$c'/$SLURM_ARRAY_TASK_ID\n", script)
        self.assertNotIn("SECRET", script)


class SecretsTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.bin = self.folder / "bin"
        self.bin.mkdir()
        (self.bin / "sbatch").write_text(
            '#!/bin/sh\nset -eu\necho "$@" >%s/said\ncat >%s/script\necho 7\n'
            % (self.folder, self.folder)
        )
        (self.bin / "sbatch").chmod(0o755)
        path = os.environ["PATH"]
        self.addCleanup(os.environ.__setitem__, "PATH", path)
        os.environ["PATH"] = "%s:%s" % (self.bin, path)
        (self.folder / "order").mkdir()

    def submitted(self) -> tuple[str, pathlib.Path]:
        """What Slurm was given, and the folder of the agents."""
        order = agent_provider.Order(
            "task", self.folder / "order", "tcp://a:9790", "SECRET", 1.0
        )
        provider = slurm.SlurmProvider(
            {"count": 2, "folder": str(self.folder / "shared")}, order, print
        )
        provider.submit([1, 2])
        said = "".join(
            (self.folder / name).read_text() for name in ("said", "script")
        )
        [shared] = (self.folder / "shared").iterdir()
        return said, shared

    def test_a_join_file_is_the_standard_input_of_each(self) -> None:
        said, shared = self.submitted()
        self.assertIn("--input=%s " % (shared / "join"), said)
        self.assertIn("--join - ", said)
        self.assertNotIn("SECRET", said)
        self.assertEqual("SECRET", (shared / "join").read_text())
        self.assertEqual(0o600, (shared / "join").stat().st_mode & 0o777)
        self.assertEqual(0o700, shared.stat().st_mode & 0o777)


@ddt.ddt
class JobsTestCase(test.TestCase):
    def test_what_squeue_prints_is_understood(self) -> None:
        text = (
            "1      |RUNNING   |0    |n1     |None     |\n"
            "2      |PENDING   |0    |       |ReqNodeNotAvail, Unavail:n2 |\n"
            "3      |FAILED    |32512|n2     |NonZeroExitCode |\n"
            "slurm_load_jobs: something else\n"
        )
        self.assertEqual(
            {
                1: slurm_jobs.Element(1, "RUNNING", 0, "n1", "None"),
                2: slurm_jobs.Element(
                    2, "PENDING", 0, "", "ReqNodeNotAvail, Unavail:n2"
                ),
                3: slurm_jobs.Element(
                    3, "FAILED", 127 << 8, "n2", "NonZeroExitCode"
                ),
            },
            slurm_jobs.parse(text),
        )

    @hypothesis.given(st.text())
    def test_no_text_breaks_it(self, text: str) -> None:
        slurm_jobs.parse(text)

    @ddt.data(
        (element(1, "CANCELLED"), "its job on n1 has ended: CANCELLED"),
        (element(1, "NODE_FAIL", "NodeDown"),
         "its job on n1 has ended: NODE_FAIL (NodeDown)"),
        (element(1, "FAILED", "NonZeroExitCode", 127 << 8),
         "its job on n1 has ended: FAILED (NonZeroExitCode), exit status "
         "127"),
    )
    @ddt.unpack
    def test_how_it_ended_is_a_phrase(
        self, ended: slurm_jobs.Element, phrase: str
    ) -> None:
        self.assertEqual(phrase, ended.end())

    def test_a_job_may_be_of_another_cluster(self) -> None:
        self.assertEqual(slurm_jobs.Job("12"), slurm_jobs.Job.parse("12\n"))
        self.assertEqual(
            slurm_jobs.Job("12", "big"), slurm_jobs.Job.parse("12;big\n")
        )

    def test_of_the_environment_jobs_get_what_they_need(self) -> None:
        kept = {"HOME": "/h", "PATH": "/bin", "SBATCH_QOS": "high",
                "SLURM_CONF": "/etc/slurm.conf"}
        found = slurm_jobs.environment({
            **kept, "OS_PASSWORD": "x", "SLURM_JOB_ID": "7",
            "AWS_SECRET_ACCESS_KEY": "y",
        })
        self.assertEqual(kept, found)


class SubmissionsTestCase(test.TestCase):
    def test_a_command_that_is_not_there_is_explained(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        made = slurm_submissions.Submissions(pathlib.Path(folder.name))
        made.name("task", pathlib.Path(folder.name))
        path = os.environ["PATH"]
        self.addCleanup(os.environ.__setitem__, "PATH", path)
        os.environ["PATH"] = folder.name
        error = self.assertRaises(
            slurm_jobs.SlurmFailed, made.submit, [], "#!/bin/sh"
        )
        self.assertIn("`sbatch` of Slurm failed: No such file", str(error))

    def test_names_are_found_again_until_they_are_forgotten(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = pathlib.Path(folder.name)
        given = slurm_submissions.Submissions(path).name("task", path / "a")
        again = slurm_submissions.Submissions(path)
        self.assertEqual(given, again.named())
        self.assertEqual("", again.end(0.0))  # nothing was submitted
        again.forget()
        self.assertIsNone(again.named())
        self.assertEqual([], list(path.iterdir()))


    def test_another_process_may_end_them_meanwhile(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = pathlib.Path(folder.name)
        # seen in the folder, and gone when it is opened
        (path / (slurm_submissions.JOB % 0)).symlink_to(path / "gone")
        self.assertEqual({}, slurm_submissions.Submissions(path).elements())


looks = st.dictionaries(
    st.integers(1, COUNT),
    st.tuples(st.sampled_from(STATES), st.sampled_from(["None", "Priority"])),
)


class WatchTestCase(test.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.watch = slurm_watch.Watch(range(1, COUNT + 1))

    def take(self, *elements: slurm_jobs.Element) -> tuple[t.Any, str]:
        return self.watch.take({each.index: each for each in elements})

    def test_what_waits_is_told_once_with_its_reasons(self) -> None:
        waiting = [element(i, "PENDING", "Resources") for i in (1, 2)]
        one = element(3, "PENDING", "Priority")
        self.assertEqual(
            ({}, "3 Slurm jobs are pending: Resources (2), Priority "
                 "(1)"),
            self.take(*waiting, one),
        )
        self.assertEqual(({}, ""), self.take(*waiting, one))
        self.assertEqual(
            ({}, "2 Slurm jobs are pending: Resources (2)"),
            self.take(*waiting, element(3, "RUNNING")),
        )

    def test_without_a_reason_it_waits_for_slurm_to_look(self) -> None:
        pending = [element(i, "PENDING") for i in (1, 2, 3)]
        self.assertEqual(({}, ""), self.take(*pending))

    def test_one_that_slurm_forgot_has_ended(self) -> None:
        ended, _ = self.take(element(1, "RUNNING"), element(2, "RUNNING"))
        self.assertEqual({3: "Slurm no longer knows its job"}, ended)

    def test_one_that_is_about_to_end_has_not(self) -> None:
        ended, _ = self.take(*(element(i, "COMPLETING") for i in (1, 2, 3)))
        self.assertEqual({}, ended)

    @hypothesis.given(st.lists(looks, max_size=8))
    def test_each_end_is_told_once_whatever_slurm_says(
        self, seen: list[dict[int, tuple[str, str]]]
    ) -> None:
        watch = slurm_watch.Watch(range(1, COUNT + 1))
        told: list[int] = []
        for look in seen:
            ended, _ = watch.take({
                index: element(index, *said) for index, said in look.items()
            })
            told += ended
        gone = {
            index
            for index in range(1, COUNT + 1)
            for look in seen
            if look.get(index, ("FAILED", ""))[0] in slurm_jobs.OVER
        }
        self.assertEqual(sorted(gone), sorted(told))
        self.assertEqual(len(gone) == COUNT, watch.is_over)
