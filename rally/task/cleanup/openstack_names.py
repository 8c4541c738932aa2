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

"""What tasks left in an OpenStack cloud, found by names.

Contexts of rally-openstack tell what they made at the end of their set-up
only, so nobody knows it if Rally dies before. Its resource managers can list
and delete; its platform plugin does not use them yet.
"""

from __future__ import annotations

import copy
import functools
import typing as t

from rally.common import logging, utils
from rally.common.plugin import discover, plugin

LOG = logging.getLogger(__name__)

Values: t.TypeAlias = dict[str, t.Any]

Kind: t.TypeAlias = tuple[t.Any, t.Callable[[t.Any], t.Iterable[t.Any]]]


def delete_left(platform_data: Values, owners: t.Sequence[str]) -> Values:
    """Delete what bears the name of an owner.

    :param platform_data: as the platform has it; without an administrator
        there is nobody who could list users and projects, nor make them
    :returns: an answer to ``Platform.cleanup``
    :raises NotImplementedError: there is no administrator
    """
    if not platform_data.get("admin"):
        raise NotImplementedError
    total: Values = {"discovered": 0, "deleted": 0, "failed": 0}
    resources: Values = {}
    errors: list[Values] = []
    credential = _credential(platform_data)
    for kind in _kinds(credential):
        name = kind[0].__name__
        try:
            counts = _delete(kind, credential, owners)
        except Exception as e:  # a client's
            errors.append({
                "resource_type": name,
                "message": "%s cannot be listed: %s: %s"
                % (name, type(e).__name__, e),
            })
            continue
        if counts["discovered"]:
            resources[name] = counts
        for key in total:
            total[key] += counts[key]
    return {**total, "resources": resources, "errors": errors}


def _credential(platform_data: Values) -> t.Any:
    from rally_openstack.common import credential

    admin = copy.deepcopy(platform_data["admin"])
    admin["api_info"] = {
        **platform_data.get("api_info", {}), **admin.get("api_info", {}),
    }
    return credential.OpenStackCredential(**admin)


def _kinds(credential: t.Any) -> list[Kind]:
    """Resource managers, and how to list all they can delete.

    Those for administrators, of services that this cloud has, and images:
    their manager lists only those that are complete.
    """
    from rally_openstack.task.cleanup import manager

    present = {*credential.clients().services().values(), "keystone"}
    names = {
        name for name in manager.list_resource_names(admin_required=True)
        if "." in name and name.partition(".")[0] in present
    }
    kinds: list[Kind] = []
    if "glance" in present:
        (images,) = manager.find_resource_managers(["glance.images"])
        kinds.append((images, lambda clients: clients.glance().images.list()))
    for cls in manager.find_resource_managers(names, admin_required=True):
        kinds.append((cls, functools.partial(_list, cls)))
    return kinds


def _list(cls: t.Any, clients: t.Any) -> t.Any:
    return cls(admin=clients).list()


def _delete(kind: Kind, credential: t.Any, owners: t.Sequence[str]
            ) -> Values:
    found = _named(kind, credential, owners)
    for resource in found:
        try:
            resource.delete()
        except Exception as e:  # a client's; perhaps it has just gone
            LOG.warning(
                "%s %s could not be deleted: %s",
                kind[0].__name__, resource.name(), e,
            )
    left = len(_named(kind, credential, owners)) if found else 0
    return {
        "discovered": len(found), "deleted": len(found) - left,
        "failed": left,
    }


def _named(kind: Kind, credential: t.Any, owners: t.Sequence[str]
           ) -> list[t.Any]:
    """Resources of a kind that bear the name of an owner."""
    cls, list_all = kind
    clients = credential.clients()
    makers = _makers_of_names()
    resources = [cls(raw, admin=clients) for raw in list_all(clients)]
    return [
        resource for resource in resources
        if isinstance(resource.name(), str) and any(
            utils.name_matches_object(
                resource.name(), *makers, task_id=owner, exact=False
            )
            for owner in owners
        )
    ]


def _makers_of_names() -> list[t.Any]:
    """Plugins that name resources: contexts, scenarios."""
    return [
        cls for cls in discover.itersubclasses(plugin.Plugin)
        if issubclass(cls, utils.RandomNameGeneratorMixin)
    ]
