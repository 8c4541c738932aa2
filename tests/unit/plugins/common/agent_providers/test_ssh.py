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


"""Agents by SSH, with a client that runs everything on this host."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import pathlib
import signal
import stat
import sys
import tempfile
import time
import zipfile
from unittest import mock

import ddt

from rally import plugins
from rally.plugins.common.agent_providers import (
    environment,
    ssh,
    ssh_client,
    ssh_scripts,
    wheel,
)
from rally.task import agent_provider
from tests.functional.sandbox import wait_until
from tests.unit import test

SECRET = "name = n1\nsecret = it's $HOME `secret`"
#: takes its last but one word for a host, whose home is a folder of its own
CLIENT = """#!/bin/sh
for word; do host=$command; command=$word; done
echo "$@" >>"$SSH_TEST/asked"
case $host in
    refuses) echo "ssh: connect to host $host: Connection refused" >&2
             exit 255;;
    hangs) exec sleep 600;;
esac
HOME="$SSH_TEST/$host" exec sh -c "$command"
"""
#: an agent that lives until it is told to end
AGENT = """#!/bin/sh
[ "$1" = --version ] && exit 0
echo "agent: $*"
case $(pwd) in
    */dies) echo "no such address"; exit 3;;
    */joins) cat >"$SSH_TEST/reading"
             mv "$SSH_TEST/reading" "$SSH_TEST/read";;
    */stubborn) trap '' TERM;;
esac
while :; do sleep 0.1; done
"""

#: makes virtual environments whose pip only notes what it is given
PYTHON = """#!/bin/sh
case $1-$2 in
    -m-venv) mkdir -p "$3/bin" && cp "$0" "$3/bin/python"
             echo "$3" >>"$SSH_TEST/made"; exit;;
    -c-*sys*) [ -e "$SSH_TEST/old" ] && { echo cpython-26 linux-z80; exit; };;
    -m-pip) [ -e "$SSH_TEST/broken" ] && {
                echo "ERROR: No matching distribution found for numpy==2" >&2
                exit 1
            }
            shift 3
            for word; do
                case $word in *.whl) [ -s "$word" ] || exit 9;; esac
                echo "$word" >>"$SSH_TEST/pip"
            done
            cp "$SSH_TEST/an agent" "${0%%/*}/rally"; exit;;
