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

"""Finishing a task whose controller is gone.

Agents keep the chunks of a run in their spools until a controller has
stored them. Recovery is such a controller: it generates no load, collects the
chunks, cleans up the contexts that are left, and closes the task with what is
stored then.
"""

from __future__ import annotations

import collections
import contextlib
import pathlib
import typing as t

from rally import consts, exceptions, plugins
from rally.common import (
    clock,
    counting,
    db,
    logging,
    owners,
    version,
)
from rally.task import runner
from rally.task.cleanup import leftovers, name_search
from rally.task.distributed import (
    commands,
    controller_ports,
    fleet_folders,
    fleet_page,
    notices,
    reception,
    run_sink,
    serve,
    spool,
)
from rally.task.distributed.controller import machine as controller
from rally.task.distributed.controller import plan
from rally.task.distributed.controller.membership import AgentState, Member
from rally.task.distributed.security import keys
from rally.task.distributed.wire import channels, messages
from rally.task.reporting import load_info
from rally.task.results import aggregate, head, packed
from rally.task.results import stored as stored_results
from rally.task.results.progressions import Lost, progressions
from rally.task.work import schedule, selection

LOG = logging.getLogger(__name__)

FINAL = (
    consts.TaskStatus.FINISHED, consts.TaskStatus.ABORTED,
    consts.TaskStatus.CRASHED, consts.TaskStatus.VALIDATION_FAILED,
)
#: agents in one of these states have nothing that is not stored
NOTHING_KEPT = (
    AgentState.JOINED.value, AgentState.REFUSED.value, AgentState.DONE.value,
)
DEFAULT_WAIT_S = 30.0
ALL_IS_WELL = "no iteration of it was lost, no context is left"


class NothingToRecover(exceptions.RallyException):
    error_code = 174
    msg_fmt = (
        "Task %(uuid)s is %(status)s: %(reason)s, so there is nothing to "
        "recover. Look at it with `rally task detailed %(uuid)s`."
    )


class ControllerGone(exceptions.RallyException):
    """What to do: start the task again if the iterations that are missing are
    needed.
    """

    error_code = 175
    msg_fmt = (
        "The controller of this workload ended before the workload did. "
        "What its agents had delivered or kept is stored; iterations that "
        "were not run, or were lost, are missing."
    )


def recover(
    task_uuid: str,
    wait_s: float = DEFAULT_WAIT_S,
    say: t.Callable[[str], None] = LOG.info,
) -> None:
    """Collect what agents keep of a task, clean up, close it if it is open.

    A task that was closed with iterations lost can be recovered, too: what
    an agent has kept of them is no longer lost then.

    :param wait_s: how long to wait for agents that do not dial in
    :param say: told what was done, in sentences
    :raises NothingToRecover: nothing is missing, or it is still being run
    :raises CleanupsFailed: after all else was done; it can be tried again
    :raises RallyException: the address or the keys cannot be used
    """
    plugins.load()
    task = db.task_get(task_uuid, detailed=True, lazy=True)
    is_closed = task["status"] in FINAL
    workloads = [w for each in task["subtasks"] for w in each["workloads"]]
    wanting = [
        w for w in workloads
        if leftovers.is_left(w) or _lacks_results(w, is_closed)
    ]
    _check(task)
    rests = [  # first of all: a plugin may be missing here
        (workload, leftovers.Leftovers(task, workload))
        for workload in wanting
    ]
    lacking = [w for w in wanting if _lacks_results(w, is_closed)]
    for workload, rest in rests:
        if workload in lacking:
            _fetch(workload, wait_s, say)
        for sentence in rest.clean_up():  # no load is left now
            say(_title(workload) + sentence)
    for sentence in fleet_folders.end_all_of(task_uuid):
        say(sentence)
    failed, has_found = _search(task, workloads, rests, say)
    for workload in lacking:
        say(_title(workload) + _count_sentence(
            _close(workload), workload["total_iteration_count"] or 0
        ))
    if not is_closed and (not failed or any(rest.failed for _, rest in rests)):
        _close_task(task)  # what failed is left in its contexts
    leftovers.check(task_uuid, failed)
    if is_closed and not wanting and not has_found:
        raise NothingToRecover(
            uuid=task_uuid, status=task["status"], reason=ALL_IS_WELL,
        )


def _close_task(task: dict[str, t.Any]) -> None:
    for subtask in task["subtasks"]:
        if subtask["status"] not in FINAL:
            db.subtask_update(
                subtask["uuid"], {"status": consts.SubtaskStatus.ABORTED}
            )
    db.task_update(task["uuid"], {"status": consts.TaskStatus.ABORTED})


