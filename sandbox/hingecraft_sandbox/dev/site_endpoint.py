"""Stands for the Wix site's endpoint: takes the webhooks, checks their signatures, and tells what came."""

from __future__ import annotations

import hmac
from collections.abc import Callable

from aiohttp import web

from hingecraft.outbox.model import signature
from hingecraft.settings import Secret

PATH = "/_functions/hingecraftRoutesUpdate"


def site_app(secret: Secret, told: Callable[[str, dict[str, object]], None]) -> web.Application:
    """One address that takes `routes.updated`."""

    async def receive(request: web.Request) -> web.Response:
        body = await request.read()
        headers = request.headers
        expected = signature(
            secret.values, headers.get("webhook-id", ""), int(headers.get("webhook-timestamp", "0")), body
        )
        if not hmac.compare_digest(expected.encode(), headers.get("webhook-signature", "").encode()):
            return web.Response(status=401)
        event = await request.json()
        told(str(event["type"]), event["data"])
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post(PATH, receive)
    return app
