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

"""Results in the form of ``rally task results``."""

from __future__ import annotations

import typing as t

from rally.task import exporter
from rally.task.processing import jsontext, records


@exporter.configure("old-json-results")
class OldJSONExporter(exporter.StreamingExporter):
    """JSON in the form of Rally's earlier releases."""

    def write(self, stream: t.TextIO) -> None:
        workloads = records.workloads_of(self.tasks_results)
        document = [old_result(workload) for _, _, workload in workloads]
        stream.writelines(jsontext.pieces(document))


def old_result(workload: records.Record) -> dict[str, t.Any]:
    """A workload in that form; ``result`` is an iterator."""
    hooks = workload.get("hooks") or ()
    hook_configs = [_hook_config(records.hook_config(h)) for h in hooks]
    return {
        "key": {
            "name": workload["name"],
            "description": workload["description"],
            "pos": workload["position"],
            "kw": {
                "args": workload["args"],
                "runner": dict(
                    workload["runner"], type=workload["runner_type"]
                ),
                "context": workload["contexts"],
                "sla": workload["sla"],
                "hooks": hook_configs,
            },
        },
        "result": map(_old_iteration, workload["data"]),
        "sla": records.criteria_of(workload),
        "hooks": [
            {
                "config": config,
                "results": hook.get("results") or [],
                "summary": hook.get("summary") or {},
            }
            for hook, config in zip(hooks, hook_configs, strict=True)
        ],
        "load_duration": workload["load_duration"],
        "full_duration": workload["full_duration"],
        "created_at": records.time_text(workload.get("created_at")),
    }


def _hook_config(config: records.Record) -> dict[str, t.Any]:
    name, args = records.pair_of(config["action"])
    trigger, trigger_args = records.pair_of(config["trigger"])
    return {
        "name": name,
        "args": args,
        "description": config.get("description") or "",
        "trigger": {"name": trigger, "args": trigger_args},
    }


def _old_iteration(iteration: records.Record) -> dict[str, t.Any]:
    seconds: dict[str, float] = {}
    for action in iteration["atomic_actions"]:
        name = unique_name(action["name"], seconds)
        seconds[name] = action["finished_at"] - action["started_at"]
    return {**iteration, "atomic_actions": seconds}


def unique_name(name: str, taken: t.Container[str]) -> str:
    """*name*, or *name* (2), (3) ... if that is taken."""
    result, number = name, 1
    while result in taken:
        number += 1
        result = "%s (%d)" % (name, number)
    return result
