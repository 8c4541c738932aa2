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

"""A Slurm of two nodes on this host, in a folder and on ports of its own.

All its daemons are real: munged, slurmctld and a slurmd for each node. They
and their jobs are known by the configuration that their environment names.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import secrets
import shutil
import socket
import subprocess
import tempfile
import typing as t

from tests.functional import sandbox
from tests.functional.sandbox import wait_until

NODES = ("n1", "n2")
DAEMONS = ("munged", "slurmctld", "slurmd")
COMMANDS = ("sbatch", "scancel", "scontrol", "sinfo", "squeue")
CONF_VARIABLE = "SLURM_CONF"
SOON_S = 60.0
#: Slurm ends what does not end by itself after so long, and misses a node:
#: a busy machine may not answer for a while, and tests say themselves which
#: node is down
KILL_WAIT_S, NODE_TIMEOUT_S = 5, 60

CONF = """
ClusterName=rally
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_min_interval=0
ReturnToService=1
KillWait={kill_wait}
SlurmdTimeout={node_timeout}
SlurmdParameters=config_overrides
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
NODE = "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port}"
CPUS = " CPUs=1\n"


def why_not() -> str:
    """Why there can be no Slurm here; empty if there can."""
    if os.geteuid() != 0:
        return "its daemons want to be root"
    missing = [
        program for program in (*DAEMONS, *COMMANDS)
        if shutil.which(program) is None
    ]
    if missing:
        return "%s not found; Debian has them in slurm-wlm and munge" % (
            ", ".join(missing)
        )
    return ""


class Slurm:
    """Daemons with their folder and ports; ``close`` ends all of it."""

    def __init__(self) -> None:
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rally-slurm-"))
        self.environ = {
            **os.environ, CONF_VARIABLE: str(self.folder / "slurm.conf"),
        }
        try:
            self._configure()
            self._start()
        except BaseException:
            self.close()
            raise

    def _configure(self) -> None:
        (self.folder / "state").mkdir()
        key = self.folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(128))
        host = socket.gethostname().split(".")[0]
        first = sandbox.free_ports(1 + len(NODES))
        text = CONF.format(
            host=host, port=first, folder=self.folder,
            kill_wait=KILL_WAIT_S, node_timeout=NODE_TIMEOUT_S,
        )
        for port, name in enumerate(NODES, start=first + 1):
            text += NODE.format(name=name, host=host, port=port) + CPUS
        (self.folder / "slurm.conf").write_text(text)
        # nothing uses it, but without a version slurmd does not start where
        # it cannot tell which one there is
        (self.folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")

    def _start(self) -> None:
        self._run(
            "munged", "--force",
            *("--%s=%s" % (name, self.folder / ("munge." + suffix))
              for name, suffix in (
                  ("key-file", "key"), ("socket", "socket"),
                  ("pid-file", "pid"), ("log-file", "log"),
                  ("seed-file", "seed"))),
        )
        self.start_controller()
        for name in NODES:
            self.start_node(name)
        wait_until(self.idle, SOON_S, "both nodes are idle")

    def _run(self, *words: str) -> str:
        """What a command of Slurm printed; it has to succeed.

        :raises AssertionError: it did not
        """
        done = subprocess.run(
            words, capture_output=True, text=True, check=False, timeout=SOON_S,
            env=self.environ, stdin=subprocess.DEVNULL, cwd=self.folder,
        )
        if done.returncode:
            raise AssertionError("%s: %s" % (" ".join(words), done.stderr))
        return done.stdout

    # ---- what can happen to it

    def start_controller(self) -> None:
        self._run("slurmctld", "-L", str(self.folder / "slurmctld.log"))

    def stop_controller(self) -> None:
        self._run("scontrol", "shutdown", "slurmctld")

    def start_node(self, name: str) -> None:
        log = str(self.folder / ("slurmd-%s.log" % name))
        self._run("slurmd", "-N", name, "-L", log)

    def lose_node(self, name: str) -> None:
        """As if the power of a node had failed, and somebody had noticed."""
        for pid, line in self._processes().items():
            if line.startswith("slurmd -N %s " % name):
                _kill(pid)
        for pid in self.of_jobs_on(name):
            _kill(pid)
        self._run(
            "scontrol", "update", "NodeName=" + name, "State=DOWN",
            "Reason=test",
        )

    def mend_node(self, name: str) -> None:
        """Undo ``lose_node``."""
        self.start_node(name)
        self._run("scontrol", "update", "NodeName=" + name, "State=RESUME")
        wait_until(
            lambda: self._state(name) in ("idle", "allocated"), SOON_S,
            "node %s is back" % name,
        )

    def drain_node(self, name: str) -> None:
        """Let it begin nothing more."""
        self._run(
            "scontrol", "update", "NodeName=" + name, "State=DRAIN",
            "Reason=test",
        )

    def resume_node(self, name: str) -> None:
        """Undo ``drain_node``."""
        self._run("scontrol", "update", "NodeName=" + name, "State=RESUME")

    def cancel(self, job: str) -> None:
        self._run("scancel", job)

    # ---- what it says

    def idle(self) -> bool:
        """Whether both nodes are up and have nothing to do."""
        states = self._run("sinfo", "--noheader", "--Node", "--format=%T")
        return states.split() == ["idle"] * len(NODES)

    def _state(self, name: str) -> str:
        return self._run(
            "sinfo", "--noheader", "--nodes", name, "--format=%T"
        ).strip()

    def jobs(self) -> dict[str, str]:
        """State of each job that is not over, by ``12_1``."""
        lines = self._run(
            "squeue", "--noheader", "--array", "--format=%i %T"
        ).splitlines()
        return dict(t.cast("tuple[str, str]", line.split()) for line in lines)

    def node_of(self, job: str) -> str:
        return self._run(
            "squeue", "--noheader", "--jobs", job, "--format=%N"
        ).strip()

    def shown(self, job: str) -> str:
        """All that Slurm tells others about a job."""
        return self._run("scontrol", "show", "job", job) + self._run(
            "scontrol", "write", "batch_script", job, "-"
        )

    def job_processes(self, *nodes: str) -> dict[int, str]:
        """Those that jobs have started, by pid: command lines."""
        there = {
            pid for name in nodes or NODES
            for pid in sandbox.processes("SLURMD_NODENAME", name)
        }
        return {
            pid: line for pid, line in self._processes().items()
            if pid in there
        }

    # ---- the end

    def _processes(self) -> dict[int, str]:
        return sandbox.processes(CONF_VARIABLE, self.environ[CONF_VARIABLE])

    def of_jobs_on(self, name: str) -> list[int]:
        """Processes of jobs, first what Slurm has put above each of them:
        it would report the end of what is below it."""
        ours = self._processes()
        jobs = set(self.job_processes(name))
        above = {_parent(pid) for pid in jobs}
        return [
            *(pid for pid, line in ours.items()
              if pid in above and line.startswith("slurmstepd")),
            *jobs,
        ]

    def close(self) -> None:
        while self._processes():
            sandbox.kill(CONF_VARIABLE, self.environ[CONF_VARIABLE])
        shutil.rmtree(self.folder, ignore_errors=True)


def _parent(pid: int) -> int:
    with contextlib.suppress(OSError):
        stat = pathlib.Path("/proc/%d/stat" % pid).read_text()
        return int(stat.rpartition(")")[2].split()[1])
    return 0


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 9)
