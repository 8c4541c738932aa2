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

"""Which clusters are known, and in what they differ.

Types of documents were for telling tables of one index apart. Elasticsearch 6
allows one in each index, Elasticsearch 7 and OpenSearch 1 know them by
another form of requests only, and later releases refuse any request that has
one. So what needs no type is sent none.
"""

from __future__ import annotations

import typing as t

#: of documents, where there are types
DOC_TYPE = "data"

#: distribution -> major releases
KNOWN: t.Mapping[str, t.Sequence[int]] = {
    "elasticsearch": (2, 5, 6, 7, 8, 9), "opensearch": (1, 2, 3),
}
_TITLES = {"elasticsearch": "Elasticsearch", "opensearch": "OpenSearch"}
_LAST_WITH_TYPES = 6


class Release(t.NamedTuple):
    """What a cluster runs."""

    distribution: str
    number: str  # as 6.8.2

    @property
    def major(self) -> int:
        first = self.number.split(".")[0]
        return int(first) if first.isdigit() else 0

    @property
    def is_known(self) -> bool:
        return self.major in KNOWN.get(self.distribution, ())

    @property
    def doc_type(self) -> str | None:
        """Type of the documents; None: there are no types."""
        if self.distribution != "elasticsearch":
            return None
        return DOC_TYPE if self.major <= _LAST_WITH_TYPES else None

    @property
    def has_keywords(self) -> bool:
        """Whether texts are ``keyword`` or ``text``, not ``string``."""
        return self.distribution != "elasticsearch" or self.major > 2

    def __str__(self) -> str:
        title = _TITLES.get(self.distribution, self.distribution)
        return "%s %s" % (title, self.number)


def known_text() -> str:
    """All known releases, for people."""
    return " and ".join(
        "%s %s" % (_TITLES[name], ", ".join("%d.x" % x for x in majors))
        for name, majors in KNOWN.items()
    )
