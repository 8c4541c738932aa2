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

"""The git clone of a verifier."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import typing as t

from rally import exceptions
from rally.verification import utils

#: addresses that git can clone from, beside paths
URL_RE = re.compile(
    r"^(?:(?:https?|ftps?|ssh|git|file)://\S+"
    r"|(?:[\w.-]+@)?[\w.-]+\.[\w.-]+:(?!//)\S+|[\w.-]+@[\w.-]+:(?!//)\S+)$",
    re.IGNORECASE,
)


def check_source(source: str) -> None:
    """:raises RallyException: nothing can be cloned from there"""
    if not (os.path.exists(source) or URL_RE.match(source)):
        raise exceptions.RallyException(
            "Source path or URL '%s' is not valid: there is no such path, and "
            "it is no address that git clones from. So there is no test tool "
            "to install. Give --source the path of a git repository, or a "
            "URL like https://HOST/PATH, ssh://HOST/PATH, file:///PATH or "
            "git@HOST:PATH." % source
        )


class Repository:
    """A clone in a folder.

    :param folder: where it is, or will be
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def clone(self, source: str, branch: str | None = None) -> None:
        """Clone it.

        :param branch: other than the one that is checked out by default
        :raises RallyException: nothing can be cloned from there
        """
        check_source(source)
        options = ["-b", branch] if branch else []
        _git("clone", *options, "--", source, self._folder,
             cwd=os.path.dirname(self._folder),
             msg_on_err="%s cannot be cloned" % source)

    def checkout(self, version: str) -> None:
        """Change to a branch, a tag or a commit, as the source has it now.

        :raises CalledProcessError: there is no such version
        """
        self._run("fetch", "--prune", "--tags", "--force", "origin")
        branch = "refs/remotes/origin/%s" % version
        if self._succeeds("show-ref", "--verify", "--quiet", branch):
            # a local branch of that name stays where it was last time
            self._run("checkout", "-B", version, branch, "--")
        else:
            self._run("checkout", version, "--")

    def version(self) -> str:
        """What is checked out: branch, tag, or the id of the commit."""
        for question in (
            ("symbolic-ref", "--short", "HEAD"),
            ("describe", "--exact-match", "--tags", "HEAD"),
        ):
            with contextlib.suppress(subprocess.CalledProcessError):
                return _git(
                    *question, cwd=self._folder, is_quiet=True
                ).strip()
        return self._run("rev-parse", "HEAD").strip()

    def _run(self, *words: str) -> str:
        return _git(*words, cwd=self._folder)

    def _succeeds(self, *words: str) -> bool:
        try:
            _git(*words, cwd=self._folder, is_quiet=True)
        except subprocess.CalledProcessError:
            return False
        return True


def _git(
    *words: str,
    cwd: str,
    msg_on_err: str | None = None,
    is_quiet: bool = False,
) -> str:
    environ: t.Mapping[str, str] = {
        # it is never to ask for a password, nor to wait for an answer
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
        **os.environ,
    }
    if is_quiet:  # that it fails is an answer
        return subprocess.run(
            ["git", *words], cwd=cwd, env=environ, check=True, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
        ).stdout
    return utils.check_output(
        ["git", *words], cwd=cwd, env=environ, msg_on_err=msg_on_err
    )
