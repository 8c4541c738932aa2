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

"""A TCP proxy that delays what passes, each direction by its own time.

``python -m tests.cluster.proxy TO PORTS THERE BACK``: listens on these ports
of the loopback device and passes on to the same ports of another host.
Delays are in seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import typing as t

_READ_BYTES = 1 << 16


class Proxy:
    """Passes on between this host and *to*."""

    def __init__(self, to: str, there_s: float, back_s: float) -> None:
        self._to = to
        self._there_s = there_s
        self._back_s = back_s

    async def serve(self, ports: t.Iterable[int]) -> None:
        servers = [
            await asyncio.start_server(self._taker(port), "127.0.0.1", port)
            for port in ports
        ]
        await asyncio.gather(*(each.serve_forever() for each in servers))

    def _taker(self, port: int) -> t.Callable[..., t.Awaitable[None]]:
        async def take(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            try:
                far = await asyncio.open_connection(self._to, port)
            except OSError:  # nobody listens: the one who asked learns it
                writer.close()
                return
            await asyncio.gather(
                pump(reader, far[1], self._there_s),
                pump(far[0], writer, self._back_s),
            )

        return take


async def pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter,
    delay_s: float,
) -> None:
    """Pass on what comes, so much later, until its end."""
    loop = asyncio.get_running_loop()
    held: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def let_go() -> None:
        while True:
            due, data = await held.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            if not data:
                return
            writer.write(data)
            await writer.drain()

    task = asyncio.ensure_future(let_go())
    with contextlib.suppress(ConnectionError):
        while not task.done():
            data = await reader.read(_READ_BYTES)
            held.put_nowait((loop.time() + delay_s, data))
            if not data:
                break
    with contextlib.suppress(ConnectionError):
        if reader.at_eof():
            await task
    task.cancel()
    writer.close()


if __name__ == "__main__":
    first, last = map(int, sys.argv[2].split("-"))
    asyncio.run(
        Proxy(sys.argv[1], float(sys.argv[3]), float(sys.argv[4])).serve(
            range(first, last + 1)
        )
    )
