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

"""Names that Rally and its plugins agree on.

Each is an immutable object that iterates over its values.
"""

from __future__ import annotations

import typing as t

from rally.common import utils

JSON_SCHEMA = "http://json-schema.org/draft-04/schema"
JSON_SCHEMA7 = "http://json-schema.org/draft-07/schema"


class _TaskStatus(utils.ImmutableMixin, utils.EnumMixin):
    """States of a task."""

    INIT = "init"
    VALIDATING = "validating"
    VALIDATED = "validated"
    VALIDATION_FAILED = "validation_failed"
    RUNNING = "running"
    SOFT_ABORTING = "soft_aborting"
    ABORTING = "aborting"
    ABORTED = "aborted"
    PAUSED = "paused"
    FINISHED = "finished"
    SLA_FAILED = "sla_failed"
    CRASHED = "crashed"


class _SubtaskStatus(_TaskStatus):
    """States of a subtask."""


class _HookStatus(utils.ImmutableMixin, utils.EnumMixin):
    """Outcomes of a hook."""

    SUCCESS = "success"
    FAILED = "failed"
    VALIDATION_FAILED = "validation_failed"


class _TagType(utils.ImmutableMixin, utils.EnumMixin):
    """What tags are put on."""

    TASK = "task"
    SUBTASK = "subtask"
    VERIFICATION = "verification"


class _DeployStatus(utils.ImmutableMixin, utils.EnumMixin):
    """States of an environment in the view of `rally deployment`."""

    DEPLOY_INIT = "deploy->init"
    DEPLOY_STARTED = "deploy->started"
    DEPLOY_SUBDEPLOY = "deploy->subdeploy"
    DEPLOY_FINISHED = "deploy->finished"
    DEPLOY_FAILED = "deploy->failed"
    DEPLOY_INCONSISTENT = "deploy->inconsistent"
    CLEANUP_STARTED = "cleanup->started"
    CLEANUP_FINISHED = "cleanup->finished"
    CLEANUP_FAILED = "cleanup->failed"


class _EndpointPermission(utils.ImmutableMixin, utils.EnumMixin):
    """Whose credentials an endpoint has."""

    ADMIN = "admin"
    USER = "user"


class _EndpointType(utils.ImmutableMixin, utils.EnumMixin):
    """Which address of a service is meant."""

    INTERNAL = "internal"
    ADMIN = "admin"
    PUBLIC = "public"


class _VerifierStatus(utils.ImmutableMixin, utils.EnumMixin):
    """States of a verifier."""

    INIT = "init"
    INSTALLING = "installing"
    INSTALLED = "installed"
    UPDATING = "updating"
    EXTENDING = "extending"
    FAILED = "failed"


class _VerificationStatus(utils.ImmutableMixin, utils.EnumMixin):
    """States of a verification."""

    INIT = "init"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CRASHED = "crashed"


class _TimeFormat(utils.ImmutableMixin, utils.EnumMixin):
    """Formats of times, for ``strftime``."""

    ISO8601 = "%Y-%m-%dT%H:%M:%S%z"


class _Service(utils.ImmutableMixin, utils.EnumMixin):
    """Names of OpenStack's services."""

    CEILOMETER = "ceilometer"
    CINDER = "cinder"
    CLOUD = "cloud"
    DESIGNATE = "designate"
    EC2 = "ec2"
    GLANCE = "glance"
    GNOCCHI = "gnocchi"
    HEAT = "heat"
    IRONIC = "ironic"
    KEYSTONE = "keystone"
    MAGNUM = "magnum"
    MANILA = "manila"
    MISTRAL = "mistral"
    MONASCA = "monasca"
    MURANO = "murano"
    NEUTRON = "neutron"
    NOVA = "nova"
    NOVA_NET = "nova-network"
    S3 = "s3"
    SAHARA = "sahara"
    SENLIN = "senlin"
    SWIFT = "swift"
    TROVE = "trove"
    WATCHER = "watcher"


class _ServiceType(utils.ImmutableMixin, utils.EnumMixin):
    """Types of OpenStack's services; ``ServiceType[type]`` is the name."""

    APPLICATION_CATALOG = "application-catalog"
    BARE_METAL = "baremetal"
    CLOUD = "cloudformation"
    CLUSTERING = "clustering"
    COMPUTE = "compute"
    CONTAINER_INFRA = "container-infra"
    DATABASE = "database"
    DATA_PROCESSING = "data-processing"
    DATA_PROCESSING_MOS = "data_processing"
    DNS = "dns"
    EC2 = "ec2"
    IDENTITY = "identity"
    IMAGE = "image"
    INFRA_OPTIM = "infra-optim"
    METERING = "metering"
    METRIC = "metric"
    MONITORING = "monitoring"
    NETWORK = "network"
    OBJECT_STORE = "object-store"
    ORCHESTRATION = "orchestration"
    S3 = "s3"
    SHARE = "share"
    VOLUME = "volume"
    WORKFLOW_EXECUTION = "workflowv2"

    _NAMES: t.ClassVar[t.Mapping[str, str]] = {
        APPLICATION_CATALOG: _Service.MURANO,
        BARE_METAL: _Service.IRONIC,
        CLOUD: _Service.CLOUD,
        CLUSTERING: _Service.SENLIN,
        COMPUTE: _Service.NOVA,
        CONTAINER_INFRA: _Service.MAGNUM,
        DATABASE: _Service.TROVE,
        DATA_PROCESSING: _Service.SAHARA,
        DATA_PROCESSING_MOS: _Service.SAHARA,
        DNS: _Service.DESIGNATE,
        EC2: _Service.EC2,
        IDENTITY: _Service.KEYSTONE,
        IMAGE: _Service.GLANCE,
        INFRA_OPTIM: _Service.WATCHER,
        METERING: _Service.CEILOMETER,
        METRIC: _Service.GNOCCHI,
        MONITORING: _Service.MONASCA,
        NETWORK: _Service.NEUTRON,
        OBJECT_STORE: _Service.SWIFT,
        ORCHESTRATION: _Service.HEAT,
        S3: _Service.S3,
        SHARE: _Service.MANILA,
        VOLUME: _Service.CINDER,
        WORKFLOW_EXECUTION: _Service.MISTRAL,
    }

    def __getitem__(self, service_type: str) -> str:
        return self._NAMES[service_type]


TaskStatus = _TaskStatus()
SubtaskStatus = _SubtaskStatus()
HookStatus = _HookStatus()
TagType = _TagType()
DeployStatus = _DeployStatus()
EndpointPermission = _EndpointPermission()
EndpointType = _EndpointType()
VerifierStatus = _VerifierStatus()
VerificationStatus = _VerificationStatus()
TimeFormat = _TimeFormat()
Service = _Service()
ServiceType = _ServiceType()