def _search(
    task: dict[str, t.Any],
    workloads: t.Sequence[dict[str, t.Any]],
    rests: t.Sequence[tuple[dict[str, t.Any], leftovers.Leftovers]],
    say: t.Callable[[str], None],
) -> tuple[list[str], bool]:
    """Let the platforms delete what bears the name of this task.

    Contexts that were being set up when their controller died do not know
    what they had made by then, and what a validation sets up is not recorded.
    Nothing is searched while a clean-up that failed can be tried again: it
    may need what would be deleted.

    :returns: what is left, or may be: contexts and platforms; and whether
        anything was found
    """
    failed = [name for _, rest in rests for name in rest.failed]
    if any(rest.is_stuck for _, rest in rests):
        return failed, False
    owners_of_names = [task["uuid"], *(w["uuid"] for w in workloads)]
    searched = name_search.delete_left(task["env_uuid"], owners_of_names)
    for found in searched:
        if found.sentence:
            say(found.sentence)
    clean = {found.platform for found in searched if found.is_certain}
    for workload, rest in rests:
        for sentence in rest.settle(clean):
            say(_title(workload) + sentence)
    failed = [
        *(name for _, rest in rests for name in rest.failed),
        *("platform %s" % found.plugin for found in searched
          if found.has_failed),
    ]
    return failed, any(found.sentence for found in searched)


def _count_sentence(stored: int, counted: int) -> str:
    """How many results there are, of how many iterations that ended.

    :param counted: in the statistics, which are stored at once; results are
        collected into chunks before
    """
    text = "%s stored" % counting.counted(
        stored, "iteration is", "iterations are"
    )
    if counted > stored:
        text += (
            "; %d more had ended, whose results were not stored when the "
            "controller died" % (counted - stored)
        )
    return text


def _title(workload: dict[str, t.Any]) -> str:
    return "Workload %(name)s at position %(position)s: " % workload


def _fetch(
    workload: dict[str, t.Any],
    wait_s: float,
    say: t.Callable[[str], None],
) -> None:
    """Store what the controller of *workload* could no longer store."""
    info = workload["load_info"] = dict(workload["load_info"] or {})
    info["awaited"] = _collect(workload, wait_s) if info.get("run") else []
    info["recovered"] = True
    for name in info["awaited"]:
        say(_title(workload) + "agent %s did not come; recover the task "
            "again once it runs, if it may keep something" % name)


def _lacks_results(workload: dict[str, t.Any], is_closed: bool) -> bool:
    """Whether *workload* lacks results that may exist, or is not closed."""
    info = workload["load_info"] or {}
    if info.get("awaited") or (is_closed and info.get("lost")):
        return True
    return not workload["full_duration"] and not info.get("recovered")


def _check(task: dict[str, t.Any]) -> None:
    """:raises NothingToRecover: its controller may live"""
    if task["status"] in FINAL:
        return
    if task["owner"] and not owners.is_gone(task):
        raise NothingToRecover(
            uuid=task["uuid"], status=task["status"],
            reason="its controller, %s, is not known to be gone"
            % owners.shown(task["owner"]),
        )


def _collect(workload: dict[str, t.Any], wait_s: float) -> list[str]:
    """Store what agents keep of the run of *workload*.

    Chunks that could not be had are counted in its ``load_info``.

    :returns: names of agents that may keep something and did not come
    """
    config = workload["runner"]
    if selection.count_of(config.get("agents")) is not None:
        folder = config.get("keys")
        return _collect_elsewhere(
            workload, wait_s, config.get("listen"),
            pathlib.Path(folder).expanduser() if folder else None,
        )
    fleet = fleet_folders.elsewhere(workload["load_info"]["run"])
    if fleet is None:
        return _collect_local(workload)
    path, note = fleet
    # those that have given up are started again: they have their keys
    join = fleet_folders.token(path, note)
    fleet_folders.provider_of(path, note, join).resume()
    return _collect_elsewhere(
        workload, wait_s, note.listen, path / fleet_folders.KEYS
    )


