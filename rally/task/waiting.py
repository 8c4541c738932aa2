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

"""Waiting until a resource of the tested cloud is what it should be."""

from __future__ import annotations

import dataclasses
import time
import typing as t

from rally import exceptions
from rally.common import deprecation

Updater: t.TypeAlias = t.Callable[..., t.Any]  # resource -> it as it is now
Predicate: t.TypeAlias = t.Callable[[t.Any], bool]
Statuses: t.TypeAlias = "list[str] | tuple[str, ...] | set[str]"

_GONE = ("DELETED", "DELETE_COMPLETE")


def get_status(resource: t.Any, status_attr: str = "status") -> str:
    """The status of a resource in upper case, ``NONE`` if it has none.

    What is no text, such as the ``state`` None of a resource whose status is
    elsewhere, does not count.

    :param resource: of orchestration (``stack_status``), of block storage
        snapshots and the like (``state``), or any other; or a dict
    :param status_attr: attribute of the others, key of a dict
    """
    candidates = [
        getattr(resource, attr, None)
        for attr in ("stack_status", "state", status_attr)
    ]
    if isinstance(resource, dict):
        candidates.append(resource.get(status_attr))
    found = (each for each in candidates if isinstance(each, str) and each)
    return next(found, "NONE").upper()


class resource_is:  # noqa: N801 (a public name)
    """Predicate: the status of a resource is the desired one.

    :param desired_status: in any case
    :param status_getter: resource -> status in upper case
    """

    def __init__(
        self,
        desired_status: str,
        status_getter: t.Callable[[t.Any], str] | None = None,
    ) -> None:
        self.desired_status = desired_status
        self.status_getter = status_getter or get_status

    def __call__(self, resource: t.Any) -> bool:
        return self.status_getter(resource) == self.desired_status.upper()

    def __str__(self) -> str:
        return str(self.desired_status)


def get_from_manager(error_statuses: Statuses | None = None) -> Updater:
    """Make a function that gets the present state of a resource.

    It asks ``resource.manager.get``.

    :param error_statuses: statuses that are an error; default ``ERROR``
    """
    errors = {status.upper() for status in error_statuses or ["ERROR"]}

    def _get_from_manager(resource: t.Any, id_attr: str = "id") -> t.Any:
        try:
            found = resource.manager.get(getattr(resource, id_attr))
        except Exception as e:  # of whichever client library it is
            code = getattr(e, "code", getattr(e, "http_status", None))
            if code == 404:
                raise exceptions.GetResourceNotFound(resource=resource) from e
            raise exceptions.GetResourceFailure(
                resource=resource, err=e
            ) from e
        status = get_status(found)
        if status in _GONE:
            raise exceptions.GetResourceNotFound(resource=found)
        if status in errors:
            raise exceptions.GetResourceErrorStatus(
                resource=found,
                status=status,
                fault=getattr(found, "fault", "n/a"),
            )
        return found

    return _get_from_manager


def manager_list_size(sizes: t.Container[int]) -> Predicate:
    """Make a predicate: how many items ``mgr.list()`` has is in *sizes*."""

    def _list(mgr: t.Any) -> bool:
        return len(mgr.list()) in sizes

    return _list


@deprecation.log_deprecated("Use wait_for_status instead.", "0.1.2")
def wait_for(
    resource: t.Any,
    is_ready: Predicate | None = None,
    ready_statuses: Statuses | None = None,
    failure_statuses: Statuses | None = None,
    status_attr: str = "status",
    update_resource: Updater | None = None,
    timeout: float = 60,
    check_interval: float = 1,
    id_attr: str = "id",
) -> t.Any:
    """Wait for a predicate if there is one, else for a status."""
    if is_ready is not None:
        return wait_is_ready(
            resource, is_ready, update_resource, timeout, check_interval
        )
    return wait_for_status(
        resource, t.cast(Statuses, ready_statuses), failure_statuses or (),
        status_attr, update_resource, timeout, check_interval,
        id_attr=id_attr,
    )


@deprecation.log_deprecated("Use wait_for_status instead.", "0.1.2")
def wait_is_ready(
    resource: t.Any,
    is_ready: Predicate,
    update_resource: Updater | None = None,
    timeout: float = 60,
    check_interval: float = 1,
) -> t.Any:
    """Wait until a predicate holds of a resource; returns the resource."""
    wait = _Wait(resource, update_resource, timeout, check_interval)
    wait.until(lambda: is_ready(wait.refresh()), desired=str(is_ready))
    return wait.resource


