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

"""A web server that costs so little that its visitors do not wait for it."""

from __future__ import annotations

import contextlib
import os
import pathlib
import select
import shutil
import socket
import subprocess
import typing as t

from tests.benchmarks import errors, processes

END_S = 10.0
#: it answers from memory, and keeps connections for as long as anybody asks
CONFIG = """
worker_processes 1;
daemon on;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{ return 200 "Here is what you asked for.\\n"; }}
    }}
}}
"""


@contextlib.contextmanager
def nginx(folder: pathlib.Path) -> t.Iterator[str]:
    """The address of an nginx that is there meanwhile.

    :raises BenchmarkError: there is none, or it does not start
    """
    program = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
    if program is None:
        raise errors.BenchmarkError(
            "There is no nginx, so there is nothing to make requests to. "
            "Install the package `nginx` of the distribution."
        )
    folder.mkdir()
    port = _free_port()
    config = folder / "nginx.conf"
    config.write_text(CONFIG.format(folder=folder, port=port))
    with processes.orphans_go():  # else its CPU time would be measured
        done = subprocess.run(
            [program, "-c", str(config)], capture_output=True, text=True,
            check=False,
        )
    if done.returncode:
        raise errors.BenchmarkError("nginx did not start: %s" % done.stderr)
    pid = int((folder / "nginx.pid").read_text())
    try:
        yield "http://127.0.0.1:%d/" % port
    finally:
        _end(program, config, pid)


def _end(program: str, config: pathlib.Path, pid: int) -> None:
    ended = os.pidfd_open(pid)
    try:
        subprocess.run(
            [program, "-c", str(config), "-s", "stop"], check=True,
            capture_output=True,
        )
        select.select([ended], [], [], END_S)
    finally:
        os.close(ended)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
