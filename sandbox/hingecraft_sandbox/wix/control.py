"""`/_sandbox/wix/...`: what tests, `make dev` and people with curl ask of the stand-in for Wix."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from hingecraft_sandbox.providers.book import Document
from hingecraft_sandbox.providers.switches import Switches, WixSwitch
from hingecraft_sandbox.wix.acts import act
from hingecraft_sandbox.wix.api import BI_EVENTS
from hingecraft_sandbox.wix.config import WixConfig
from hingecraft_sandbox.wix.sites import SITES, Sites, WixRejectedError
from hingecraft_sandbox.wix.tokens import SUBJECTS, Caller, Tokens
from hingecraft_sandbox.wix.webhooks import KIND as EVENTS
from hingecraft_sandbox.wix.webhooks import WixWebhooks

_CALLERS: Mapping[str, Caller] = {"owner": "owner", "visitor": "visitor", "member": "member"}


class WixControl:
    """The app's keys, sites and their tokens, acts as JSON, and the switches."""

    def __init__(
        self, sites: Sites, tokens: Tokens, webhooks: WixWebhooks, switches: Switches, config: WixConfig
    ) -> None:
        self._sites = sites
        self._tokens = tokens
        self._webhooks = webhooks
        self._switches = switches
        self._config = config

    def add_to(self, app: web.Application) -> None:
        """The routes."""
        base = "/_sandbox/wix"
        app.router.add_get(base + "/app", self.app)
        app.router.add_put(base, self.switch)
        app.router.add_delete(base + "/tokens", self.revoke)
        app.router.add_post(base + "/sites", self.install)
        app.router.add_get(base + "/sites/{id}", self.site)
        app.router.add_post(base + "/sites/{id}/{act}", self.act)
        app.router.add_get(base + "/sites/{id}/tokens", self.token)
        app.router.add_post(base + "/events/{id}/again", self.again)
        app.router.add_post(base + "/events", self.sign)

    async def app(self, _request: web.Request) -> web.Response:
        """The app as Wix's developer center shows it."""
        config = self._config
        return web.json_response({"appId": config.app_id, "appSecret": config.secret, "publicKey": config.public_key})

    async def switch(self, request: web.Request) -> web.Response:
        """Set the switches of Wix; those that are not given are as usual."""
        try:
            self._switches.wix = WixSwitch.model_validate(await _object(request))
        except ValidationError as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        return web.json_response(self._switches.wix.model_dump())

    async def revoke(self, _request: web.Request) -> web.Response:
        """Let all access tokens stop working."""
        self._tokens.revoke()
        return web.json_response({})

    async def install(self, request: web.Request) -> web.Response:
        """A new site installs the app: {"name": "Lakeside"}, with an instance id if you want to choose it."""
        given = await _object(request)
        site = self._sites.install(str(given.get("name") or "Lakeside"), instance=given.get("instanceId"))
        return web.json_response(self._shown(site["id"]), status=HTTPStatus.CREATED)

    async def site(self, request: web.Request) -> web.Response:
        """A site with its invoices, events and BI events."""
        try:
            return web.json_response(self._shown(request.match_info["id"]))
        except WixRejectedError as error:
            raise web.HTTPNotFound(text=str(error)) from None

    async def act(self, request: web.Request) -> web.Response:
        """One act, such as buy: {"product": "pro", "cycle": "YEARLY"}."""
        given = {name: str(value) for name, value in (await _object(request)).items()}
        try:
            changed = act(self._sites, request.match_info["id"], request.match_info["act"], given)
        except WixRejectedError as error:
            raise web.HTTPConflict(text=str(error)) from None
        return web.json_response(self._shown(changed))

    async def token(self, request: web.Request) -> web.Response:
        """A token of the site: `?as=owner|visitor|member`, `&age=` in seconds; both kinds are answered."""
        caller = _CALLERS.get(request.query.get("as", "owner"))
        if caller is None:
            raise web.HTTPBadRequest(text=f"as must be one of {', '.join(_CALLERS)}")
        try:
            site = self._sites.find(request.match_info["id"])
            age = float(request.query.get("age", "0"))
        except (WixRejectedError, ValueError) as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        return web.json_response(
            {
                "instance": self._tokens.instance_of(site, caller, age),
                "accessToken": self._tokens.access_for(site, SUBJECTS[caller], age),
            }
        )

    async def again(self, request: web.Request) -> web.Response:
        """Send an event once more."""
        self._webhooks.again(request.match_info["id"])
        return web.json_response({})

    async def sign(self, request: web.Request) -> web.Response:
        """Sign any event without sending it: {"eventType": ..., "instanceId": ..., "data": "..."} -> {token}."""
        return web.json_response({"token": self._webhooks.token(await _object(request))})

    def _shown(self, instance: str) -> Document:
        site = self._sites.find(instance)

        def ours(each: Document) -> bool:
            return bool(each["instance"] == instance)

        book = self._sites.book
        return {
            **site,
            "invoices": self._sites.invoices_of(instance),
            "events": book.all(EVENTS, ours),
            "biEvents": book.all(BI_EVENTS, ours),
            "copies": [each["id"] for each in book.all(SITES, lambda other: other["origin"] == instance)],
        }


async def _object(request: web.Request) -> Any:
    text = await request.text()
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise web.HTTPBadRequest(text="send a JSON object")
    return found
