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

"""Commands and files on other hosts, over SSH."""

from __future__ import annotations

import codecs
import contextlib
import importlib
import io
import os
import shlex
import threading
import time
import types
import typing as t

from rally import exceptions
from rally.common import logging
from rally.utils import encodeutils

if t.TYPE_CHECKING:
    import paramiko

LOG = logging.getLogger(__name__)

_BLOCK_BYTES = 32768
_SHOWN_CHARACTERS = 1000
_CONNECT_TIMEOUT_S = 10


class SSH:
    """A host that can be logged in to; connects at the first command.

    :param user: name of the user there
    :param host: address of the host
    :param port: where its SSH server listens
    :param pkey: private key: a ``paramiko`` one, a file, or its text
    :param key_filename: path of the private key, or paths of several
    :param password: password of the user
    """

    def __init__(
        self,
        user: str,
        host: str,
        port: int = 22,
        pkey: t.Any = None,
        key_filename: t.Any = None,
        password: str | None = None,
    ) -> None:
        self.user = user
        self.host = host
        self.port = port
        self.pkey = _load_key(pkey) if pkey else None
        self.key_filename = key_filename
        self.password = password
        self._client: paramiko.SSHClient | None = None

    def __enter__(self) -> SSH:
        return self

    def __exit__(self, *args: t.Any) -> None:
        self.close()

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def run(
        self,
        cmd: str | t.Sequence[str],
        stdin: t.Any = None,
        stdout: t.Any = None,
        stderr: t.Any = None,
        raise_on_error: bool = True,
        timeout: float = 3600,
    ) -> int:
        """Run a command there.

        :param cmd: a command line, or words that are quoted into one
        :param stdin: text, or an open file, that the command reads
        :param stdout: open text file that gets its standard output
        :param stderr: open text file that gets its standard error
        :param raise_on_error: whether an exit status but 0 is an error
        :param timeout: seconds the command may take
        :returns: its exit status
        :raises SSHError: no connection, or see *raise_on_error*
        :raises SSHTimeout: it takes too long
        """
        line = cmd if isinstance(cmd, str) else shlex.join(cmd)
        kept = io.StringIO()
        outputs = _Tee(stdout), _Tee(stderr, kept)
        deadline = time.monotonic() + timeout
        session = _Session(self._connection(), line, deadline)
        try:
            status = session.run(_opened(stdin), *outputs)
        except TimeoutError:
            raise exceptions.SSHTimeout(
                f"Command {line!r} on {self.host} did not end within "
                f"{timeout} seconds."
            ) from None
        finally:
            session.close()
        if raise_on_error and status != 0:
            details = kept.getvalue()[-_SHOWN_CHARACTERS:].strip()
            raise exceptions.SSHError(
                f"Command {line!r} on {self.host} failed with exit status "
                f"{status}. Its standard error ends in: {details or 'nothing'}"
            )
        return status

    def execute(
        self,
        cmd: str | t.Sequence[str],
        stdin: t.Any = None,
        timeout: float = 3600,
    ) -> tuple[int, str, str]:
        """Run a command there, whatever its exit status.

        :returns: exit status, standard output, standard error
        """
        stdout, stderr = io.StringIO(), io.StringIO()
        status = self.run(
            cmd,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            raise_on_error=False,
            timeout=timeout,
        )
        return status, stdout.getvalue(), stderr.getvalue()

    def wait(self, timeout: float = 120, interval: float = 1) -> None:
        """Wait until the host runs commands.

        :param timeout: seconds until we give up
        :param interval: seconds between two attempts
        :raises SSHTimeout: it does not
        """
        deadline = time.monotonic() + timeout
        while True:
            try:
                self.execute(["uname"], timeout=timeout)
                return
            except (OSError, exceptions.SSHError) as e:
                LOG.debug("%s does not run commands yet: %s", self.host, e)
                self.close()
                if time.monotonic() + interval > deadline:
                    raise exceptions.SSHTimeout(
                        f"{self.host} did not run commands within {timeout} "
                        f"seconds: {e}"
                    ) from None
            time.sleep(interval)  # nobody tells when a host is up

    def put_file(
        self, localpath: str, remotepath: str, mode: int | None = None
    ) -> None:
        """Copy a file there.

        :param mode: its permissions there; by default as here
        """
        if mode is None:
            mode = os.stat(localpath).st_mode & 0o777
        try:
            self._put_by_sftp(localpath, remotepath, mode)
        except _ssh_exception():  # a server without SFTP
            self._put_by_shell(localpath, remotepath, mode)

    def _put_by_sftp(self, localpath: str, remotepath: str, mode: int) -> None:
        with self._connection().open_sftp() as sftp:
            sftp.put(localpath, remotepath)
            sftp.chmod(remotepath, mode)

    def _put_by_shell(
        self, localpath: str, remotepath: str, mode: int
    ) -> None:
        path = shlex.quote(remotepath)
        with open(localpath, "rb") as source:
            self.run(f"cat > {path} && chmod {mode:o} {path}", stdin=source)

    def _connection(self) -> paramiko.SSHClient:
        if self._client is None:
            self._client = self._connect()
        return self._client

    def _connect(self) -> paramiko.SSHClient:
        paramiko = _paramiko()
        client = paramiko.SSHClient()
        # hosts made for a test have keys that nobody has seen before
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        try:
            client.connect(
                self.host,
                username=self.user,
                port=self.port,
                pkey=self.pkey,
                key_filename=self.key_filename,
                password=self.password,
                timeout=_CONNECT_TIMEOUT_S,
            )
        except (OSError, EOFError, paramiko.SSHException) as e:
            client.close()
            raise exceptions.SSHError(
                f"Cannot log in to {self.host}:{self.port} as {self.user}: "
                f"{type(e).__name__}: {e}. Check address, user and key, and "
                "that the host is up."
            ) from None
        return client


