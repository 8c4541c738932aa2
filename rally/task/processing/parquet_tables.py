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

"""Tables that tasks are exported as, made of columns.

No row of an iteration is ever made: chunks are columns already.
"""

from __future__ import annotations

import json
import typing as t

import numpy as np
import pyarrow as pa

from rally.task.processing import records
from rally.task.results import ordered

if t.TYPE_CHECKING:
    from rally.task.results.chunk import Chunk
    from rally.task.results.row import Shape

_NAME = pa.dictionary(pa.int32(), pa.string())
#: Spark refuses nanoseconds, and DuckDB has few functions for them
_TIME = pa.timestamp("us", "UTC")
#: which workload a row is of
_PLACE = [
    ("task_uuid", _NAME), ("workload_uuid", _NAME), ("scenario", _NAME),
    ("position", pa.int32()),
]

SCHEMAS: dict[str, pa.Schema] = {
    "workloads": pa.schema([
        *_PLACE,
        ("task_title", pa.string()), ("env_name", pa.string()),
        ("status", pa.string()), ("runner_type", pa.string()),
        # as JSON, for their form differs from plugin to plugin
        ("runner", pa.string()), ("args", pa.string()),
        ("contexts", pa.string()), ("sla", pa.string()),
        ("pass_sla", pa.bool_()), ("started_at", _TIME),
        ("load_duration_s", pa.float64()),
        ("full_duration_s", pa.float64()),
        ("iterations", pa.int64()), ("failed", pa.int64()),
        ("lost", pa.int64()),
    ]),
    "iterations": pa.schema([
        *_PLACE,
        ("iteration", pa.int64()), ("started_at", _TIME),
        ("duration_s", pa.float64()), ("idle_s", pa.float64()),
        ("start_lag_s", pa.float64()), ("failed", pa.bool_()),
        ("error_type", _NAME), ("error_message", pa.string()),
        ("error_traceback", pa.string()), ("output", pa.string()),
    ]),
    "actions": pa.schema([
        *_PLACE,
        ("iteration", pa.int64()), ("action", pa.int32()),
        ("parent", pa.int32()), ("depth", pa.int32()), ("name", _NAME),
        ("started_at", _TIME), ("duration_s", pa.float64()),
        ("failed", pa.bool_()),
    ]),
}

Tables: t.TypeAlias = t.Iterator[tuple[str, pa.RecordBatch]]


def tables_of(tasks: t.Iterable[records.Record]) -> Tables:
    """Parts of the tables, (name, rows), in bounded memory."""
    for task, _, workload in records.workloads_of(tasks):
        place = {
            "task_uuid": str(task.get("uuid")),
            "workload_uuid": str(workload["uuid"]),
            "scenario": str(workload["name"]),
            "position": int(workload["position"]),
        }
        yield "workloads", _workload(place, task, workload)
        first = 1
        for chunk in ordered.chunks_of(workload["data"]):
            numbers = np.arange(first, first + len(chunk))
            first += len(chunk)
            yield "iterations", _iterations(place, chunk, numbers)
            for s, shape in enumerate(chunk.shapes):
                if shape:
                    yield "actions", _actions(place, chunk, numbers, s, shape)


def _batch(
    name: str, place: dict[str, t.Any], size: int, columns: dict[str, t.Any]
) -> pa.RecordBatch:
    """Rows of one workload with these columns."""
    schema = SCHEMAS[name]
    arrays = []
    for field in schema:
        if field.name in place:
            arrays.append(_repeated(place[field.name], size, field.type))
        else:
            arrays.append(_array(columns[field.name], field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _repeated(value: t.Any, size: int, kind: pa.DataType) -> pa.Array:
    if pa.types.is_dictionary(kind):
        return pa.DictionaryArray.from_arrays(
            np.zeros(size, dtype=np.int32), [value]
        )
    return pa.repeat(pa.scalar(value, kind), size)


def _array(values: t.Any, kind: pa.DataType) -> pa.Array:
    if pa.types.is_dictionary(kind):
        return pa.array(values, pa.string()).dictionary_encode()
    return pa.array(values, kind)


def _workload(
    place: dict[str, t.Any], task: records.Record, workload: records.Record
) -> pa.RecordBatch:
    info = workload.get("load_info") or {}
    start = workload.get("start_time")
    row = {
        "task_title": task.get("title") or "",
        "env_name": task.get("env_name") or "",
        "status": task.get("status", "finished"),
        "runner_type": workload["runner_type"],
        **{
            key: json.dumps(workload.get(key) or {}, default=str)
            for key in ("runner", "args", "contexts", "sla")
        },
        "pass_sla": bool(workload.get("pass_sla", True)),
        "started_at": None if start is None else round(start * 1e6),
        "load_duration_s": workload.get("load_duration"),
        "full_duration_s": workload.get("full_duration"),
        "iterations": workload.get("total_iteration_count") or 0,
        "failed": workload.get("failed_iteration_count") or 0,
        "lost": sum(each["count"] for each in info.get("lost") or ()),
    }
    return _batch("workloads", place, 1, {k: [v] for k, v in row.items()})


def _iterations(
    place: dict[str, t.Any], chunk: Chunk, numbers: t.Any
) -> pa.RecordBatch:
    errors = [chunk.errors.get(i) for i in range(len(chunk))]
    return _batch("iterations", place, len(chunk), {
        "iteration": numbers,
        "started_at": chunk.started_ns // 1000,
        "duration_s": chunk.duration_ns / 1e9,
        "idle_s": chunk.idle_ns / 1e9,
        # 0 stands for a runner that has no schedule to be late for
        "start_lag_s": pa.array(chunk.lag_ns / 1e9, mask=chunk.lag_ns == 0),
        "failed": chunk.is_failed,
        "error_type": [error and error[0] for error in errors],
        "error_message": [error and error[1] for error in errors],
        "error_traceback": [error and error[2] for error in errors],
        "output": [
            json.dumps(chunk.outputs[i], default=str)
            if i in chunk.outputs else None for i in range(len(chunk))
        ],
    })


def _actions(
    place: dict[str, t.Any], chunk: Chunk, numbers: t.Any, s: int,
    shape: Shape,
) -> pa.RecordBatch:
    """Actions of the iterations of one shape, iteration by iteration."""
    rows = chunk.rows_of_shape(s)
    starts, ends = chunk.times[s][:, ::2], chunk.times[s][:, 1::2]
    size = len(rows) * len(shape)

    def of_each(values: t.Any, kind: t.Any) -> t.Any:
        return np.tile(np.array(values, dtype=kind), len(rows))

    names = [node.name for node in shape]
    known = list(dict.fromkeys(names))
    parents = of_each(_parents(shape), np.int32)
    started = starts + chunk.started_ns[rows][:, None]
    return _batch("actions", place, size, {
        "iteration": np.repeat(numbers[rows], len(shape)),
        "action": of_each(range(len(shape)), np.int32),
        "parent": pa.array(parents, mask=parents < 0),
        "depth": of_each([node.depth for node in shape], np.int32),
        "name": pa.DictionaryArray.from_arrays(
            of_each([known.index(name) for name in names], np.int32), known
        ),
        "started_at": started.ravel() // 1000,
        "duration_s": (ends - starts).ravel() / 1e9,
        "failed": of_each([node.failed for node in shape], np.bool_),
    })


def _parents(shape: Shape) -> list[int]:
    """The action that each one ran in; -1: in none."""
    parents: list[int] = []
    around: list[int] = []
    for i, node in enumerate(shape):
        del around[node.depth:]
        parents.append(around[-1] if around else -1)
        around.append(i)
    return parents
