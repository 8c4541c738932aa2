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

"""A small Elasticsearch: it refuses what the real releases refuse."""

from __future__ import annotations

import http.server
import json
import typing as t

Answer: t.TypeAlias = "tuple[int, t.Any]"

#: bytes of a keyword that can be indexed
MAX_TERM = 32766


class Refused(Exception):
    """What is answered with an error: status and reason."""


class Cluster(http.server.ThreadingHTTPServer):
    """Keeps the documents that it took.

    :param version: as 6.8.0
    :param distribution: what the cluster calls itself; None: nothing, as
        Elasticsearch does
    """

    daemon_threads = True
    max_body = 10_000_000

    def __init__(self, version: str, distribution: str | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.about: dict[str, t.Any] = {"number": version}
        if distribution:
            self.about["distribution"] = distribution
        major = int(version.split(".")[0])
        #: the release of Elasticsearch that it behaves like
        self.like = {1: 7, 2: 8, 3: 8}[major] if distribution else major
        self.indices: dict[str, t.Any] = {}
        self.documents: dict[tuple[str, str], t.Any] = {}
        self.refuses = False
        self.bodies: list[int] = []
        self.url = "http://127.0.0.1:%d" % self.server_port

    @property
    def has_types(self) -> bool:
        return self.like <= 6

    def fields_of(self, index: str) -> dict[str, t.Any]:
        mappings = self.indices[index]["mappings"]
        if self.has_types:
            (mappings,) = mappings.values()
        return dict(mappings["properties"])

    def create(self, index: str, body: t.Any) -> Answer:
        mappings = body["mappings"]
        if self.has_types and "properties" in mappings:
            raise Refused(400, "mapper_parsing_exception: type is missing")
        if not self.has_types and set(mappings) != {"properties"}:
            raise Refused(
                400, "mapper_parsing_exception: Root mapping definition has "
                "unsupported parameters: %s" % sorted(mappings)
            )
        self.indices[index] = body
        for name, field in self.fields_of(index).items():
            unknown = ("keyword", "text") if self.like == 2 else ("string",)
            if field["type"] in unknown and self.like != 5:
                del self.indices[index]
                raise Refused(
                    400, "mapper_parsing_exception: No handler for type [%s] "
                    "declared on field [%s]" % (field["type"], name)
                )
        return 200, {"acknowledged": True}

    def has(self, index: str, kind: str, name: str) -> bool:
        if not self.has_types and kind != "_doc":
            if self.like >= 8:
                raise Refused(400, "no handler found for uri")
            return False
        if self.has_types and kind not in self.indices[index]["mappings"]:
            return False
        return (index, name) in self.documents

    def take_bulk(self, text: str) -> Answer:
        if self.refuses:
            item = {"index": {"error": "mapper_parsing_exception"}}
            return 200, {"errors": True, "items": [item]}
        lines = [json.loads(line) for line in text.splitlines()]
        items = []
        for action, content in zip(lines[::2], lines[1::2], strict=True):
            place = action["index"]
            problem = self._problem(place, content)
            items.append({"index": {"error": problem} if problem else {}})
            if not problem:
                self.documents[place["_index"], place["_id"]] = content
        errors = any("error" in item["index"] for item in items)
        return 200, {"errors": errors, "items": items}

    def _problem(self, place: t.Any, content: t.Any) -> str | None:
        if self.has_types and "_type" not in place:
            raise Refused(
                400, "action_request_validation_exception: Validation "
                "Failed: 1: type is missing;"
            )
        if self.like >= 8 and "_type" in place:
            raise Refused(
                400, "illegal_argument_exception: Action/metadata line [1] "
                "contains an unknown parameter [_type]"
            )
        if not self.has_types and place.get("_type", "_doc") != "_doc":
            return "Rejecting mapping update as the final mapping would " \
                "have more than 1 type"
        fields = self.fields_of(place["_index"])
        for name, value in content.items():
            field = fields[name]
            if field["type"] != "keyword" and (
                field.get("index") != "not_analyzed"
            ):
                continue
            for each in value if isinstance(value, list) else [value]:
                size = len(str(each))
                is_ignored = size > field.get("ignore_above", size)
                if not is_ignored and len(str(each).encode()) > MAX_TERM:
                    return "Document contains at least one immense term in " \
                        "field %s" % name
        return None


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Cluster
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:  # noqa: N802
        self._answer(lambda: (200, {"version": self.server.about}))

    def do_HEAD(self) -> None:  # noqa: N802
        index, *rest = self.path.strip("/").split("/")

        def look() -> Answer:
            found = (
                self.server.has(index, *rest) if rest
                else index in self.server.indices
            )
            return (200 if found else 404), None

        self._answer(look)

    def do_PUT(self) -> None:  # noqa: N802
        body = json.loads(self._body())
        self._answer(
            lambda: self.server.create(self.path.strip("/"), body)
        )

    def do_POST(self) -> None:  # noqa: N802
        body = self._body()
        self.server.bodies.append(len(body))
        if len(body) > self.server.max_body:
            self._answer(lambda: (413, {}))
        else:
            self._answer(lambda: self.server.take_bulk(body))

    def log_message(self, *args: t.Any) -> None:
        pass

    def _body(self) -> str:
        return self.rfile.read(int(self.headers["Content-Length"])).decode()

    def _answer(self, work: t.Callable[[], Answer]) -> None:
        try:
            status, content = work()
        except Refused as refused:
            status, content = refused.args[0], {"error": refused.args[1]}
        is_empty = content is None or self.command == "HEAD"
        body = b"" if is_empty else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
