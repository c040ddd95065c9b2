"""What a checkout costs Postgres: the turns of talk on the wire, each a wait for the network."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from hingecraft.settings import DsnSecret
from support.pods import running_pod

MOST = 8


class Wire:
    """Stands before Postgres and counts how often the talk turns from us to the server."""

    def __init__(self, port: int) -> None:
        self._target = port
        self.port = 0
        self.turns = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def _serve(self, reader, writer):
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._target)
        speaker = {"last": "server"}

        async def copy(source, target, who):
            while data := await source.read(65536):
                if who == "us" and speaker["last"] == "server":
                    self.turns += 1
                speaker["last"] = who
                target.write(data)
            target.close()

        for source, target, who in ((reader, server_writer, "us"), (server_reader, writer, "server")):
            task = asyncio.create_task(copy(source, target, who))
            self._tasks.add(task)

    @asynccontextmanager
    async def running(self):
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        yield self
        server.close()
        for task in self._tasks:
            task.cancel()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/mission-support/micro-payment", {"amount": 5}),
        ("/charter/generate-payment", {"amount": 7, "currency": "EUR"}),
        ("/charter/generate-payment", {"amount": 30, "currency": "ETH"}),
    ],
)
async def test_a_checkout_takes_at_most_eight_round_trips(dsn, sandbox, monkeypatch, path, body):
    port = dsn.newest.rpartition(":")[2].partition("/")[0]
    async with Wire(int(port)).running() as wire:
        through = DsnSecret(dsn.newest.replace(f":{port}/", f":{wire.port}/"))
        async with running_pod(through, **sandbox.settings, database_pool_min=1, database_pool_max=1) as pod:
            monkeypatch.setattr(pod.pod.loader, "look", asyncio.Event().wait)  # what is counted is the checkout alone
            counted = []
            for number in range(4):
                before = wire.turns
                headers = {"Idempotency-Key": f"a-key-of-this-test-{number}"}
                status, answer = await pod.call("POST", path, json=body, headers=headers)
                assert status == 200, answer
                counted.append(wire.turns - before)
    # The first ones also prepare the statements, once for each connection.
    assert counted[-1] <= MOST, counted
    assert counted[-1] >= 3, "the wire counts nothing"
