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

"""What plugins of verification use."""

from __future__ import annotations

import os
import pathlib
import shlex
import subprocess
import typing as t

from rally.common import logging, masking, private_files
from rally.verification import ini_text, processes

if t.TYPE_CHECKING:
    import configparser

LOG = logging.getLogger(__name__)


def check_output(
    *args: t.Any,
    msg_on_err: str | None = None,
    debug_output: bool = True,
    **kwargs: t.Any,
) -> str:
    """Run a command as ``subprocess.check_output`` does; its text.

    Errors it writes are in the text, too. It cannot ask anybody, and none of
    its processes outlives it.

    :param args: the command, as a list
    :param msg_on_err: logged before what the command said if it failed
    :param debug_output: log what it said also if it did not fail
    :param kwargs: for ``subprocess.Popen``; what is about its output and
        input has no effect
    :raises CalledProcessError: its exit status was not 0
    :raises OSError: it cannot be started
    """
    for name in ("stdin", "stdout", "stderr", "text", "universal_newlines"):
        kwargs.pop(name, None)
    words = args[0]
    if isinstance(words, str):
        is_shell = kwargs.pop("shell", False)
        words = ["/bin/sh", "-c", words] if is_shell else [words]
    with processes.running(words, **kwargs) as command:
        output = command.output.read().decode("utf-8", "replace")
        status = command.wait()
    said = masking.masked_text(output)
    if status:
        LOG.error(
            "%s`%s` failed with exit status %d. It said:\n%s",
            msg_on_err + ": " if msg_on_err else "", _shown(words), status,
            said,
        )
        # who shows the error shows the command
        shown = [masking.masked_text(str(word)) for word in words]
        raise subprocess.CalledProcessError(status, shown, output)
    if debug_output:
        LOG.debug("`%s` said:\n%s", _shown(words), said)
    return output


def _shown(words: str | t.Sequence[t.Any]) -> str:
    line = words if isinstance(words, str) else shlex.join(map(str, words))
    return masking.masked_text(line)


def create_dir(dir_path: str) -> str:
    """Make a folder that is there already or not; its path.

    Others cannot read it: configurations in it hold passwords.
    """
    private_files.make_folder(pathlib.Path(dir_path))
    return dir_path


def extend_configfile(extra_options: ini_text.Options, conf_path: str) -> str:
    """Put options into a configuration file; its new text.

    :param extra_options: section -> option -> value
    """
    path = pathlib.Path(conf_path)
    text = ini_text.with_options(path.read_text("utf-8"), extra_options)
    # in place: the file keeps its owner and mode
    with open(path, "w", encoding="utf-8", opener=_private) as f:
        f.write(text)
    return text


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def add_extra_options(
    extra_options: ini_text.Options, conf: configparser.RawConfigParser
) -> configparser.RawConfigParser:
    """Put options into *conf*, and give it back.

    :param extra_options: section -> option -> value
    """
    conf.optionxform = str  # type: ignore[assignment,method-assign]
    # ``set`` takes neither numbers nor a percent sign that stands alone
    conf.read_string(ini_text.with_options("", extra_options))
    return conf