def wait_for_status(
    resource: t.Any,
    ready_statuses: Statuses,
    failure_statuses: Statuses = ("error",),
    status_attr: str = "status",
    update_resource: Updater | None = None,
    timeout: float = 60,
    check_interval: float = 1,
    check_deletion: bool = False,
    id_attr: str = "id",
) -> t.Any:
    """Wait until a resource has one of some statuses (in any case).

    :param timeout: seconds in all
    :param check_interval: seconds between two looks
    :param check_deletion: it may also be gone
    :returns: the resource; None if it is gone
    :raises GetResourceErrorStatus: it has a failure status
    :raises TimeoutException: it is not ready after *timeout*
    :raises ValueError: this can never end
    """
    ready = _statuses(ready_statuses, "Ready")
    failure = _statuses(failure_statuses, "Failure")
    problem = _problem_of_waiting(ready, failure, update_resource)
    if problem:
        raise ValueError(
            f"Can't wait for resource's {resource} status. {problem}"
        )
    wait = _Wait(
        resource, update_resource, timeout, check_interval, status_attr,
        id_attr, check_deletion,
    )
    wait.until_status(ready, failure)
    return wait.resource


@deprecation.log_deprecated("Use wait_for_status instead.", "0.1.2")
def wait_for_delete(
    resource: t.Any,
    update_resource: Updater | None = None,
    timeout: float = 60,
    check_interval: float = 1,
) -> None:
    """Wait until a resource is gone."""
    wait = _Wait(
        resource, update_resource, timeout, check_interval, may_be_gone=True
    )
    wait.until(lambda: wait.refresh() is None, desired="deleted")


def _statuses(statuses: t.Any, kind: str) -> set[str]:
    if not isinstance(statuses, set | list | tuple):
        raise ValueError(
            f"{kind} statuses should be supplied as set, list or tuple"
        )
    return {status.upper() for status in statuses}


def _problem_of_waiting(
    ready: set[str], failure: set[str], update_resource: Updater | None
) -> str | None:
    if not ready:
        return "No ready statuses provided"
    if ready & failure:
        return "Ready and Failure statuses conflict."
    if update_resource is None:
        return "No update method."
    return None


@dataclasses.dataclass
class _Wait:
    """One wait for a resource, whose newest state it holds."""

    resource: t.Any
    update: Updater | None
    timeout: float
    check_interval: float
    status_attr: str = "status"
    id_attr: str = "id"
    may_be_gone: bool = False

    def refresh(self) -> t.Any:
        """Ask for the resource; None if it is gone and may be."""
        if self.update is None:
            return self.resource
        # updaters of plugins often take the resource alone
        kwargs = {} if self.id_attr == "id" else {"id_attr": self.id_attr}
        try:
            self.resource = self.update(self.resource, **kwargs)
        except exceptions.GetResourceNotFound:
            if not self.may_be_gone:
                raise
            self.resource = None
        return self.resource

    def until_status(self, ready: set[str], failure: set[str]) -> None:
        def is_over() -> bool:
            if self.refresh() is None and self.may_be_gone:
                return True
            status = get_status(self.resource, self.status_attr)
            if status in failure:
                raise exceptions.GetResourceErrorStatus(
                    resource=self.resource,
                    status=status,
                    fault=f"Status in failure list {failure}",
                )
            return status in ready

        self.until(is_over, desired="('%s')" % "', '".join(sorted(ready)))

    def until(self, is_over: t.Callable[[], bool], desired: str) -> None:
        deadline = time.monotonic() + self.timeout
        while not is_over():
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise self._timeout(desired)
            # a remote service can only be asked again
            time.sleep(min(self.check_interval, remaining))

    def _timeout(self, desired: str) -> exceptions.TimeoutException:
        resource = self.resource
        return exceptions.TimeoutException(
            desired_status=desired,
            resource_name=getattr(resource, "name", repr(resource)),
            resource_type=type(resource).__name__,
            resource_id=getattr(resource, self.id_attr, "<no id>"),
            resource_status=get_status(resource, self.status_attr),
            timeout=self.timeout,
        )
