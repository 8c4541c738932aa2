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

"""Verifications: stored runs of verifiers."""

from __future__ import annotations

import typing as t

from rally import consts
from rally.common import db, logging, masking, owners
from rally.common.io import subunit_v2
from rally.common.objects import records

LOG = logging.getLogger(__name__)
STATUS = consts.VerificationStatus
Verifications: t.TypeAlias = "list[Verification]"
Tests: t.TypeAlias = t.Mapping[str, t.Mapping[str, t.Any]]

#: columns with the counts of a run
COUNTS = ("tests_count", *subunit_v2.COUNTS.values())
#: the longest error that is kept, in characters
ERROR_LENGTH = 10000
#: in these a process must be at work
_UNFINISHED = (STATUS.INIT, STATUS.RUNNING)
#: status of a test that was announced and never came to an end
NEVER_RAN = "init"


class Verification(records.Record):
    """One run of a verifier in an environment."""

    def __init__(self, verification: records.Values) -> None:
        super().__init__(
            {**verification, "deployment_uuid": verification["env_uuid"]}
        )

    @classmethod
    def create(
        cls,
        verifier_id: str,
        deployment_id: str,
        tags: t.Iterable[str] | None = None,
        run_args: records.Values | None = None,
    ) -> Verification:
        """Record a verification that this process is going to run."""
        return cls(db.verification_create(
            verifier_id, deployment_id, tags=tags, run_args=run_args,
            owner=owners.claim(),
        ))

    @classmethod
    def get(cls, verification_uuid: str) -> Verification:
        """:raises DBRecordNotFound: there is none"""
        return cls(_looked_after(db.verification_get(verification_uuid)))

    @classmethod
    def list(
        cls,
        verifier_id: str | None = None,
        deployment_id: str | None = None,
        tags: t.Iterable[str] | None = None,
        status: str | None = None,
    ) -> Verifications:
        """Verifications, oldest first.

        :param tags: those that have at least one of these
        """
        rows = db.verification_list(verifier_id, deployment_id, tags=tags)
        found = [cls(_looked_after(row)) for row in rows]
        return [each for each in found if status in (None, each["status"])]

    def delete(self) -> None:
        db.verification_delete(self["uuid"])

    def update_status(self, status: str) -> None:
        self._update(status=status)

    def finish(self, totals: t.Mapping[str, t.Any], tests: Tests) -> None:
        """Record the results of a run that came to its end."""
        results = _columns_of(totals, tests)
        is_failed = (
            results["failures"] or results["unexpected_success"]
            or any(x.get("status") == NEVER_RAN for x in tests.values())
        )
        status = STATUS.FAILED if is_failed else STATUS.FINISHED
        self._update(status=status, **results)

    def set_error(
        self,
        error_message: str,
        totals: t.Mapping[str, t.Any] | None = None,
        tests: Tests | None = None,
    ) -> None:
        """Record that the run broke down.

        :param totals: of the tests that had run by then
        """
        self._update(
            status=STATUS.CRASHED, error=_storable(str(error_message)),
            **_columns_of(totals or {}, tests or {}),
        )

    def _update(self, **columns: t.Any) -> None:
        changed = db.verification_update(self["uuid"], **columns)
        self._values = {**self._values, **changed}


def _columns_of(
    totals: t.Mapping[str, t.Any], tests: Tests
) -> records.Values:
    return {
        **{name: int(totals.get(name) or 0) for name in COUNTS},
        "tests_duration": float(totals.get("tests_duration") or 0),
        "tests": {name: dict(test) for name, test in tests.items()},
    }


def _storable(text: str) -> str:
    """*text* without what databases refuse, and without its passwords."""
    plain = text.encode("utf-8", "replace").decode("utf-8")
    return masking.masked_text(plain.replace("\0", "\ufffd"))[:ERROR_LENGTH]


def _looked_after(row: records.Values) -> records.Values:
    """*row*, as crashed if it is unfinished and nobody is at work on it."""
    if row["status"] not in _UNFINISHED or not owners.is_gone(row):
        return row
    owner = owners.shown(row["owner"])
    LOG.warning(
        "The process (%s) that ran verification %s is gone: the verification "
        "is marked as crashed.", owner, row["uuid"],
    )
    return db.verification_update(
        row["uuid"], status=STATUS.CRASHED,
        error="The process that ran it (%s) ended before the tests did, so "
        "there are no results. Run it again with `rally verify rerun`."
        % owner,
    )
