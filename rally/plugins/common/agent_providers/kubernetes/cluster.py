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

"""One namespace of a cluster, through the official client.

Objects come as plain dicts, not as the client's models: those refuse what a
newer server sends, and take a hundred times as long. Nothing here polls:
changes are watched, and what a server cannot do now is tried again when it
says, or after growing pauses.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import random
import threading
import time
import typing as t

from rally import exceptions
from rally.common import logging

if t.TYPE_CHECKING:
    import urllib3

LOG = logging.getLogger(__name__)

Object: t.TypeAlias = dict[str, t.Any]

CONNECT_S = 5.0
#: how long a server may take for an answer
READ_S = 20.0
#: a watch ends after so long, and the next one begins where it was
WATCH_S = 290
#: pauses before the next try double from the first of these to the last
PAUSES_S = (0.25, 15.0)
#: objects in an answer to list
PAGE = 250
MAX_LINE_BYTES = 8 * 2**20
#: there was no answer, or that of a server that has too much to do, or goes
TRY_AGAIN = frozenset({0, 408, 429, 500, 502, 503, 504})
UNAUTHORIZED = 401
CONFLICT = 409
GONE = 410
SERVICE_ACCOUNT = pathlib.Path("/var/run/secrets/kubernetes.io/serviceaccount")


class ClientMissing(exceptions.RallyException):
    error_code = 176
    msg_fmt = (
        "Agents in a Kubernetes cluster need the Python package kubernetes, "
        "which is not installed here, so none can be started. Install it "
        "with `pip install 'rally[kubernetes]'`."
    )


class NoAccess(exceptions.RallyException):
    error_code = 177
    msg_fmt = (
        "The Kubernetes cluster that agents are to run in cannot be reached: "
        "%(problem)s. Check `kubeconfig` and `context` of the task with "
        "`kubectl --kubeconfig FILE --context NAME get pods`; in a pod, that "
        "it has a service account whose token is mounted."
    )


class JobNotStarted(exceptions.RallyException):
    error_code = 178
    msg_fmt = (
        "The Kubernetes cluster did not %(what)s in namespace %(namespace)s, "
        "so its agents are not started: %(problem)s. Check that namespace, "
        "quota and role allow it: etc/kubernetes/controller/access.yaml has "
        "all that is needed."
    )


class RequestRefused(Exception):
    """An answer of the server that is not the one that was asked for.

    :param code: HTTP status; 0: there was no answer
    """

    def __init__(self, code: int, problem: str, retry_s: float | None) -> None:
        super().__init__(problem)
        self.code = code
        self.retry_s = retry_s


class Listed(t.NamedTuple):
    """All objects that there are now; replaces what was known before."""

    objects: list[Object]


class Changed(t.NamedTuple):
    """One object, as it is after the change, or was before it was deleted."""

    object: Object
    is_deleted: bool


def is_in_pod(config: t.Mapping[str, t.Any]) -> bool:
    """Whether the way is that of a pod, by its service account."""
    return (
        not {"kubeconfig", "context"} & set(config)
        and "KUBERNETES_SERVICE_HOST" in os.environ
        and (SERVICE_ACCOUNT / "token").exists()
    )


class Cluster:
    """Requests about one namespace; of any thread.

    :param config: ``kubeconfig``, ``context`` and ``namespace`` of a task
    :param folder: for this user alone; certificates and keys that a
        kubeconfig holds are kept in files there, which outlive a process that
        is killed
    """

    def __init__(
        self, config: t.Mapping[str, t.Any], folder: pathlib.Path
    ) -> None:
        try:
            import kubernetes
            from kubernetes.config import config_exception
        except ImportError:
            raise ClientMissing() from None
        settings = kubernetes.client.Configuration()
        try:
            if is_in_pod(config):
                kubernetes.config.load_incluster_config(settings)
                namespace = (SERVICE_ACCOUNT / "namespace").read_text()
            else:
                namespace = _load_file(
                    kubernetes.config, config, settings, folder
                )
        except (config_exception.ConfigException, OSError, ValueError) as e:
            raise NoAccess(
                problem="%s: %s" % (_path(config), _one_line(e))
            ) from None
        settings.retries = False  # those of this module know a deadline
        self.namespace = config.get("namespace") or namespace.strip()
        self.server = str(settings.host)
        client = kubernetes.client.ApiClient(settings)
        self._connections = client.rest_client.pool_manager
        self._core = kubernetes.client.CoreV1Api(client)
        self._batch = kubernetes.client.BatchV1Api(client)
        self._closing = threading.Event()
        self._watches: set[urllib3.BaseHTTPResponse] = set()
        self._lock = threading.Lock()

    def close(self) -> None:
        """End all watches, and every pause before another try."""
        self._closing.set()
        with self._lock:
            for response in self._watches:
                # it is at its end already
                with contextlib.suppress(RuntimeError, ValueError, OSError):
                    response.shutdown()
        self._connections.clear()

    # ---- single objects

    def create(self, kind: str, new: Object, until_s: float) -> Object:
        """:raises RequestRefused: it cannot be made; 409: it is there"""
        return self._object(self._method("create", kind), until_s, body=new)

    def get(self, kind: str, name: str, until_s: float) -> Object:
        """:raises RequestRefused: it cannot be read"""
        return self._object(self._method("read", kind), until_s, name=name)

    def patch(
        self, kind: str, name: str, change: Object, until_s: float
    ) -> Object:
        """Merge *change* into an object, whatever else changed in it.

        :raises RequestRefused: it cannot be changed
        """
        return json.loads(self._ask(  # type: ignore[no-any-return]
            self._method("patch", kind), until_s, TRY_AGAIN | {CONFLICT},
            name=name, body=change,
        ))

    def delete(
        self, kind: str, name: str, until_s: float, uid: str | None = None
    ) -> bool:
        """Delete an object; of a Job the pods go first.

        :param uid: of the object that is meant, if another one may have
            taken its name
        :returns: whether it was there
        :raises RequestRefused: it cannot be deleted
        """
        # Foreground would keep what has no dependents until somebody looks
        policy = "Foreground" if kind == "job" else "Background"
        options: Object = {"propagationPolicy": policy}
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        try:
            self._object(
                self._method("delete", kind), until_s, name=name, body=options
            )
        except RequestRefused as e:
            if e.code == 404:
                return False
            raise
        return True

    def log(self, pod: str, container: str, lines: int, until_s: float) -> str:
        """The end of what a container printed.

        :raises RequestRefused: there is no such pod any more
        """
        data = self._ask(
            self._core.read_namespaced_pod_log, until_s, name=pod,
            container=container, tail_lines=lines,
        )
        return data.decode("utf-8", "replace")

    # ---- all of a kind

    def follow(
        self, kind: str, until_s: float = float("inf"), **selectors: str
    ) -> t.Iterator[Listed | Changed]:
        """What there is of a kind, and then what changes.

        Ends with ``close``, or when the time is over.

        :raises RequestRefused: whoever asks may not know
        """
        pauses = Pauses()
        while not self._is_over(until_s):
            begun = time.monotonic()
            try:
                objects, version = self._list(kind, until_s, selectors)
                yield Listed(objects)
                yield from self._changes(kind, version, until_s, selectors)
            except RequestRefused as e:
                # it is too long ago what was known, or a token has expired
                if e.code not in TRY_AGAIN | {GONE, UNAUTHORIZED}:
                    raise
                if time.monotonic() - begun > PAUSES_S[1]:
                    pauses.reset()
                self._pause(pauses.next_s(e.retry_s), until_s)

    def _list(
        self, kind: str, until_s: float, selectors: t.Mapping[str, str]
    ) -> tuple[list[Object], str]:
        objects: list[Object] = []
        more: t.Mapping[str, str] = {}
        while True:
            page = self._object(
                self._method("list", kind), min(until_s, _soon()),
                limit=PAGE, **selectors, **more,
            )
            objects += page["items"]
            token = page["metadata"].get("continue")
            if not token:
                return objects, page["metadata"]["resourceVersion"]
            more = {"_continue": token}

    def _changes(
        self, kind: str, version: str, until_s: float,
        selectors: t.Mapping[str, str],
    ) -> t.Iterator[Changed]:
        """Changes after *version*, over as many watches as it takes.

        :raises RequestRefused: 410: some of them are not known any more
        """
        pauses = Pauses()
        while not self._is_over(until_s):
            begun = time.monotonic()
            try:
                for event in self._watch(kind, version, until_s, selectors):
                    pauses.reset()
                    version = event["object"]["metadata"]["resourceVersion"]
                    if event["type"] != "BOOKMARK":
                        yield Changed(
                            event["object"], event["type"] == "DELETED"
                        )
                if time.monotonic() - begun < 1:
                    self._pause(pauses.next_s(), until_s)
            except RequestRefused as e:
                if e.code not in TRY_AGAIN:
                    raise
                self._pause(pauses.next_s(e.retry_s), until_s)

    def _watch(
        self, kind: str, version: str, until_s: float,
        selectors: t.Mapping[str, str],
    ) -> t.Iterator[Object]:
        """Events of one watch.

        :raises RequestRefused: it could not be made, or broke off
        """
        left_s = min(float(WATCH_S), until_s - time.monotonic())
        response = self._send(
            self._method("list", kind), max(1.0, left_s) + READ_S,
            watch=True, resource_version=version,
            timeout_seconds=max(1, int(left_s)),
            allow_watch_bookmarks=True, **selectors,
        )
        with self._kept(response):
            for line in _lines(response):
                event = json.loads(line)
                if event["type"] == "ERROR":
                    status = event["object"]
                    raise RequestRefused(
                        status.get("code", 0), status.get("message", ""), None
                    )
                yield event

    @contextlib.contextmanager
    def _kept(self, response: urllib3.BaseHTTPResponse) -> t.Iterator[None]:
        """Let ``close`` end a watch; its connection is not used again."""
        import urllib3

        with self._lock:
            self._watches.add(response)
        try:
            if self._closing.is_set():
                raise RequestRefused(0, "it is closed", None)
            yield
        except (
            urllib3.exceptions.HTTPError, OSError, ValueError, LookupError,
        ) as e:
            raise RequestRefused(0, _one_line(e), None) from None
        finally:
            with self._lock:
                self._watches.discard(response)
            response.close()

    # ---- requests

    def _method(self, verb: str, kind: str) -> t.Callable[..., t.Any]:
        api = self._batch if kind == "job" else self._core
        method: t.Callable[..., t.Any] = getattr(
            api, "%s_namespaced_%s" % (verb, kind)
        )
        return method

    def _object(
        self, method: t.Callable[..., t.Any], until_s: float, **given: t.Any
    ) -> Object:
        found: Object = json.loads(self._ask(method, until_s, **given))
        return found

    def _ask(
        self, method: t.Callable[..., t.Any], until_s: float,
        again: t.Container[int] = TRY_AGAIN, **given: t.Any,
    ) -> bytes:
        """The body of the answer, after as many tries as there is time for.

        :param again: what to ask again after

        :raises RequestRefused: the last answer
        """
        pauses = Pauses()
        while True:
            read_s = min(READ_S, max(1.0, until_s - time.monotonic()))
            try:
                response = self._send(method, read_s, **given)
                with self._kept(response):
                    return bytes(response.read())
            except RequestRefused as e:
                if e.code not in again:
                    raise
                pause_s = pauses.next_s(e.retry_s)
                if time.monotonic() + pause_s >= until_s:
                    raise
                self._pause(pause_s, until_s)
                if self._closing.is_set():
                    raise

    def _send(
        self, method: t.Callable[..., t.Any], read_s: float, **given: t.Any
    ) -> urllib3.BaseHTTPResponse:
        """The answer, unread.

        :raises RequestRefused: it is not the one that was asked for
        """
        import urllib3
        from kubernetes.client import exceptions as client_exceptions

        try:
            response: urllib3.BaseHTTPResponse = method(
                namespace=self.namespace, _preload_content=False,
                _request_timeout=(CONNECT_S, read_s), **given,
            )
        except client_exceptions.ApiException as e:
            raise _refused(e) from None
        except (urllib3.exceptions.HTTPError, OSError) as e:
            raise RequestRefused(0, _one_line(e), None) from None
        except (ValueError, TypeError) as e:  # the client itself checks
            raise RequestRefused(422, _one_line(e), None) from None
        return response

    def _is_over(self, until_s: float) -> bool:
        return self._closing.is_set() or time.monotonic() >= until_s

    def _pause(self, pause_s: float, until_s: float) -> None:
        left_s = max(0.0, until_s - time.monotonic())
        self._closing.wait(min(pause_s, left_s))


class Pauses:
    """How long to wait before another try, unless the server says so."""

    def __init__(self) -> None:
        self._next_s = PAUSES_S[0]

    def reset(self) -> None:
        self._next_s = PAUSES_S[0]

    def next_s(self, told_s: float | None = None) -> float:
        """:param told_s: what the server said"""
        pause_s = self._next_s
        self._next_s = min(2 * pause_s, PAUSES_S[1])
        # not all who were cut off together come back together
        return told_s if told_s is not None else (
            pause_s * random.uniform(0.75, 1.25)
        )


def _soon() -> float:
    return time.monotonic() + 2 * READ_S


def _load_file(
    loader: t.Any, config: t.Mapping[str, t.Any], settings: t.Any,
    folder: pathlib.Path,
) -> str:
    """Take settings from a kubeconfig file; the namespace of the context."""
    path = _path(config)
    contexts, current = loader.list_kube_config_contexts(path)
    wanted = config.get("context")
    for context in contexts if wanted else [current]:
        if context["name"] == wanted or not wanted:
            loader.load_kube_config(
                path, context=context["name"], client_configuration=settings,
                temp_file_path=str(folder),
            )
            return str(context["context"].get("namespace") or "default")
    raise ValueError("there is no context %s" % wanted)


def _path(config: t.Mapping[str, t.Any]) -> str:
    """Of the kubeconfig file, or of the account that stands for it."""
    if is_in_pod(config):
        return str(SERVICE_ACCOUNT)
    return os.path.expanduser(
        config.get("kubeconfig") or os.environ.get("KUBECONFIG")
        or "~/.kube/config"
    )


def _lines(response: urllib3.BaseHTTPResponse) -> t.Iterator[bytes]:
    """Whole lines of a body, each as soon as it is there.

    :raises ValueError: one is longer than any object can be
    """
    rest = b""
    for chunk in response.stream():
        *lines, rest = (rest + chunk).split(b"\n")
        yield from filter(None, lines)
        if len(rest) > MAX_LINE_BYTES:
            raise ValueError("a line of more than %d bytes" % MAX_LINE_BYTES)


def _refused(error: t.Any) -> RequestRefused:
    """What an ``ApiException`` says, without headers: they hold secrets."""
    body = error.body or b""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    try:
        problem = json.loads(text)["message"]
    except (ValueError, KeyError, TypeError):
        problem = "%s %s" % (error.reason, text)
    retry_s: float | None = None
    with contextlib.suppress(KeyError, TypeError, ValueError):
        retry_s = max(0.0, float((error.headers or {})["Retry-After"]))
    return RequestRefused(error.status or 0, _one_line(problem), retry_s)


def _one_line(problem: t.Any) -> str:
    """What people are shown; it stands before a full stop."""
    return " ".join(str(problem).split())[:500].rstrip(".")