def _collect_elsewhere(
    workload: dict[str, t.Any], wait_s: float, listen: str | None,
    keys_folder: pathlib.Path | None,
) -> list[str]:
    """As ``_collect``, from agents that dial in."""
    with contextlib.closing(reception.listen(listen, keys_folder)) as ends:
        machine = controller.Controller.for_recovery(
            _plan(workload, ends.endpoints, wait_s, keys_folder),
            clock.now_ns(),
        )
        sink = _Store(workload, machine)
        ports = controller_ports.ControllerPorts(ends, sink)
        sink.tell = ports.tell
        serve.serve(machine, ports)
    counted = machine.counters
    _count(workload, missing_chunks=counted["missing_chunks"],
           torn_chunks=counted["torn_chunks"])
    return [
        agent["name"] for agent in workload["load_info"]["agents"]
        if agent["state"] not in NOTHING_KEPT
        and _is_awaited(machine.members.get(agent["name"]))
    ]


def _collect_local(workload: dict[str, t.Any]) -> list[str]:
    """As ``_collect``, where the agents were on the controller's host.

    They ended with it, but their spools are there.
    """
    kept = db.workload_chunk_sequences(workload["uuid"])

    def store(agent: str, spooled: spool.SpooledChunk) -> None:
        if spooled.sequence in kept.get(agent, ()):
            return
        db.workload_chunks_create(
            workload["task_uuid"], workload["uuid"],
            [stored_results.envelope(spooled.chunk, spooled.sequence, agent)],
        )

    collected = fleet_folders.collect(workload["load_info"]["run"], store)
    _count(workload, torn_chunks=collected.torn)
    return collected.still_writing


def _count(workload: dict[str, t.Any], **found: int) -> None:
    """Add to the counters of a workload."""
    counters = dict(workload["load_info"].get("counters") or {})
    for name, count in found.items():
        counters[name] = counters.get(name, 0) + count
    workload["load_info"]["counters"] = counters


def _is_awaited(member: Member | None) -> bool:
    """Whether an agent has not come, or has left again."""
    return member is None or member.state is AgentState.LOST


def _plan(
    workload: dict[str, t.Any],
    endpoints: t.Mapping[channels.Channel, str],
    wait_s: float,
    keys_folder: pathlib.Path | None,
) -> plan.RunPlan:
    info = workload["load_info"]
    kept = db.workload_chunk_sequences(workload["uuid"])
    nothing = messages.Prepare(
        run=info["run"], scenario="", content=messages.Content(""),
        runner_type="", runner={}, sla={}, chunk_size=0,
        iteration_events=False,
    )
    return plan.RunPlan(
        prepare=nothing,
        shares=[],
        concurrencies=[],
        rally_version=version.__version__,
        address=endpoints[channels.Channel.CONTROL],
        wait_s=wait_s,
        kept={
            name: kept.get(name, set())
            for name in _agents(workload, keys_folder)
        },
    )


def _agents(
    workload: dict[str, t.Any], keys_folder: pathlib.Path | None
) -> list[str]:
    """Agents that may keep something of the run.

    All that may join, if the controller died before it could record who did.
    """
    known = [agent["name"] for agent in workload["load_info"]["agents"]]
    return known or [agent.name for agent in keys.agents(keys_folder)]


class _Store:
    """Puts what agents deliver into the database at once."""

    has_leases = False  # nothing is started any more

    def __init__(
        self, workload: dict[str, t.Any], machine: controller.Controller
    ) -> None:
        self._machine = machine
        self._workload_uuid = workload["uuid"]
        self._task_uuid = workload["task_uuid"]
        self._ahead_ns = clock_ahead_ns(workload["load_info"])
        #: told that a chunk is stored
        self.tell: t.Callable[[t.Any], None] = LOG.debug

    def store(self, delivered: head.DeliveredChunk) -> None:
        try:
            delivered.chunk.check()
        except packed.ChunkError as e:
            self.tell(notices.ChunkRefused(
                delivered.agent, delivered.sequence, e.format_message()
            ))
            return
        chunk = stored_results.envelope(
            delivered.chunk, delivered.sequence, delivered.agent,
            delivered.clock_offset_ns + self._ahead_ns,
        )
        db.workload_chunks_create(
            self._task_uuid, self._workload_uuid, [chunk]
        )
        self.tell(notices.Stored(delivered.agent, delivered.sequence))

    def observe(self, seen: commands.Observe) -> None:
        """Nothing: what is stored is counted at the end."""

    def announce(self, numbers: t.Sequence[int]) -> None:
        """No hook is run."""

    def say(self, text: str, is_problem: bool) -> None:
        LOG.info(text)

    def fleet(self, after: str) -> messages.FleetAnswer:
        members = [
            run_sink.describe(member)
            for _, member in sorted(self._machine.members.items())
        ]
        return fleet_page.page_of("recovering", members, {}, after)

    def refresh(self, now: int) -> None:
        """Nobody watches."""


