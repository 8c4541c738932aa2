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

"""Verifications: run tests of verifiers; look at, report, import runs."""

from __future__ import annotations

import typing as t

from rally import consts, exceptions, plugins
from rally.api import group, verifiers
from rally.common import logging, objects, owners
from rally.common.objects import verification as verification_object

if t.TYPE_CHECKING:
    from rally.verification import manager as manager_module

LOG = logging.getLogger(__name__)
STATUS = consts.VerificationStatus
Data: t.TypeAlias = dict[str, t.Any]

#: run arguments that a rerun takes over from the run it repeats
_KEPT = ("skip_list", "xfail_list")
#: what a test did that a run of failed tests repeats
_TO_REPEAT = ("fail", "uxsuccess", verification_object.NEVER_RAN)


class _Verification(group.APIGroup):
    """Methods about verifications."""

    @plugins.ensure_plugins_are_loaded
    def start(
        self,
        verifier_id: str,
        deployment_id: str,
        tags: t.Sequence[str] | None = None,
        **run_args: t.Any,
    ) -> Data:
        """Run tests.

        :param verifier_id: name or uuid
        :param deployment_id: name or uuid of an environment
        :param run_args: ``pattern``, ``concurrency``, ``load_list``,
            ``skip_list``, ``xfail_list``, and what the plugin knows
        :returns: ``verification``, ``totals`` and ``tests``
        :raises DeploymentNotFinishedStatus: the environment is not ready
        """
        verifier = self._prepared(verifier_id, deployment_id)
        with verifiers._locked(verifier):
            if not verifier.manager.is_configured():
                verifiers.configured(verifier)
            verifier.manager.validate(run_args)
            return _run(verifier, deployment_id, tags, run_args)

    def _prepared(
        self, verifier_id: str, deployment_id: str
    ) -> objects.Verifier:
        """A verifier that can run in an environment, set to that."""
        from rally.env import env_mgr

        env = env_mgr.EnvManager.get(deployment_id)
        if env.status != env_mgr.STATUS.READY:
            raise exceptions.DeploymentNotFinishedStatus(
                name=env.cached_data["name"], uuid=env.uuid,
                status=env.status,
            )
        verifier = self.api.verifier._get(verifier_id)
        verifiers._check_installed(verifier)
        verifier.set_env(deployment_id)
        return verifier

    def rerun(
        self,
        verification_uuid: str,
        deployment_id: str | None = None,
        failed: bool = False,
        tags: t.Sequence[str] | None = None,
        concurrency: int = 0,
    ) -> Data:
        """Run the tests of a verification again.

        :param deployment_id: another environment than last time
        :param failed: only those that did not end as they should
        :raises RallyException: there are none
        """
        before = self._get(verification_uuid)
        tests = [
            test_id for test_id, test in (before.tests or {}).items()
            if not failed or test["status"] in _TO_REPEAT
        ]
        if not tests:
            raise exceptions.RallyException(
                "There are no %stests to rerun in verification %s."
                % ("failed " if failed else "", before.uuid)
            )
        run_args: Data = {"load_list": _launchable(tests, before.tests)}
        run_args.update(
            (name, value) for name, value in (before.run_args or {}).items()
            if name in _KEPT and value
        )
        if concurrency:
            run_args["concurrency"] = concurrency
        return self.start(
            before.verifier_uuid, deployment_id or before.env_uuid,
            tags=tags, **run_args,
        )

    def get(self, verification_uuid: str) -> Data:
        return self._get(verification_uuid).to_dict()

    def _get(self, verification_uuid: str) -> objects.Verification:
        return objects.Verification.get(verification_uuid)

    def list(
        self,
        verifier_id: str | None = None,
        deployment_id: str | None = None,
        tags: t.Sequence[str] | None = None,
        status: str | None = None,
    ) -> t.Any:
        """Verifications, oldest first.

        :param tags: those that have at least one of these
        """
        found = objects.Verification.list(
            verifier_id, deployment_id, tags=tags, status=status
        )
        return [each.to_dict() for each in found]

    def delete(self, verification_uuid: str) -> None:
        verification = self._get(verification_uuid)
        verification.delete()
        LOG.info("Verification (UUID=%s) has been successfully deleted!",
                 verification.uuid)

    @plugins.ensure_plugins_are_loaded
    def report(
        self,
        uuids: t.Sequence[str],
        output_type: str,
        output_dest: str | None = None,
    ) -> Data:
        """Report verifications beside each other.

        :param output_type: name of a reporter
        :param output_dest: where the report is to go
        :returns: ``files``, ``open``, ``print``, as far as there is such
        """
        from rally.verification import reporter

        plugin = reporter.VerificationReporter.get(output_type)
        plugin.validate(output_dest)
        return reporter.VerificationReporter.make(
            plugin, [self._get(uuid) for uuid in uuids], output_dest
        )

    @plugins.ensure_plugins_are_loaded
    def import_results(
        self,
        verifier_id: str,
        deployment_id: str,
        data: bytes | str,
        **run_args: t.Any,
    ) -> Data:
        """Store what tests that somebody else ran have put out.

        :param data: what the verifier's launcher writes
        :param run_args: with which arguments that was
        :returns: as ``start``
        :raises RallyException: there is no result in it
        """
        verifier = self.api.verifier._get(verifier_id)
        verifier.set_env(deployment_id)
        verifier.manager.validate_args(run_args)
        results = verifier.manager.parse_results(data)
        if not results.tests:
            raise exceptions.RallyException(
                "What is to be imported has no results of tests, so nothing "
                "is stored. It has to be the output of the launcher of "
                "verifier %s, such as that of `stestr last "
                "--subunit`." % verifier
            )
        verification = objects.Verification.create(
            verifier.uuid, deployment_id, run_args=run_args
        )
        return _finished(verification, results)


