"""An endpoint declares the status of its success, and its answer is repeated with it."""

from __future__ import annotations

from aiohttp import web

from hingecraft_api.app import public_app
from hingecraft_api.messages.bodies import Input
from hingecraft_api.web.endpoint import Endpoint
from hingecraft_api.web.server import Runner


class Order(Input):
    name: str


async def created(call):
    return {"name": call.body.name}


async def test_a_call_that_creates_answers_201_at_first_and_when_it_is_repeated(pod):
    endpoint = Endpoint(
        method="PUT", path="/orders", handler=created, summary="Order", tag="Operations", body=Order, status=201,
        idempotent=True,
    )  # fmt: skip
    runner = Runner(public_app(pod.pod, [endpoint]), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        pod.public = f"http://127.0.0.1:{runner.addresses[0][1]}"
        for key, replayed in ((None, None), ("order-2026-11-0001", None), ("order-2026-11-0001", "true")):
            headers = {"Idempotency-Key": key} if key else {}
            asked = pod.client.put(pod.public + "/orders", json={"name": "tea"}, headers=headers)
            async with asked as response:
                assert response.status == 201
                assert response.headers.get("Idempotency-Replayed") == replayed
                assert (await response.json())["data"] == {"name": "tea"}
    finally:
        await runner.cleanup()
