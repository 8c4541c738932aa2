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

"""The objects that the agents of a task are made of: a Job and a Secret.

The Job is made suspended, so that no pod is there before the Secret that it
mounts; the Secret belongs to the Job and goes with it. So a controller that
is killed in between leaves nothing that runs, and nothing that lasts.
"""

from __future__ import annotations

import hashlib
import typing as t

from rally.plugins.common.agent_providers.kubernetes import pods
from rally.task import agent_provider

#: say which task an object is of, and which of its fleets: a task may have
#: several, of different images for example
TASK_LABEL = "rally.openstack.org/task"
FLEET_LABEL = "rally.openstack.org/fleet"
#: key of the Secret
JOIN = "fleet.join"
SECRETS = "/run/rally"
#: home of the agent: its key and its spool, gone with the pod
HOME = "/var/lib/rally"
#: group that may read the Secret: agents do not run as root
GROUP = 65532
#: how long a Job that nobody ended stays once all its agents have ended
KEPT_S = 3600
#: how long an agent may take to end when it is told to
GRACE_S = 20
#: the join token comes by standard input, the name from the pod
SCRIPT = (
    'exec "$@" --name "$HOSTNAME" --join - < %s/%s' % (SECRETS, JOIN)
)
#: a Job of Kubernetes ends all of its pods once so many have failed
NO_LIMIT = 2**31 - 1

_TEXTS: dict[str, t.Any] = {
    "type": "object", "additionalProperties": {"type": "string"},
}
#: what a task says under ``agents: {kubernetes: ...}``
SCHEMA: dict[str, t.Any] = {
    "type": "object",
    "properties": {
        "count": agent_provider.count_schema(
            "How many agents: a pod for each.", maximum=5000
        ),
        "image": {
            "type": "string", "minLength": 1,
            "description": "Image with this version of Rally and the "
                           "plugins, see etc/container.",
        },
        "namespace": {
            "type": "string",
            "description": "Where the pods run (that of the context or of "
                           "the controller's own pod, else default).",
        },
        "resources": {
            "type": "object",
            "properties": {
                "requests": {
                    **_TEXTS, "description": "What is set aside for it.",
                },
                "limits": {
                    **_TEXTS, "description": "What it may use at most.",
                },
            },
            "additionalProperties": False,
            "description": "What each pod is to have: requests and limits.",
        },
        "node_selector": {
            **_TEXTS,
            "description": "Labels that nodes must have.",
        },
        "tolerations": {
            "type": "array", "items": {"type": "object"},
            "description": "Taints of nodes that do not keep agents off.",
        },
        "service_account": {
            "type": "string",
            "description": "Service account of the pods. Its token is "
                           "mounted only if this is given.",
        },
        "image_pull_secrets": {
            "type": "array", "items": {"type": "string"},
            "description": "Names of Secrets for the registry.",
        },
        "env": {
            **_TEXTS,
            "description": "Variables of the agents' environment. Nothing "
                           "secret: whoever may read pods can read them.",
        },
        "labels": {
            **_TEXTS,
            "description": "More labels of the pods.",
        },
        "user": {
            "type": "integer", "minimum": 0,
            "description": "Number of the user that agents run as (that of "
                           "the image, which must not be root).",
        },
        "command": {
            "type": "array", "items": {"type": "string"}, "minItems": 1,
            "description": "How to call rally in the image ([rally]).",
        },
        "kubeconfig": {
            "type": "string",
            "description": "File that says how to reach the cluster "
                           "($KUBECONFIG or ~/.kube/config; in a pod its "
                           "service account).",
        },
        "context": {
            "type": "string",
            "description": "Context of that file (the current one).",
        },
    },
    "required": ["count", "image"],
    "additionalProperties": False,
}


def fleet_of(order: agent_provider.Order) -> str:
    """The same in every process that has the order, and no other order's."""
    return hashlib.sha256(
        ("%s %s" % (order.task, order.folder.name)).encode()
    ).hexdigest()[:16]


