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

"""What runs the pods of the one node there is."""

from __future__ import annotations

import base64
import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import threading
import typing as t

from tests.kubernetes_api import store as stores

Object: t.TypeAlias = stores.Object
#: lines of a log that a pod's state keeps
KEPT_LINES = 80


class Kubelet:
    """Has pods run without running anything: a test says how they end.

    :param broken: images that cannot be used -> reason and message
    """

    def __init__(
        self, store: stores.Store,
        broken: t.Mapping[str, tuple[str, str]] | None = None,
    ) -> None:
        self.store = store
        self.broken = dict(broken or {})
        self.logs: dict[str, str] = {}  # by name of the pod
        #: pods that do not end when they are told to
        self.stuck: set[str] = set()

    def start(self, pod: Object) -> None:
        """Start a pod that has its node; may be called again."""
        problem = self.broken.get(pod["spec"]["containers"][0]["image"])
        if problem is not None:
            self.wait_for(pod, *problem)
            return
        if self.run(pod):
            self._set(pod, "Running", {"running": {}})

    def run(self, pod: Object) -> bool:
        """Whether it runs now."""
        return True

    def stop(self, pod: Object) -> bool:
        """End a pod; whether it has ended. May be called again."""
        return pod["metadata"]["name"] not in self.stuck

    def forget(self, pod: Object) -> None:
        """It is deleted."""

    def log(self, name: str) -> str:
        return self.logs.get(name, "")

    def close(self) -> None:
        """Leave nothing that runs."""

    # ---- what a test says

    def wait_for(self, pod: Object, reason: str, message: str) -> None:
        self._set(
            pod, "Pending",
            {"waiting": {"reason": reason, "message": message}},
        )

    def exit(
        self, pod: Object, code: int, reason: str = "Error", message: str = ""
    ) -> None:
        """Its container has ended."""
        over = {"exitCode": code, "reason": reason, "message": message}
        self._set(
            pod, "Failed" if code else "Succeeded", {"terminated": over}
        )

    def evict(self, pod: Object, message: str) -> None:
        self.store.update(
            "pods", pod["metadata"]["name"],
            lambda each: each["status"].update(
                phase="Failed", reason="Evicted", message=message
            ),
        )

    def _set(self, pod: Object, phase: str, state: Object) -> None:
        container = pod["spec"]["containers"][0]

        def change(each: Object) -> None:
            each["status"].update(
                phase=phase, startTime=each["metadata"]["creationTimestamp"],
                conditions=[{"type": "PodScheduled", "status": "True"}],
                containerStatuses=[{
                    "name": container["name"], "image": container["image"],
                    "state": state,
                }],
            )

        with contextlib.suppress(stores.Refused):  # it is gone
            self.store.update("pods", pod["metadata"]["name"], change)


class ProcessKubelet(Kubelet):
    """Runs each container as a process of this host.

    Volumes are folders; their paths in arguments and variables are replaced,
    since there is no container that they could be mounted in.

    :param folder: where volumes and logs are
    :param environ: what each process gets besides its own variables
    """

    def __init__(
        self, store: stores.Store, folder: pathlib.Path,
        environ: t.Mapping[str, str],
    ) -> None:
        super().__init__(store)
        self.folder = folder
        self.environ = dict(environ)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._waiters: list[threading.Thread] = []

    def run(self, pod: Object) -> bool:
        name = pod["metadata"]["name"]
        if name in self._processes:
            return True
        mounts = self._mounts(pod)
        if mounts is None:
            return False
        container = pod["spec"]["containers"][0]
        path = self.folder / name / "log"
        with path.open("wb") as log:
            process = subprocess.Popen(
                [
                    _placed(word, mounts)
                    for word in container["command"] + container["args"]
                ],
                env={
                    **self.environ,
                    "HOSTNAME": pod["spec"]["hostname"],
                    "TMPDIR": mounts["/tmp"],
                    **{
                        each["name"]: _placed(each["value"], mounts)
                        for each in container["env"]
                    },
                },
                cwd=mounts[container["workingDir"]],
                stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True,
            )
        self._processes[name] = process
        waiter = threading.Thread(
            target=self._await, args=[pod, process], daemon=True
        )
        waiter.start()
        self._waiters.append(waiter)
        return True

    def stop(self, pod: Object) -> bool:
        process = self._processes.get(pod["metadata"]["name"])
        if process is None or process.poll() is not None:
            return True
        self.kill(pod["metadata"]["name"], signal.SIGTERM)
        return False

    def forget(self, pod: Object) -> None:
        """Its volumes and its log go with it."""
        shutil.rmtree(
            self.folder / pod["metadata"]["name"], ignore_errors=True
        )

    def kill(self, name: str, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._processes[name].pid, number)

    def log(self, name: str) -> str:
        path = self.folder / name / "log"
        return path.read_text() if path.exists() else ""

    def close(self) -> None:
        for name in self._processes:
            self.kill(name, signal.SIGKILL)
        for waiter in self._waiters:
            waiter.join()

    def _await(self, pod: Object, process: subprocess.Popen[bytes]) -> None:
        status = process.wait()
        code = 128 - status if status < 0 else status
        lines = self.log(pod["metadata"]["name"]).splitlines()
        self.exit(
            pod, code, "Completed" if code == 0 else "Error",
            "\n".join(lines[-KEPT_LINES:])[-2048:] if code else "",
        )

    def _mounts(self, pod: Object) -> dict[str, str] | None:
        """Folder of each mount; None if there is no such Secret yet."""
        volumes = {}
        for volume in pod["spec"]["volumes"]:
            folder = self.folder / pod["metadata"]["name"] / volume["name"]
            folder.mkdir(parents=True, exist_ok=True)
            volumes[volume["name"]] = str(folder)
            if "secret" in volume:
                try:
                    secret = self.store.get(
                        "secrets", volume["secret"]["secretName"]
                    )
                except stores.Refused:
                    return None
                for key, value in secret["data"].items():
                    path = folder / key
                    path.write_bytes(base64.b64decode(value))
                    path.chmod(volume["secret"]["defaultMode"])
        return {
            each["mountPath"]: volumes[each["name"]]
            for each in pod["spec"]["containers"][0]["volumeMounts"]
        }


def _placed(text: str, mounts: t.Mapping[str, str]) -> str:
    """*text* with the folders that stand for the paths of mounts."""
    paths = "|".join(
        re.escape(path) for path in sorted(mounts, key=len, reverse=True)
    )
    return re.sub(
        r"(?<![\w/.-])(%s)(?![\w.-])" % paths,
        lambda match: mounts[match[1]], text,
    )
