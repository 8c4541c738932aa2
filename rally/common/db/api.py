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

"""Every function on the database, under one name.

Each opens a session of its own and gives plain dicts, lists and strings.
"""
# ruff: noqa: F401 (all that is imported here is for others)

from __future__ import annotations

from rally.common.db.chunks import (
    workload_chunk_sequences,
    workload_chunks_create,
    workload_data_create,
)
from rally.common.db.engine import engine_reset, get_engine, with_session
from rally.common.db.environments import (
    env_create,
    env_delete_cascade,
    env_get,
    env_get_status,
    env_list,
    env_rename,
    env_set_status,
    env_update,
    platform_get,
    platform_set_data,
    platform_set_status,
    platforms_list,
)
from rally.common.db.heartbeats import owner_beat, owner_silence_s
from rally.common.db.results import workload_results_count
from rally.common.db.rows import serialize
from rally.common.db.schema import (
    schema_cleanup,
    schema_create,
    schema_ensure,
    schema_revision,
    schema_stamp,
    schema_upgrade,
)
from rally.common.db.tags import tags_get
from rally.common.db.tasks import (
    subtask_create,
    subtask_update,
    task_create,
    task_delete,
    task_get,
    task_get_status,
    task_list,
    task_update,
    task_update_status,
)
from rally.common.db.verifiers import (
    verification_create,
    verification_delete,
    verification_get,
    verification_list,
    verification_update,
    verifier_create,
    verifier_delete,
    verifier_get,
    verifier_list,
    verifier_update,
)
from rally.common.db.workloads import (
    workload_create,
    workload_get,
    workload_set_contexts,
    workload_set_results,
    workload_update_progress,
)
