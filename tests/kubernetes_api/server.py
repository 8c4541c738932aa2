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

"""The HTTP API, as the official client uses it.

Requests are checked as a real server does: token, RBAC, schema (with unknown
fields refused), content type of a patch, preconditions of a delete.
"""

from __future__ import annotations

import base64
import collections
import contextlib
import dataclasses
import http.server
import json
import re
import socket
import ssl
import threading
import time
import typing as t
import urllib.parse

import kubernetes_validate

from tests.kubernetes_api import certificates, controllers
from tests.kubernetes_api import store as stores

Object: t.TypeAlias = stores.Object

NAMESPACE = "load"
TOKEN = "token-of-the-controller"
SCHEMA_VERSION = "1.31"
#: group in RBAC, kind of an object, and what is before its name in a path
KINDS: t.Mapping[str, tuple[str, str, str]] = {
    "jobs": ("batch", "Job", "/apis/batch/v1"),
    "pods": ("", "Pod", "/api/v1"),
    "secrets": ("", "Secret", "/api/v1"),
    "events": ("", "Event", "/api/v1"),
}
PATH = re.compile(
    r"(?P<root>/api/v1|/apis/[a-z]+/v1)/namespaces/(?P<namespace>[^/]+)"
    r"/(?P<kind>[a-z]+)(/(?P<name>[^/]+)(/(?P<part>[a-z]+))?)?"
)
#: as the language of the real server reads it
TRUE = {"1", "t", "T", "true", "TRUE", "True"}
#: how often an idle watch gets a bookmark: a real server takes a minute
BOOKMARK_S = 0.2


@dataclasses.dataclass
class Fault:
    """What happens to the next requests of a kind instead of an answer."""

    verb: str  # as in RBAC: create, get, list, watch, patch, delete
    kind: str
    times: int = 1
    refused: stores.Refused | None = None
    is_cut: bool = False  # the connection ends without an answer ...
    is_done: bool = False  # ... once the request was carried out
    after_s: float = 0.0  # the answer takes so long


class Request(t.NamedTuple):
    """What was asked of the server."""

    verb: str
    kind: str
    name: str
    query: t.Mapping[str, str]


class ApiServer:
    """A context manager: control plane of a cluster with one namespace.

    :param rules: of a Role: what the token may do; None: everything
    """

    def __init__(
        self, plane: controllers.Controllers,
        rules: t.Sequence[Object] | None = None,
    ) -> None:
        self.plane = plane
        self.store = plane.store
        self.rules = rules
        self.faults: list[Fault] = []
        self.requests: list[Request] = []
        self.certificates = certificates.Certificates()
        #: watches end after so long, however long they were to be
        self.longest_watch_s = 60.0
        self.is_over = False
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.api = self
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.certificates.load_into(context)
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True,
            do_handshake_on_connect=False,
        )
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=[0.02]
        )

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def __enter__(self) -> ApiServer:
        self.plane.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *exc: t.Any) -> None:
        self.is_over = True
        with self.store.changed:
            self.store.changed.notify_all()
        self._server.shutdown()
        self._thread.join()
        self._server.cut_all()
        self._server.server_close()
        self.plane.__exit__(*exc)

    def kubeconfig(self, token: str = TOKEN) -> Object:
        """What a kubeconfig file for this server says."""
        authority = base64.b64encode(self.certificates.authority).decode()
        return {
            "apiVersion": "v1", "kind": "Config", "current-context": "tests",
            "clusters": [{"name": "here", "cluster": {
                "server": "https://127.0.0.1:%d" % self.port,
                "certificate-authority-data": authority,
            }}],
            "users": [{"name": "rally", "user": {"token": token}}],
            "contexts": [{"name": "tests", "context": {
                "cluster": "here", "user": "rally", "namespace": NAMESPACE,
            }}],
        }

    def count(self, verb: str, kind: str) -> int:
        """How many such requests there were."""
        return sum((r.verb, r.kind) == (verb, kind) for r in self.requests)

    # ---- what a handler asks

    def take_fault(self, verb: str, kind: str) -> Fault | None:
        for fault in self.faults:
            if (fault.verb, fault.kind) == (verb, kind) and fault.times:
                fault.times -= 1
                return fault
        return None

    def check_access(self, verb: str, kind: str) -> None:
        group = KINDS[kind.split("/")[0]][0]
        for rule in self.rules if self.rules is not None else ():
            if (
                group in rule["apiGroups"] and kind in rule["resources"]
                and verb in rule["verbs"]
            ):
                return
        if self.rules is not None:
            raise stores.Refused(
                403, "Forbidden", '%s is forbidden: User "rally" cannot %s '
                'resource "%s" in API group "%s" in the namespace "%s"'
                % (kind, verb, kind, group, NAMESPACE),
            )


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    api: ApiServer

    def __init__(self, *args: t.Any) -> None:
        super().__init__(*args)
        self._connections: set[socket.socket] = set()

    def process_request(self, request: t.Any, client_address: t.Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: t.Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def cut_all(self) -> None:
        """End connections that clients keep for another request."""
        for each in list(self._connections):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: t.Any, client_address: t.Any) -> None:
        """Connections that a client cuts are no news."""