esac
exec %s "$@"
""" % sys.executable


def package(name, content=b"x = 1", tag="py3-none-any"):
    return wheel.Wheel(
        name, "1.0", (tag,),
        {"%s.py" % name: content, "%s-1.0.dist-info/METADATA" % name: b""},
        hashlib.sha256(content + name.encode()).hexdigest()[:32],
    )


SMALL = environment.Environment(
    (package("rally"), package("faster", tag="cp311-cp311-linux_x86_64")),
    (), frozenset({"rally"}),
)


def is_running(pid):
    """Whether it is more than a number that nobody has asked about yet."""
    try:
        text = pathlib.Path("/proc/%d/stat" % pid).read_text()
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] != "Z"


class SSHTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        self.folder = pathlib.Path(made.name)
        self.program("ssh", CLIENT)
        self.agent = self.program("an agent", AGENT)
        patch = mock.patch.dict(os.environ, {
            "PATH": "%s:%s" % (self.folder, os.environ["PATH"]),
            "SSH_TEST": str(self.folder),
        })
        patch.start()
        self.addCleanup(patch.stop)
        os.environ.pop("XDG_CACHE_HOME", None)
        self.failed = []
        self.order = agent_provider.Order(
            task="task-1", folder=self.folder / "fleet",
            controller="tcp://c:1", join=SECRET, give_up_after_s=60,
        )
        self.order.folder.mkdir()

    def program(self, name, text):
        path = self.folder / name
        path.write_text(text)
        path.chmod(stat.S_IRWXU)
        return path

    def provider(self, *hosts, **config):
        for host in hosts:
            (self.folder / host).mkdir(exist_ok=True)
        made = ssh.SSHProvider(
            {"hosts": list(hosts), "command": "'%s'" % self.agent,
             "connect_timeout": 1, **config},
            self.order, self.failed.append,
        )
        self.addCleanup(self.kill_all)
        return made

    def kill_all(self):
        for path in self.folder.glob("*/.cache/rally/agents/*/*/pid"):
            os.kill(int(path.read_text().split()[0]), signal.SIGKILL)

    def far(self, host):
        """The folder of the agent on a host."""
        return (self.folder / host / ".cache" / "rally" / "agents"
                / "task-1-fleet" / host)

    def started(self, *hosts, **config):
        provider = self.provider(*hosts, **config)
        provider.start()
        wait_until(
            lambda: all((self.far(host) / "log").exists()
                        and "agent: " in (self.far(host) / "log").read_text()
                        for host in hosts),
            30, "they run",
        )
        return provider

    def end(self, provider, seconds=60):
        return provider.end(time.monotonic() + seconds)

    def pid(self, host):
        return int((self.far(host) / "pid").read_text().split()[0])

    def test_an_agent_is_detached_and_all_of_it_is_for_its_user_alone(self):
        provider = self.started("n1")

        self.assertEqual(self.pid("n1"), os.getsid(self.pid("n1")))
        self.assertEqual([], [
            str(path) for path in [self.far("n1"), *self.far("n1").iterdir()]
            if path.stat().st_mode & 0o077
        ])
        self.assertEqual([], self.end(provider))

    def test_its_secret_is_read_from_standard_input_and_not_kept(self):
        provider = self.started("joins")
        wait_until(
            lambda: (self.folder / "read").exists(), 30, "it has read it"
        )
        self.assertEqual(SECRET + "\n", (self.folder / "read").read_text())
        self.assertIn(
            "--join - --name joins --keys-folder keys --spool spool "
            "--give-up-after 60",
            (self.far("joins") / "log").read_text(),
        )
        for path in (self.folder / "asked", *self.far("joins").iterdir()):
            self.assertNotIn("secret", path.read_text())
        self.assertEqual([], self.end(provider))

    def test_it_is_asked_for_in_batch_mode_and_by_the_user_s_configuration(
        self
    ):
        self.end(self.started("n1", config="/c", user="me", port=7,
                              options={"ProxyJump": "gate"}))
        asked = (self.folder / "asked").read_text()
        for words in ("-F /c -l me -p 7 ", "-o BatchMode=yes ",
                      "-o ProxyJump=gate ", "-- n1 sh -s"):
            self.assertIn(words, asked)
        self.assertNotIn("StrictHostKeyChecking", asked)
        self.assertNotIn("KnownHostsFile", asked)

    def test_nothing_is_left_after_the_end(self):
        provider = self.started("n1", "n2")
        pids = [self.pid("n1"), self.pid("n2")]

        self.assertEqual([], self.end(provider))

        for pid in pids:
            self.assertFalse(is_running(pid))
        for host in ("n1", "n2"):
            self.assertFalse(self.far(host).parent.parent.exists())
        self.assertEqual([], list((self.order.folder / ssh.HOSTS).iterdir()))
        self.assertEqual([], self.end(provider))

    def test_another_process_can_end_them_with_the_same_order(self):
        self.started("n1")
        self.assertEqual([], self.end(self.provider("n1")))
        self.assertFalse(self.far("n1").exists())

    def test_those_that_run_are_not_started_again(self):
        self.started("n1")
        pid = self.pid("n1")
        other = self.started("n1")
        other._workers().shutdown()
        other._pool = None
        self.assertEqual(pid, self.pid("n1"))
        self.assertEqual([], self.failed)
        self.assertEqual([], self.end(other))

    def test_a_process_that_only_has_its_number_is_left_alone(self):
        provider = self.started("n1")
        os.kill(self.pid("n1"), signal.SIGKILL)
        other = os.fork()
        if not other:
            signal.pause()
        self.addCleanup(os.waitpid, other, 0)
        self.addCleanup(os.kill, other, signal.SIGKILL)
        path = self.far("n1") / "pid"
        path.write_text("%d\n%s\n" % (other, path.read_text().split("\n")[1]))

        self.assertEqual([], self.end(provider))
        os.kill(other, 0)

    def test_one_that_does_not_end_is_killed(self):
        provider = self.started("stubborn")
        pid = self.pid("stubborn")
        with mock.patch.object(ssh_scripts, "END_S", 1):
            self.assertEqual([], self.end(provider))
        self.assertFalse(is_running(pid))

    def test_what_nobody_fetched_stays_until_it_is_discarded(self):
        provider = self.started("n1")
        spool = self.far("n1") / "spool" / "run"
        spool.mkdir(parents=True)
        (spool / "1.chunk").touch()
        (self.far("n1") / "keys").mkdir()

        [left] = self.end(provider)
        self.assertIn("n1 keeps 1 chunk of", left)
        self.assertIn("rally task recover task-1", left)
        self.assertTrue((self.far("n1") / "keys").exists())

        self.assertEqual([], provider.discard(time.monotonic() + 60))
        self.assertFalse(self.far("n1").exists())

    def test_to_recover_only_those_are_started_that_keep_something(self):
        provider = self.started("n1", "n2")
        spool = self.far("n1") / "spool" / "run"
        spool.mkdir(parents=True)
        (spool / "1.chunk").touch()
        self.assertEqual(1, len(self.end(provider)))
        self.assertFalse((self.far("n1") / "pid").exists())

        again = self.provider("n1", "n2")
        again.resume()
        wait_until(lambda: (self.far("n1") / "log").exists(), 30, "it runs")
        (spool / "1.chunk").unlink()
        self.assertEqual([], self.end(again))
        self.assertFalse(self.far("n1").exists())
        self.assertFalse(self.far("n2").exists())

    def test_whoever_failed_is_told_with_the_reason(self):
        provider = self.provider(
            "refuses", "hangs", "dies", "n1", connect_timeout=1,
        )
        with mock.patch.object(ssh, "SCRIPT_S", 2):
            provider.start()
            wait_until(lambda: len(self.failed) == 3, 60, "all are told")
        found = {each.agent: each for each in self.failed}
        self.assertIn("Connection refused", found["refuses"].reason)
        self.assertEqual("no answer within 5 s", found["hangs"].reason)
        self.assertIn("exit status 3", found["dies"].reason)
        self.assertIn("no such address", found["dies"].tail)
        with mock.patch.object(ssh, "SCRIPT_S", 2):
            [left] = self.end(provider)
        self.assertIn("on host hangs could not be ended", left)

    def test_a_host_without_rally_says_so(self):
        provider = self.provider("n1", command="~/no/rally")
        provider.start()
        wait_until(lambda: self.failed, 30, "it is told")
        self.assertIn("`~/no/rally` cannot be run there",
                      self.failed[0].reason)
        self.assertEqual([], self.end(provider))

    def installing(self, *hosts, packages=SMALL, **config):
        patch = mock.patch.object(
            environment, "of_this_host", lambda imported: packages
        )
        with patch:
            return self.started(
                *hosts, install=True,
                python=str(self.program("py thon", PYTHON)), **config,
            )

    def made(self):
        return (self.folder / "made").read_text().splitlines()

    def pip(self):
        """What pip was given, but for options."""
        path = self.folder / "pip"
        words = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return {word.rpartition("/")[2] for word in words}

    def test_it_is_installed_once_and_found_by_its_content(self):
        self.assertEqual([], self.end(self.installing("n1")))
        words = self.pip()
        self.assertEqual([], self.end(self.installing("n1")))

        self.assertEqual([SMALL.digest], self.made())
        self.assertLessEqual(
            {"rally-1.0-py3-none-any.whl",
             "faster-1.0-cp311-cp311-linux_x86_64.whl",
             "--no-index", "--no-deps"}, words,
        )
        cache = self.folder / "n1" / ".cache" / "rally"
        self.assertEqual(
            [SMALL.digest], [x.name for x in (cache / "venvs").iterdir()]
        )
        self.assertEqual(
            {each.digest for each in SMALL.wheels},
            {x.name for x in (cache / "wheels").iterdir()},
        )

    def test_of_another_environment_only_what_is_new_is_sent(self):
        self.assertEqual([], self.end(self.installing("n1")))
        self.pip()
        folder = self.order.folder / ssh.PACKAGES
        before = set(folder.glob("*.zip"))
        changed = dataclasses.replace(
            SMALL, wheels=(package("rally", b"x = 2"), SMALL.wheels[1])
        )

        provider = self.installing("n1", packages=changed)

        [parcel] = set(folder.glob("*.zip")) - before
        self.assertEqual(
            ["%s/rally-1.0-py3-none-any.whl" % changed.wheels[0].digest],
            zipfile.ZipFile(parcel).namelist(),
        )
        self.assertLessEqual({
            "rally-1.0-py3-none-any.whl",
            "faster-1.0-cp311-cp311-linux_x86_64.whl",
        }, self.pip())
        self.assertEqual(2, len(self.made()))
        self.assertEqual([], self.end(provider))

    def test_what_was_sent_does_not_stay(self):
        provider = self.installing("n1")
        self.assertEqual([], list(self.far("n1").glob("parcel*")))
        self.assertEqual([], self.end(provider))

    def test_of_several_that_share_a_home_one_installs_it(self):
        for host in ("n2", "n3"):
            (self.folder / host).symlink_to("n1")
        (self.folder / "n1").mkdir()
        provider = self.installing("n1", "n2", "n3")
        self.assertEqual(1, len(self.made()))
        self.assertEqual([], self.end(provider))

    def version(self, number):
        """An environment with another Rally and the same other package."""
        return dataclasses.replace(SMALL, wheels=(
            package("rally", b"x = %d" % number), SMALL.wheels[1]
        ))

    def run_versions(self, *numbers):
        """Have an agent started and ended in each of these, in order."""
        for number in numbers:
            self.assertEqual([], self.end(
                self.installing("n1", packages=self.version(number))
            ))

    def in_cache(self, folder):
        """What is kept of all hosts, which have a home in common."""
        path = self.folder / "n1" / ".cache" / "rally" / folder
        return {each.name for each in path.iterdir()}

    def digests(self, *numbers):
        return {self.version(number).digest for number in numbers}

    def test_the_least_recently_used_environment_goes(self):
        self.run_versions(1, 2, 3)
        self.run_versions(1)  # it is the newest now
        with self.assertLogs("rally", "INFO") as logs:
            self.run_versions(4)

        self.assertEqual(self.digests(1, 3, 4), self.in_cache("venvs"))
        self.assertEqual(
            ["Host n1: removed 1 virtual environment, the least recently "
             "used"], [x.getMessage() for x in logs.records],
        )
        kept = [self.version(number).wheels for number in (1, 3, 4)]
        self.assertEqual(
            {each.digest for wheels in kept for each in wheels},
            self.in_cache("wheels"),
        )
        self.run_versions(2)
        self.assertEqual(self.digests(1, 2, 4), self.in_cache("venvs"))

    def test_one_that_an_agent_runs_in_stays_however_old(self):
        (self.folder / "n1").mkdir()
        (self.folder / "other").symlink_to("n1")
        runs = self.installing("other", packages=self.version(0))
        ready = (
            self.folder / "n1" / ".cache" / "rally" / "venvs"
            / self.version(0).digest / "ready"
        )
        os.utime(ready, (0, 0))

        self.run_versions(1, 2, 3, 4)

        self.assertEqual(self.digests(0, 2, 3, 4), self.in_cache("venvs"))
        self.assertEqual([], self.end(runs))
        self.run_versions(5)
        self.assertEqual(self.digests(3, 4, 5), self.in_cache("venvs"))

    def test_one_of_an_agent_of_another_host_stays_for_a_while(self):
        (self.folder / "n1").mkdir()
        agent = self.far("n1").parents[1] / "fleet" / "elsewhere"
        agent.mkdir(parents=True)
        (agent / "environment").write_text(self.version(1).digest + "\n")
        (agent / "pid").write_text("1\nanother-boot 17\n")
        self.run_versions(1, 2, 3, 4)
        self.assertEqual(self.digests(1, 2, 3, 4), self.in_cache("venvs"))

        os.utime(agent / "pid", (0, 0))
        self.run_versions(5)

        self.assertEqual(self.digests(3, 4, 5), self.in_cache("venvs"))

    def test_what_a_host_died_over_goes_as_well(self):
        venvs = self.folder / "n1" / ".cache" / "rally" / "venvs"
        for name in ("half-made/bin", "dead.lock", "begun.lock"):
            (venvs / name).mkdir(parents=True)
        (venvs / "dead.lock" / "pid").write_text("1\nanother-boot 17\n")
        os.utime(venvs / "dead.lock" / "pid", (0, 0))

        self.run_versions(1)

        self.assertEqual(
            {"begun.lock", *self.digests(1)}, self.in_cache("venvs")
        )

    def test_packages_stay_while_somebody_has_looked_for_them(self):
        self.run_versions(1, 2, 3)
        other = self.far("n1").parents[1] / "fleet" / "n9"
        other.mkdir(parents=True)
        (other / "looked").touch()
        self.run_versions(4)
        first = self.version(1).wheels[0].digest
        self.assertIn(first, self.in_cache("wheels"))

        (other / "looked").unlink()
        self.run_versions(5)

        self.assertNotIn(first, self.in_cache("wheels"))

    def failing(self, packages=SMALL):
        """Why it cannot be installed, and what pip said."""
        (self.folder / "broken").touch()
        provider = self.provider(
            "n1", install=True, python=str(self.program("py thon", PYTHON))
        )
        with mock.patch.object(
            environment, "of_this_host", lambda imported: packages
        ):
            provider.start()
        wait_until(
            lambda: any(
                isinstance(each, agent_provider.Failed)
                for each in self.failed
            ), 30, "it is told",
        )
        return self.failed[-1]

    def test_an_installation_that_fails_is_told_and_tried_anew(self):
        failed = self.failing()
        self.assertEqual("pip cannot install numpy==2", failed.reason)
        self.assertIn("No matching", failed.tail)
        self.assertEqual(set(), self.in_cache("venvs"))
        (self.folder / "broken").unlink()
        self.assertEqual([], self.end(self.installing("n1")))
        self.assertEqual(2, len(self.made()))

    def test_another_interpreter_without_an_index_is_told_what_to_do(self):
        (self.folder / "old").touch()
        failed = self.failing()
        self.assertIn("pip cannot install numpy==2: ", failed.reason)
        self.assertIn("package index", failed.reason)
        self.assertIn("its Python is cpython-26 linux-z80", failed.reason)
        (self.folder / "broken").unlink()
        self.assertEqual([], self.end(self.installing("n1")))
        words = self.pip()
        self.assertIn("rally-1.0-py3-none-any.whl", words)
        self.assertNotIn("--no-index", words)
        self.assertNotIn("--no-deps", words)

    def test_an_end_does_not_wait_for_an_installation(self):
        slow = PYTHON.replace(
            "-m-venv) ",
            '-m-venv) touch "$SSH_TEST/making"; exec sleep 600;;\nx) ',
        )
        provider = self.provider(
            "n1", install=True, python=str(self.program("py thon", slow))
        )
        with mock.patch.object(
            environment, "of_this_host", lambda imported: SMALL
        ):
            provider.start()
        wait_until(
            (self.folder / "making").exists, 30, "it is being installed"
        )

        self.assertEqual([], self.end(provider))
        self.assertFalse(self.far("n1").exists())
        here = str(self.folder.resolve())
        for path in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if os.readlink(path / "cwd").startswith(here):
                    os.kill(int(path.name), signal.SIGKILL)

    def test_the_end_of_a_log_can_be_seen(self):
        provider = self.started("n1")
        self.assertIn("agent: agent start", provider.tail("n1"))
        self.assertEqual("", provider.tail("n2"))
        self.end(provider)

    def test_without_a_client_it_says_what_to_install(self):
        os.environ["PATH"] = "/nowhere"
        self.assertRaises(ssh_client.NoSSH, self.provider("n1").start)


@ddt.ddt
class ConfigTestCase(test.TestCase):
    def setUp(self):
        super().setUp()
        plugins.load()

    def problems(self, **config):
        return " ".join(agent_provider.AgentProvider.validate(
            name="ssh", context=None, config=None,
            plugin_cfg={"hosts": ["n1"], **config},
        ))

    def test_what_ssh_takes_is_taken(self):
        self.assertEqual("", self.problems(
            hosts=["n1", "me@n2", "ssh://me@[fe80::1%eth0]:22", "10.0.0.1"],
            user="me", port=22, options={"ProxyJump": "gate", "Port": 7},
        ))

    @ddt.data(
        {"hosts": []}, {"hosts": ["-oProxyCommand=x"]}, {"hosts": ["a b"]},
        {"hosts": ["n1", "n1"]}, {"user": "-x"}, {"width": 0},
    )
    def test_what_is_refused(self, config):
        self.assertNotEqual("", self.problems(**config))

    @ddt.data(
        {"StrictHostKeyChecking": "no"}, {"stricthostkeychecking": "OFF"},
        {"UserKnownHostsFile": "/dev/null"},
    )
    def test_known_hosts_are_not_switched_off(self, options):
        self.assertIn("known_hosts", self.problems(options=options))

    def test_agents_are_called_as_their_hosts(self):
        self.assertEqual(
            {"n1": "n1", "n2": "me@n2", "n3-22": "ssh://me@n3:22",
             "n1-2": "you@n1"},
            ssh.names_of(["n1", "me@n2", "ssh://me@n3:22", "you@n1"]),
        )
