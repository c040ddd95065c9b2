"""Wix's API for apps over HTTP: tokens, the app instance, checkout, installations, and BI events."""

from __future__ import annotations

import hmac
import json
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import web

from hingecraft_sandbox.providers.book import Book, Document, new_id
from hingecraft_sandbox.providers.switches import Switches
from hingecraft_sandbox.wix import PREFIX
from hingecraft_sandbox.wix.checkouts import Checkouts
from hingecraft_sandbox.wix.config import WixConfig
from hingecraft_sandbox.wix.installations import PATH as INSTALLATIONS
from hingecraft_sandbox.wix.installations import Installations
from hingecraft_sandbox.wix.plans import PLANS
from hingecraft_sandbox.wix.renewals import WixRenewals
from hingecraft_sandbox.wix.shapes import app_instance, purchase
from hingecraft_sandbox.wix.sites import Sites, WixRejectedError
from hingecraft_sandbox.wix.tokens import LIFE, Tokens

BI_EVENTS = "wix_bi_events"
_NAMES = frozenset({"APP_DASHBOARD_LOADED", "APP_FINISHED_CONFIGURATION", "PRIMARY_ACTION_PERFORMED", "APP_UPGRADED"})
_MINUTE = 60.0
Work = Callable[[Document, Document], Document]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class WixApi:
    """`https://www.wixapis.com` as our app calls it."""

    def __init__(
        self,
        sites: Sites,
        tokens: Tokens,
        checkouts: Checkouts,
        renewals: WixRenewals,
        installations: Installations,
        switches: Switches,
        config: WixConfig,
    ) -> None:
        self._sites = sites
        self._tokens = tokens
        self._checkouts = checkouts
        self._renewals = renewals
        self._installations = installations
        self._switches = switches
        self._config = config
        self._calls: dict[str, deque[float]] = defaultdict(deque)

    @property
    def _book(self) -> Book:
        return self._sites.book

    def add_to(self, app: web.Application) -> None:
        """The routes below the prefix."""
        for method, path, handler in (
            ("POST", "/oauth2/token", self.token),
            ("POST", "/oauth2/token-info", self.token_info),
            ("GET", "/apps/v1/instance", self._of_site(self._instance)),
            ("POST", "/apps/v1/checkout", self._of_site(self._checkout)),
            ("GET", "/apps/v1/checkout/history", self._of_site(self._history)),
            ("POST", "/apps/v1/bi-event", self._of_site(self._bi_event)),
            ("POST", INSTALLATIONS, self._of_site(self._installations.query)),
        ):
            app.router.add_route(method, PREFIX + path, self._served(handler))

    def _served(self, handler: Handler) -> Handler:
        async def serve(request: web.Request) -> web.StreamResponse:
            return await self._switches.around("wix", request, handler)

        return serve

    async def token(self, request: web.Request) -> web.Response:
        """Client credentials of the app, for one site that has it."""
        given = await _object(request)
        if given.get("grant_type") != "client_credentials":
            return _oauth_error(HTTPStatus.BAD_REQUEST, "unsupported_grant_type", "Use client_credentials.")
        secret = str(given.get("client_secret", ""))
        if given.get("client_id") != self._config.app_id or not hmac.compare_digest(
            secret.encode(), self._config.secret.encode()
        ):
            return _oauth_error(HTTPStatus.UNAUTHORIZED, "invalid_client", "The app id or the app secret is wrong.")
        try:
            site = self._sites.find(str(given.get("instance_id", "")))
        except WixRejectedError:
            return _oauth_error(HTTPStatus.BAD_REQUEST, "invalid_request", "No such app instance.")
        if not site["installed"]:
            return _oauth_error(HTTPStatus.BAD_REQUEST, "invalid_request", "The app is not installed on the site.")
        return web.json_response(
            {"access_token": self._tokens.access_for(site), "token_type": "Bearer", "expires_in": LIFE}
        )

    async def token_info(self, request: web.Request) -> web.Response:
        """The holder of a token."""
        token = (await _object(request)).get("token")
        if not isinstance(token, str) or not token:
            return _error(HTTPStatus.BAD_REQUEST, "INVALID_ARGUMENT", "token is required")
        return web.json_response(self._tokens.info(token))

    def _of_site(self, work: Work) -> Handler:
        """A call with an access token of the app, within the limit of its site."""

        async def answered(request: web.Request) -> web.Response:
            instance = self._tokens.site_of(request.headers.get("Authorization", ""))
            if instance is None:
                return _error(HTTPStatus.UNAUTHORIZED, "UNAUTHENTICATED", "The access token is missing or has expired.")
            if self._is_over_limit(instance):
                return _error(HTTPStatus.TOO_MANY_REQUESTS, "RESOURCE_EXHAUSTED", "Too many requests.")
            self._renewals.catch_up()
            try:
                site = self._sites.find(instance)
                if not site["installed"]:
                    return _error(HTTPStatus.FORBIDDEN, "PERMISSION_DENIED", "The app is not installed.")
                answer = work(site, await _object(request) if request.can_read_body else {})
            except WixRejectedError as error:
                return _error(error.status, error.code, str(error))
            if "checkoutUrl" in answer and "bad_url" in request:
                answer |= {"checkoutUrl": request["bad_url"]}
            return web.json_response(answer)

        return answered

    def _is_over_limit(self, instance: str) -> bool:
        now, calls = time.monotonic(), self._calls[instance]
        while calls and calls[0] <= now - _MINUTE:
            calls.popleft()
        if len(calls) >= self._switches.wix.per_minute:
            return True
        calls.append(now)
        return False

    def _instance(self, site: Document, _body: Document) -> Document:
        return app_instance(site, list(PLANS))

    def _checkout(self, site: Document, body: Document) -> Document:
        if not self._switches.wix.pricing_page:
            raise WixRejectedError(
                "The app has no external pricing page.", status=HTTPStatus.BAD_REQUEST, code="FAILED_PRECONDITION"
            )
        return self._checkouts.open(site, body)

    def _history(self, site: Document, _body: Document) -> Document:
        return {"purchases": [purchase(each) for each in self._sites.invoices_of(site["id"])]}

    def _bi_event(self, site: Document, body: Document) -> Document:
        name = body.get("eventName")
        if name not in _NAMES and not (name == "CUSTOM" and body.get("customEventName")):
            raise WixRejectedError("eventName is not one that is known, or CUSTOM lacks customEventName.")
        self._book.put(
            BI_EVENTS,
            {"id": new_id("bi_"), "instance": site["id"], "name": name, "custom": body.get("customEventName")},
        )
        return {}


async def _object(request: web.Request) -> Document:
    try:
        found = json.loads(await request.text())
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {}


def _error(status: int, code: str, message: str) -> web.Response:
    """As Wix's standard errors are."""
    body = {"message": message, "details": {"applicationError": {"code": code, "description": message, "data": {}}}}
    return web.json_response(body, status=status)


def _oauth_error(status: int, code: str, message: str) -> web.Response:
    """As RFC 6749 has them."""
    return web.json_response({"error": code, "error_description": message}, status=status)
