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

"""What an agent can be at, and what moves it on."""

from __future__ import annotations

import enum
import typing as t

from rally import exceptions


class LoadState(enum.Enum):
    """What an agent is at. The controller sees it in each heartbeat."""

    DIALING = "dialing"  # nobody has answered yet
    JOINED = "joined"  # accepted; holds no run
    PREPARING = "preparing"  # its load process imports, checks, forks
    READY = "ready"  # waits for the start
    RUNNING = "running"  # makes load while its lease lasts
    STOPPING = "stopping"  # starts nothing more; iterations finish
    DELIVERING = "delivering"  # load is over; chunks wait to be fetched


class LoadEvent(enum.Enum):
    """What moves an agent on."""

    WELCOMED = "welcomed"
    TOLD_TO_PREPARE = "told to prepare"
    PREPARED = "prepared"
    REFUSED = "refused"
    STARTED = "started"
    STOPPED = "stopped"
    LOAD_ENDED = "load ended"
    RUN_OVER = "run over"
    CONTROLLER_GONE = "controller gone"


_S, _E = LoadState, LoadEvent
TRANSITIONS: t.Mapping[tuple[LoadState, LoadEvent], LoadState] = {
    (_S.DIALING, _E.WELCOMED): _S.JOINED,
    (_S.JOINED, _E.TOLD_TO_PREPARE): _S.PREPARING,
    (_S.JOINED, _E.CONTROLLER_GONE): _S.DIALING,
    (_S.JOINED, _E.RUN_OVER): _S.DIALING,
    (_S.PREPARING, _E.PREPARED): _S.READY,
    (_S.PREPARING, _E.REFUSED): _S.JOINED,
    (_S.PREPARING, _E.STOPPED): _S.STOPPING,
    (_S.PREPARING, _E.LOAD_ENDED): _S.DELIVERING,
    (_S.PREPARING, _E.RUN_OVER): _S.DIALING,
    (_S.READY, _E.STARTED): _S.RUNNING,
    (_S.READY, _E.STOPPED): _S.STOPPING,
    (_S.READY, _E.LOAD_ENDED): _S.DELIVERING,
    (_S.READY, _E.RUN_OVER): _S.DIALING,
    (_S.RUNNING, _E.STOPPED): _S.STOPPING,
    (_S.RUNNING, _E.LOAD_ENDED): _S.DELIVERING,
    (_S.RUNNING, _E.RUN_OVER): _S.DIALING,
    # the stop came while its load process was still preparing
    (_S.STOPPING, _E.REFUSED): _S.JOINED,
    (_S.STOPPING, _E.LOAD_ENDED): _S.DELIVERING,
    (_S.STOPPING, _E.RUN_OVER): _S.DIALING,
    (_S.DELIVERING, _E.RUN_OVER): _S.DIALING,
    (_S.DELIVERING, _E.CONTROLLER_GONE): _S.DIALING,
}


class IllegalEvent(exceptions.RallyException):
    error_code = 144
    msg_fmt = (
        "An agent that is %(state)s cannot take the event '%(event)s'. This "
        "is a defect of Rally; report it together with the agent's log."
    )