def name_of(order: agent_provider.Order) -> str:
    """Name of the Job and the Secret; short, for it begins those of agents."""
    return "rally-%s-%s" % (order.task[:8], fleet_of(order)[:4])


def job(config: t.Any, order: agent_provider.Order) -> dict[str, t.Any]:
    """A Job of *config*'s pods, suspended.

    A pod that failed is not replaced, and does not end the others: it is
    the loss of an agent, which the controller knows how to handle.
    """
    labels = _labels(order)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name_of(order), "labels": labels},
        "spec": {
            "suspend": True,
            "parallelism": config["count"],
            "completions": config["count"],
            "completionMode": "Indexed",
            "backoffLimit": NO_LIMIT,
            "backoffLimitPerIndex": 0,
            "ttlSecondsAfterFinished": KEPT_S,
            "template": {
                "metadata": {"labels": {**config.get("labels", {}), **labels}},
                "spec": _pod(config, order),
            },
        },
    }


def secret(order: agent_provider.Order, job_uid: str) -> dict[str, t.Any]:
    """The join token, as long as the Job is there."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "immutable": True,
        "metadata": {
            "name": name_of(order),
            "labels": _labels(order),
            "ownerReferences": [{
                "apiVersion": "batch/v1", "kind": "Job",
                "name": name_of(order), "uid": job_uid,
            }],
        },
        "stringData": {JOIN: order.join},
    }


def _labels(order: agent_provider.Order) -> dict[str, str]:
    return {
        "app.kubernetes.io/name": "rally-agent",
        "app.kubernetes.io/managed-by": "rally",
        TASK_LABEL: order.task,
        FLEET_LABEL: fleet_of(order),
    }


def _pod(config: t.Any, order: agent_provider.Order) -> dict[str, t.Any]:
    """What runs: a pod that the strictest pod security standard admits."""
    spec = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": GRACE_S,
        "automountServiceAccountToken": "service_account" in config,
        "enableServiceLinks": False,
        "securityContext": _user(config),
        "topologySpreadConstraints": [{  # one agent per host, if possible
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {FLEET_LABEL: fleet_of(order)}},
        }],
        "containers": [_container(config, order)],
        "volumes": [
            {
                "name": "join",
                "secret": {
                    "secretName": name_of(order), "defaultMode": 0o400,
                },
            },
            {"name": "home", "emptyDir": {}},
            {"name": "tmp", "emptyDir": {}},
        ],
    }
    for ours, theirs in (
        ("node_selector", "nodeSelector"),
        ("tolerations", "tolerations"),
        ("service_account", "serviceAccountName"),
    ):
        if ours in config:
            spec[theirs] = config[ours]
    if "image_pull_secrets" in config:
        spec["imagePullSecrets"] = [
            {"name": name} for name in config["image_pull_secrets"]
        ]
    return spec


def _user(config: t.Any) -> dict[str, t.Any]:
    context: dict[str, t.Any] = {
        "runAsNonRoot": config.get("user") != 0,
        "fsGroup": GROUP,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    if "user" in config:
        context["runAsUser"] = config["user"]
    return context


def _container(config: t.Any, order: agent_provider.Order) -> dict[str, t.Any]:
    return {
        "name": pods.CONTAINER,
        "image": config["image"],
        "command": ["sh", "-c", SCRIPT, "rally-agent"],
        "args": [
            *config.get("command", ["rally"]), "agent", "start",
            "--controller", order.controller,
            "--give-up-after", "%g" % order.give_up_after_s,
        ],
        "env": [
            *(
                {"name": name, "value": value}
                for name, value in sorted(config.get("env", {}).items())
            ),
            {"name": "HOME", "value": HOME},
        ],
        "resources": config.get("resources", {}),
        "workingDir": HOME,
        # kept in the state of the pod, so it is known without its log
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [
            {"name": "join", "mountPath": SECRETS, "readOnly": True},
            {"name": "home", "mountPath": HOME},
            {"name": "tmp", "mountPath": "/tmp"},
        ],
    }