def _launchable(
    tests: t.Sequence[str], known: t.Collection[str]
) -> list[str]:
    """Ids that a launcher knows.

    What befell a class as a whole is no test: the tests of the class are.

    :param known: ids of all tests of the run
    """
    from rally.common.io import test_ids

    wanted = [test_ids.TestID(each) for each in tests]
    classes = tuple(str(x) + "." for x in wanted if x.is_fixture)
    return [
        x for x in known
        if x in tests and not test_ids.TestID(x).is_fixture
        or classes and x.startswith(classes)
    ]


def _run(
    verifier: objects.Verifier,
    deployment_id: str,
    tags: t.Sequence[str] | None,
    run_args: Data,
) -> Data:
    from rally.verification import context, processes

    verification = objects.Verification.create(
        verifier.uuid, deployment_id, tags=tags, run_args=run_args
    )
    LOG.info(
        "Starting verification (UUID=%s) for environment '%s' by verifier "
        "%s.", verification.uuid, verifier.env.cached_data["name"], verifier,
    )
    manager = verifier.manager
    prepared = context.ContextManager({
        "config": dict(manager._meta_get("context") or {}),
        "run_args": run_args,
        "verification": verification,
        "verifier": verifier,
    })
    with (
        owners.alive(), _Recorded(verification), processes.interruptible(),
    ):
        verification.update_status(STATUS.RUNNING)
        with prepared as context_obj:
            results = manager.run(context_obj)
    done = _finished(verification, results)
    LOG.info(
        "Verification (UUID=%s) has been successfully finished for "
        "environment '%s'!", verification.uuid,
        verifier.env.cached_data["name"],
    )
    return done


class _Recorded:
    """Record that a verification crashed if the block raises."""

    def __init__(self, verification: objects.Verification) -> None:
        self._verification = verification

    def __enter__(self) -> None:
        """Nothing to do yet."""

    def __exit__(
        self, kind: t.Any, error: BaseException | None, trace: t.Any
    ) -> None:
        if error is None:
            return
        if isinstance(error, exceptions.RallyException):
            why = error.format_message()
        elif isinstance(error, KeyboardInterrupt):
            why = "It was interrupted."
        else:
            why = "%s: %s" % (type(error).__name__, error)
        # what came out until then is worth something
        results = getattr(error, "results", None)
        self._verification.set_error(
            why, totals=getattr(results, "totals", None),
            tests=getattr(results, "tests", None),
        )


def _finished(
    verification: objects.Verification, results: manager_module.Results
) -> Data:
    verification.finish(results.totals, results.tests)
    return {
        "verification": verification.to_dict(),
        "totals": results.totals,
        "tests": results.tests,
    }
