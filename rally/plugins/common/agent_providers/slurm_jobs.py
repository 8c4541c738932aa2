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

"""The commands of Slurm, for one job array: submit, look, cancel."""

from __future__ import annotations

import dataclasses
import os
import typing as t

from rally import exceptions

#: what a job that is over is said to be; whatever else is said is not over
OVER = frozenset({
    "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL",
    "OUT_OF_MEMORY", "PREEMPTED", "REVOKED", "SPECIAL_EXIT", "TIMEOUT",
})
#: the reason of a job that Slurm has not considered yet, or that has none
NO_REASON = "None"
#: what squeue prints of each job
FIELDS = ("ArrayTaskID", "State", "exit_code", "NodeList", "Reason")
#: what a job may know of the environment of the controller: Slurm keeps it
#: with the job, and the rest may hold credentials
KEPT = (
    "HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "SHELL", "SLURM_CONF",
    "TZ", "USER",
)
#: how long a command of Slurm may take; it asks again itself meanwhile
COMMAND_S = 60.0


class SlurmFailed(exceptions.RallyException):
    error_code = 156
    msg_fmt = (
        "`%(command)s` of Slurm failed: %(reason)s. Agents of this task run "
        "in Slurm jobs, which can be neither started nor ended without it. "
        "See whether `sinfo` works on this host, and whether partition, "
        "account, time and options in the task are those of your site."
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Element:
    """One job of an array, as Slurm shows it."""

    index: int
    state: str
    wait_status: int  # of its script, see wait(2)
    node: str
    reason: str  # why it waits, or has ended; mostly one word of Slurm

    @property
    def is_waiting(self) -> bool:
        """Whether it is pending for some reason."""
        return self.state == "PENDING" and self.reason != NO_REASON

    @property
    def is_over(self) -> bool:
        return self.state in OVER

    def end(self) -> str:
        """How it has ended, as a phrase."""
        how = self.state
        if self.reason not in ("", NO_REASON):
            how += " (%s)" % self.reason
        if os.WIFEXITED(self.wait_status) and self.wait_status:
            how += ", exit status %d" % os.WEXITSTATUS(self.wait_status)
        return "its job on %s has ended: %s" % (self.node or "no node", how)


def parse(text: str) -> dict[int, Element]:
    """Elements by index, from what ``squeue`` printed."""
    found = {}
    for line in text.splitlines():
        words = [word.strip() for word in line.split("|")[:-1]]
        if len(words) == len(FIELDS) and words[0].isdecimal():
            index, state, status, node, reason = words
            found[int(index)] = Element(
                int(index), state, int(status) if status.isdecimal() else 0,
                node, reason,
            )
    return found


def environment(given: t.Mapping[str, str]) -> dict[str, str]:
    """What the commands of Slurm, and so jobs, get to know of *given*."""
    return {
        name: value for name, value in given.items()
        if name in KEPT or name.startswith("SBATCH_")
    }


@dataclasses.dataclass(frozen=True, slots=True)
class Job:
    """A job array that Slurm has taken."""

    id: str
    cluster: str = ""  # of several that one site has; empty: the usual one

    @classmethod
    def parse(cls, text: str) -> Job:
        """From what ``sbatch --parsable`` printed."""
        number, _, cluster = text.strip().partition(";")
        return cls(number, cluster)

    def _clusters(self) -> list[str]:
        return ["--clusters", self.cluster] if self.cluster else []

    def look(self, timeout_s: float) -> dict[int, Element]:
        """Its elements that Slurm still knows, by index.

        Slurm forgets those that are over after minutes (``MinJobAge``).

        :raises SlurmFailed: nobody answers
        """
        fields = ["%s:128|" % field for field in FIELDS]
        try:
            return parse(_run([
                "squeue", *self._clusters(), "--jobs", self.id, "--array",
                "--noheader", "--states=all", "--Format", ",".join(fields),
            ], timeout_s))
        except SlurmFailed as e:
            if "Invalid job id" in str(e):
                return {}
            raise

    def cancel(self, options: t.Sequence[str], timeout_s: float) -> None:
        """Let all its elements end.

        :raises SlurmFailed: nobody answers, or there is nothing to end
        """
        _run([
            "scancel", "--quiet", *options, *self._clusters(), self.id
        ], timeout_s)


def submit(options: t.Sequence[str], script: str, job_file: int) -> None:
    """Submit *script* as a job.

    :param job_file: descriptor of the file that gets what ``Job.parse``
        takes, also if this process ends meanwhile
    :raises SlurmFailed: Slurm does not take it
    """
    _run(["sbatch", "--parsable", *options], COMMAND_S, script, job_file)


def find(name: str, timeout_s: float) -> list[Job]:
    """This user's jobs of this name that are not over.

    :raises SlurmFailed: nobody answers
    """
    ids = _run([
        "squeue", "--noheader", "--name", name, "--user", str(os.getuid()),
        "--format=%F",
    ], timeout_s).split()
    return [Job(each) for each in sorted(set(ids))]


def _run(
    words: t.Sequence[str], timeout_s: float, stdin: str = "",
    stdout: int | None = None,
) -> str:
    """What a command printed.

    :raises SlurmFailed: it failed
    """
    import subprocess

    try:
        done = subprocess.run(
            words, input=stdin, stderr=subprocess.PIPE, text=True,
            stdout=subprocess.PIPE if stdout is None else stdout,
            env=environment(os.environ), timeout=timeout_s, check=False,
            start_new_session=True,  # Ctrl-C is not for it
        )
    except OSError as e:
        reason = e.strerror or str(e)
    except subprocess.TimeoutExpired:
        reason = "it took longer than %.0f s" % timeout_s
    else:
        if not done.returncode:
            return done.stdout or ""
        reason = " ".join(done.stderr.split())
    raise SlurmFailed(command=words[0], reason=reason)