def clock_ahead_ns(info: t.Mapping[str, t.Any]) -> int:
    """How far this clock is ahead of the one the run was stored with.

    Zero after another boot, or on another host: nobody knows then.
    """
    kept = info.get("clock") or {}
    if not kept.get("boot") or kept["boot"] != clock.boot_id():
        return 0
    return clock.WALL_BASE_NS - int(kept["wall_base_ns"])


def _close(workload: dict[str, t.Any]) -> int:
    """Count what is stored and record it as the result."""
    info = dict(workload["load_info"] or {})
    missing = [
        set(_numbers_of(entry["numbers"])) for entry in info.get("lost", ())
    ]
    sources = {}
    for agent in db.workload_chunk_sequences(workload["uuid"]):
        source = sources[agent] = aggregate.Aggregate(workload["sla"])
        for chunk in stored_results.workload_chunks(
            workload["uuid"], agent
        ):
            source.add_chunk(chunk)
            stored = set(chunk.numbers.tolist())
            for numbers in missing:
                numbers -= stored
    merged = aggregate.Aggregate(workload["sla"])
    merged.merge_all(list(sources.values()))
    info["lost"] = [
        {**entry, **Lost(progressions(numbers), entry["reason"],
                         entry["agent"]).to_dict()}
        for entry, numbers in zip(info.get("lost", ()), missing) if numbers
    ]
    info["stored"] = merged.iterations
    _refresh(info, workload, merged, sources)
    if not workload["full_duration"]:
        merged.checker.set_unexpected_failure(ControllerGone())
        info["problems"] = [*info.get("problems", []), str(ControllerGone())]
    _store(workload, merged, info)
    return merged.iterations


def _refresh(
    info: dict[str, t.Any],
    workload: dict[str, t.Any],
    merged: aggregate.Aggregate,
    sources: t.Mapping[str, aggregate.Aggregate],
) -> None:
    """Update *info* from the iterations that are stored.

    What no row tells stays: counters, clocks, how hard generators worked.
    """
    info.update(load_info.figures_of(merged))
    info["problems"] = [
        *(
            problem for problem in info.get("problems", ())
            if not load_info.is_problem(problem)
        ),
        *load_info.problems_of(merged.table),
    ]
    lost: collections.Counter[str] = collections.Counter()
    for entry in info["lost"]:
        lost[entry["agent"]] += entry["count"]
    agents = load_info.agent_figures(
        info.get("agents") or (), sources, _schedule_of(workload)
    )
    for agent in agents:
        agent["lost"] = lost[agent["name"]]
        agent["delivered"] = agent["iterations"]
    info.update(
        agents=agents, **load_info.fleet_facts(agents, sources),
        **load_info.start_of(agents),
    )


def _schedule_of(workload: dict[str, t.Any]) -> schedule.Schedule | None:
    """When iterations were due, if they were due at any moment."""
    inner = workload["runner"].get("runner")
    if not inner:
        return None
    ((runner_type, config),) = inner.items()
    try:
        runner_cls = runner.ScenarioRunner.get(runner_type)
    except exceptions.PluginNotFound:
        return None
    return runner_cls.load_plan(config).schedule


def _numbers_of(ranges: t.Iterable[t.Sequence[int]]) -> t.Iterator[int]:
    """Numbers of ranges (first, last, step), as ``load_info`` has them."""
    for first, last, step in ranges:
        yield from range(first, last + 1, step)


def _store(
    workload: dict[str, t.Any],
    merged: aggregate.Aggregate,
    info: dict[str, t.Any],
) -> None:
    columns = load_info.columns_of(merged)
    results = [dict(each) for each in merged.checker.results()]
    judged = {result["criterion"] for result in results}
    results += [  # such as aborted_on_sla
        result
        for result in (workload["sla_results"] or {}).get("sla", ())
        if result["criterion"] not in judged
    ]
    db.workload_set_results(
        workload_uuid=workload["uuid"],
        subtask_uuid=workload["subtask_uuid"],
        task_uuid=workload["task_uuid"],
        load_duration=columns["load_duration"],
        full_duration=workload["full_duration"] or columns["load_duration"],
        start_time=columns["start_time"],
        sla_results=results,
        contexts_results=workload["contexts_results"],
        aggregate={**columns, "load_info": info},
    )