class _Cut(Exception):
    """The connection ends here."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 20
    server: _Server

    def log_message(self, format: str, *args: t.Any) -> None:
        pass

    def do_GET(self) -> None:
        self._serve("get")

    def do_POST(self) -> None:
        self._serve("create")

    def do_PATCH(self) -> None:
        self._serve("patch")

    def do_DELETE(self) -> None:
        self._serve("delete")

    def _serve(self, verb: str) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(size) or b"null")
        try:
            self._answer(verb, body)
        except stores.Refused as e:
            self._send(e.code, e.status, e.headers)
        except _Cut:
            self.close_connection = True

    def _answer(self, verb: str, body: t.Any) -> None:
        api = self.server.api
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        if (scheme.lower(), token) != ("bearer", TOKEN):
            raise stores.Refused(401, "Unauthorized", "Unauthorized")
        path, _, text = self.path.partition("?")
        query = dict(urllib.parse.parse_qsl(text))
        place = PATH.fullmatch(path)
        kind = place["kind"] if place else ""
        if place is None or KINDS.get(kind, ("", "", ""))[2] != place["root"]:
            raise stores.Refused(
                404, "NotFound",
                "the server could not find the requested resource",
            )
        if verb == "get" and not place["name"]:
            verb = "watch" if query.get("watch") in TRUE else "list"
        if place["part"]:
            kind = "%s/%s" % (kind, place["part"])
        api.requests.append(Request(verb, kind, place["name"] or "", query))
        if place["namespace"] != NAMESPACE:
            raise stores.Refused(
                403 if verb != "create" else 404,
                "Forbidden" if verb != "create" else "NotFound",
                'namespaces "%s" not found' % place["namespace"],
            )
        api.check_access(verb, kind)
        fault = api.take_fault(verb, kind)
        self._suffer(fault)
        work = _Work(api, kind, place["name"] or "", query, body)
        if verb == "watch":
            self._watch(work)
            return
        if kind == "pods/log":
            self._send_text(work.log())
            return
        code, answer = work.do(verb, self.headers.get("Content-Type", ""))
        if fault is not None and fault.is_cut:
            raise _Cut
        self._send(code, answer)

    def _suffer(self, fault: Fault | None) -> None:
        if fault is None:
            return
        if fault.after_s:
            with self.server.api.store.changed:
                self.server.api.store.changed.wait_for(
                    lambda: self.server.api.is_over, fault.after_s
                )
        if fault.refused is not None:
            raise fault.refused
        if fault.is_cut and not fault.is_done:
            raise _Cut

    def _send(
        self, code: int, answer: Object,
        headers: t.Mapping[str, str] | None = None,
    ) -> None:
        data = json.dumps(answer).encode()
        self.send_response(code)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _send_text(self, text: str) -> None:
        data = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    # ---- watches

    def _watch(self, work: _Work) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json;stream=watch")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        with contextlib.suppress(OSError):  # whoever watched has gone
            for event in work.watch():
                line = json.dumps(event).encode() + b"\n"
                # in two pieces: a line is not what one read gives
                for part in (line[:20], line[20:]):
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")


class _Work:
    """One request whose sender may make it."""

    def __init__(
        self, api: ApiServer, kind: str, name: str,
        query: t.Mapping[str, str], body: t.Any,
    ) -> None:
        self.api = api
        self.store = api.store
        self.kind = kind
        self.name = name
        self.query = query
        self.body = body

    def do(self, verb: str, content_type: str) -> tuple[int, Object]:
        if verb == "create":
            return 201, self._create()
        if verb == "patch":
            return 200, self._patch(content_type)
        if verb == "delete":
            return 200, self._delete()
        if verb == "list":
            return 200, self._list()
        return 200, self.store.get(self.kind, self.name)

    def _create(self) -> Object:
        _, kind, _ = KINDS[self.kind]
        if self.body.get("kind") != kind:
            raise stores.Refused(400, "BadRequest", "this is not a " + kind)
        validate(self.body)
        if kind == "Secret":
            for key, text in self.body.pop("stringData", {}).items():
                self.body.setdefault("data", {})[key] = (
                    base64.b64encode(text.encode()).decode()
                )
        self.body["metadata"]["namespace"] = NAMESPACE
        return self.store.create(self.kind, self.body)

    def _patch(self, content_type: str) -> Object:
        if content_type not in (
            "application/merge-patch+json",
            "application/strategic-merge-patch+json",
        ):
            raise stores.Refused(
                415, "UnsupportedMediaType", "not a patch: " + content_type
            )

        def change(found: Object) -> None:
            wanted = self.body.get("metadata", {}).get("resourceVersion")
            if wanted not in (None, found["metadata"]["resourceVersion"]):
                raise stores.Refused(
                    409, "Conflict", "the object has been modified; please "
                    "apply your changes to the latest version and try again",
                )
            _merge(found, self.body)

        return self.store.update(self.kind, self.name, change)

    def _delete(self) -> Object:
        found = self.store.get(self.kind, self.name)
        options = self.body or {}
        wanted = options.get("preconditions", {}).get("uid")
        if wanted not in (None, found["metadata"]["uid"]):
            raise stores.Refused(
                409, "Conflict", "the UID in the precondition (%s) does not "
                "match the UID in record (%s)"
                % (wanted, found["metadata"]["uid"]),
            )
        policy = options.get("propagationPolicy") or self.query.get(
            "propagationPolicy"
        )
        if self.kind == "jobs" and policy != "Foreground":
            # the default of batch/v1: the pods stay, and are nobody's
            if policy is None:
                self._orphan(found)
            self.store.remove(self.kind, self.name)
        else:
            self.api.plane.delete(
                self.kind, self.name, policy == "Foreground"
            )
        return found

    def _orphan(self, job: Object) -> None:
        for pod in self.store.all("pods"):
            if controllers.is_of(pod, job):
                self.store.update(
                    "pods", pod["metadata"]["name"],
                    lambda each: each["metadata"].pop("ownerReferences"),
                )

    def _list(self) -> Object:
        found = [
            each for each in self.store.all(self.kind) if self._fits(each)
        ]
        version, first = str(self.store.version), 0
        if "continue" in self.query:
            token = json.loads(base64.b64decode(self.query["continue"]))
            self.store.since(int(token["version"]))
            version, first = token["version"], token["first"]
        limit = int(self.query.get("limit") or 0) or len(found)
        metadata = {"resourceVersion": version}
        if first + limit < len(found):
            metadata["continue"] = base64.b64encode(json.dumps({
                "version": version, "first": first + limit,
            }).encode()).decode()
        return {
            "kind": KINDS[self.kind][1] + "List",
            "apiVersion": KINDS[self.kind][2].split("/", 2)[2],
            "metadata": metadata, "items": found[first : first + limit],
        }

    def watch(self) -> t.Iterator[Object]:
        """Events until the time is over; 410 if it began too long ago."""
        until = time.monotonic() + min(
            float(self.query.get("timeoutSeconds", 60)),
            self.api.longest_watch_s,
        )
        seen = int(self.query["resourceVersion"])
        pending: collections.deque[stores.Change] = collections.deque()
        while time.monotonic() < until and not self.api.is_over:
            with self.store.changed:
                is_new = self.store.changed.wait_for(
                    lambda last=seen: (
                        self.store.version > last or self.api.is_over
                    ),
                    min(BOOKMARK_S, max(0.0, until - time.monotonic())),
                )
                try:
                    pending.extend(self.store.since(seen))
                except stores.Refused as e:
                    yield {"type": "ERROR", "object": e.status}
                    return
                seen = self.store.version
            if not is_new and self.query.get("allowWatchBookmarks") in TRUE:
                yield {"type": "BOOKMARK", "object": {
                    "kind": KINDS[self.kind][1],
                    "metadata": {"resourceVersion": str(seen)},
                }}
            while pending:
                change = pending.popleft()
                if change.kind == self.kind and self._fits(change.object):
                    yield {"type": change.type, "object": change.object}

    def log(self) -> str:
        self.store.get("pods", self.name)
        lines = self.api.plane.kubelet.log(self.name).splitlines(True)
        count = self.query.get("tailLines")
        return "".join(lines[-int(count) :] if count else lines)

    def _fits(self, found: Object) -> bool:
        """Whether both selectors choose an object."""
        labels = found["metadata"].get("labels", {})
        for part in filter(None, self.query.get("labelSelector", "").split(
            ","
        )):
            key, _, value = part.partition("=")
            if labels.get(key) != value.lstrip("="):
                return False
        for part in filter(None, self.query.get("fieldSelector", "").split(
            ","
        )):
            key, _, value = part.partition("=")
            there: t.Any = found
            for step in key.split("."):
                there = there.get(step, {})
            if there != value.lstrip("="):
                return False
        return True


def validate(wanted: Object) -> None:
    """Refuse what a server refuses: unknown fields, wrong types, bad Jobs."""
    try:
        kubernetes_validate.validate(wanted, SCHEMA_VERSION, strict=True)
    except kubernetes_validate.ValidationError as e:
        raise stores.Refused(
            422, "Invalid", "%s is invalid: %s: %s" % (
                wanted["metadata"]["name"],
                ".".join(map(str, e.path)), e.message,
            ),
        ) from None
    spec = wanted.get("spec", {})
    if wanted["kind"] == "Job":
        if spec["template"]["spec"].get("restartPolicy") == "Always":
            raise stores.Refused(422, "Invalid", "restartPolicy: Always")
        if (
            "backoffLimitPerIndex" in spec
            and spec.get("completionMode") != "Indexed"
        ):
            raise stores.Refused(422, "Invalid", "requires indexed mode")
    for key, value in wanted["metadata"].get("labels", {}).items():
        if not re.fullmatch(r"([\w.-]{0,61}\w)?", value):
            raise stores.Refused(
                422, "Invalid", "metadata.labels: %s: %r" % (key, value)
            )


def _merge(found: Object, patch: Object) -> None:
    """RFC 7386."""
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        elif isinstance(value, dict) and isinstance(found.get(key), dict):
            _merge(found[key], value)
        else:
            found[key] = value