class _Session:
    """One command. Standard input and standard error have threads."""

    def __init__(
        self, client: paramiko.SSHClient, line: str, deadline: float
    ) -> None:
        transport = client.get_transport()
        if transport is None:
            raise exceptions.SSHError("The SSH connection is closed.")
        self._deadline = deadline
        self._channel = transport.open_session()
        self._channel.exec_command(line)
        LOG.debug("Running over SSH: %s", line)

    def run(self, stdin: t.Any, stdout: _Tee, stderr: _Tee) -> int:
        helpers = [
            threading.Thread(target=self._feed, args=(stdin,), daemon=True),
            threading.Thread(
                target=self._pump_errors,
                args=(stderr,),
                daemon=True,
            ),
        ]
        for helper in helpers:
            helper.start()
        self._pump(self._channel.recv, stdout)
        if not self._channel.status_event.wait(self._remaining_s()):
            raise TimeoutError
        for helper in helpers:
            helper.join(self._remaining_s())
        return self._channel.recv_exit_status()

    def close(self) -> None:
        self._channel.close()

    def _remaining_s(self) -> float:
        return max(0.0, self._deadline - time.monotonic())

    def _pump(self, receive: t.Callable[[int], bytes], to: _Tee) -> None:
        while True:
            self._channel.settimeout(self._remaining_s())
            block = receive(_BLOCK_BYTES)
            to.write(block)
            if not block:
                return

    def _pump_errors(self, stderr: _Tee) -> None:
        with contextlib.suppress(TimeoutError):  # `run` reports it
            self._pump(self._channel.recv_stderr, stderr)

    def _feed(self, stdin: t.Any) -> None:
        try:
            while stdin is not None and (block := stdin.read(_BLOCK_BYTES)):
                self._channel.sendall(encodeutils.safe_encode(block))
            self._channel.shutdown_write()
        except OSError as e:  # the command has ended without reading it all
            LOG.debug("Standard input was not read to its end: %s", e)


class _Tee:
    """Decodes blocks of UTF-8 into open text files."""

    def __init__(self, *files: t.Any) -> None:
        self._files = [file for file in files if file is not None]
        decoder = codecs.getincrementaldecoder("utf-8")
        self._decoder = decoder(errors="replace")

    def write(self, block: bytes) -> None:
        """Write a block; an empty one is the end."""
        text = self._decoder.decode(block, final=not block)
        for file in self._files:
            file.write(text)


def _opened(stdin: t.Any) -> t.Any:
    if isinstance(stdin, str | bytes):
        return io.BytesIO(encodeutils.safe_encode(stdin))
    return stdin


def _ssh_exception() -> type[Exception]:
    import paramiko

    return paramiko.SSHException


def _paramiko() -> types.ModuleType:
    """The package that speaks SSH, which only such scenarios need.

    :raises SSHError: it is not installed
    """
    try:
        return importlib.import_module("paramiko")
    except ImportError as e:
        raise exceptions.SSHError(
            "A plugin wants to run commands over SSH, and the Python package "
            f"that does so is not installed ({e}). Run `pip install "
            "rally[ssh]`, on every agent as well."
        ) from None


def _load_key(key: t.Any) -> t.Any:
    """A key object out of a key object, an open file, or a text."""
    paramiko = _paramiko()
    if isinstance(key, paramiko.PKey):
        return key
    text = key if isinstance(key, str) else key.read()
    problems = []
    for kind in (paramiko.RSAKey, paramiko.Ed25519Key, paramiko.ECDSAKey):
        try:
            return kind.from_private_key(io.StringIO(text))
        except (paramiko.SSHException, ValueError) as e:
            problems.append(f"{kind.__name__}: {e}")
    raise exceptions.SSHError(
        "The private key cannot be read. It must be an RSA, Ed25519 or ECDSA "
        f"key without passphrase ({'; '.join(problems)})."
    )
