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

"""Storing a task that was reported somewhere else."""

from __future__ import annotations

import typing as t

from rally import consts, exceptions
from rally.common import logging, objects, owners, texts
from rally.common.objects import report_schema
from rally.task.processing import records
from rally.task.results import cutting, ordered, stored

LOG = logging.getLogger(__name__)

Values: t.TypeAlias = dict[str, t.Any]

#: what a workload must have, in the form of the database
REQUIRED = frozenset(
    (
        "name", "args", "runner_type", "runner", "contexts", "sla", "data",
        "position", "load_duration", "full_duration", "sla_results",
    )
)


class ResultsRefused(exceptions.RallyException):
    error_code = 197
    msg_fmt = (
        "These results cannot be imported, because they would make a task "
        "that no report can show: %(problem)s. Export them again with "
        "`rally task report --json`."
    )


def import_task(
    env_uuid: str, results: Values, tags: t.Sequence[str]
) -> Values:
    """Store *results* as a finished task.

    :param results: a task as ``rally.cli.task_results_loader`` gives it, or
        an element of ``tasks`` of a JSON report
    :returns: the task
    :raises ResultsRefused: something in them is wrong; nothing is stored
    """
    results = _checked(results)
    problem = texts.problem_in(_texts(results))
    if problem:
        raise ResultsRefused(problem=problem)
    with owners.alive():
        return _import(env_uuid, results, tags)


def _import(
    env_uuid: str, results: Values, tags: t.Sequence[str]
) -> Values:
    task = objects.Task(
        env_uuid=env_uuid,
        tags=sorted(set(tags)),
        title=results.get("title", ""),
        description=results.get("description", ""),
        owner=owners.claim(),
    )
    try:
        for subtask in results["subtasks"]:
            _import_subtask(task, subtask)
    except BaseException:
        task.update_status(consts.TaskStatus.CRASHED)
        raise
    task.update_status(consts.TaskStatus.FINISHED)
    LOG.info("The results are stored.")
    return objects.Task.get(task["uuid"]).to_dict()


def _checked(results: Values) -> Values:
    """*results* with workloads in the form of the database."""
    checker = objects.Task(temporary=True)
    subtasks = []
    for subtask in results["subtasks"]:
        if any("scenario" in workload for workload in subtask["workloads"]):
            _check_report(results)
        workloads = [of_report(x) for x in subtask["workloads"]]
        for workload in workloads:
            missing = REQUIRED - workload.keys()
            if missing:
                raise ResultsRefused(
                    problem="a workload lacks %s" % ", ".join(sorted(missing))
                )
            if isinstance(workload["data"], ordered.ChunkedResults):
                continue  # they were rows before
            for number, row in enumerate(workload["data"], start=1):
                if not checker.result_has_valid_schema(row):
                    raise ResultsRefused(
                        problem="iteration %d of %s is not a result"
                        % (number, workload["name"])
                    )
        subtasks.append({**subtask, "workloads": workloads})
    return {**results, "subtasks": subtasks}


def _texts(results: Values) -> t.Iterator[texts.Found]:
    """What of *results* is stored in columns of its own."""
    yield "the title of the task", results.get("title"), texts.NAME
    yield "its description", results.get("description"), None
    for subtask in results["subtasks"]:
        yield "the title of a subtask", subtask.get("title"), texts.NAME
        yield "its description", subtask.get("description"), None
        for workload in subtask["workloads"]:
            yield "the name of a scenario", workload["name"], texts.NAME
            yield "the name of a runner", workload["runner_type"], texts.NAME
            yield "its description", workload.get("description"), None


def _check_report(results: Values) -> None:
    error = report_schema.error_in(results)
    if error is not None:
        where = "/".join(str(x) for x in error.absolute_path) or "the task"
        raise ResultsRefused(problem="%s: %s" % (where, error.message[:500]))


def of_report(workload: Values) -> Values:
    """A workload of a JSON report as the database has it."""
    if "scenario" not in workload:
        return workload
    others = {k: v for k, v in workload.items() if k != "scenario"}
    name, args = records.pair_of(workload["scenario"])
    runner_type, runner = records.pair_of(workload["runner"])
    hooks = [_stored_hook(hook) for hook in workload.get("hooks") or ()]
    return {
        **others, "name": name, "args": args, "runner_type": runner_type,
        "runner": runner, "hooks": hooks,
    }


def _import_subtask(task: objects.Task, subtask: Values) -> None:
    record = task.add_subtask(
        title=subtask.get("title", ""),
        description=subtask.get("description", ""),
    )
    for workload in subtask["workloads"]:
        _import_workload(record, workload)
    record.update_status(consts.SubtaskStatus.FINISHED)


def _import_workload(subtask: objects.Subtask, workload: Values) -> None:
    hooks = workload.get("hooks") or []
    record = subtask.add_workload(
        name=workload["name"],
        description=workload.get("description", ""),
        position=workload["position"],
        runner=workload["runner"],
        runner_type=workload["runner_type"],
        contexts=workload["contexts"],
        hooks=[hook["config"] for hook in hooks],
        sla=workload["sla"],
        args=workload["args"],
    )
    sequence = 0
    for chunk in ordered.chunks_of(workload["data"]):
        for part in cutting.parts(chunk):
            record.add_chunks([stored.envelope(part.packed(), sequence)])
            sequence += 1
    # lost iterations have no rows: it alone says that there were any. Which
    # run it was is known to agents of another controller only
    load_info = dict(workload.get("load_info") or {}, run="")
    record.update_progress(load_info=load_info)
    record.set_results(
        load_duration=workload["load_duration"],
        full_duration=workload["full_duration"],
        start_time=workload.get("start_time"),
        sla_results=workload["sla_results"].get("sla", []),
        contexts_results=workload.get("contexts_results", []),
        hooks_results=hooks,
    )


def _stored_hook(hook: Values) -> Values:
    """A hook of a report, with its plugins as the database has them."""
    config = dict(hook["config"])
    for key in ("action", "trigger"):
        if key in config:
            config[key] = list(records.pair_of(config[key]))
    return {**hook, "config": config}
