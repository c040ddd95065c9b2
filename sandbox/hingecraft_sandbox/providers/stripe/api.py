"""Stripe's API over HTTP: keys, idempotency as Stripe does it, lists."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from aiohttp import web

from hingecraft_sandbox.providers.book import Book, Document, now
from hingecraft_sandbox.providers.stripe import shapes
from hingecraft_sandbox.providers.stripe.acts import Acts
from hingecraft_sandbox.providers.stripe.expanding import expanded
from hingecraft_sandbox.providers.stripe.forms import StripeRefusalError, checked, tree_of
from hingecraft_sandbox.providers.stripe.objects import Objects, public
from hingecraft_sandbox.providers.stripe.subscriptions import Subscriptions
from hingecraft_sandbox.providers.switches import Switches

_LARGEST_PAGE, _USUAL_PAGE = 100, 10
_LONGEST_KEY = 255
ACCOUNT = "acct_sandbox"
_ACCOUNT = web.RequestKey("account", str)
_MOST_TYPES = 20
_KEPT_FOR = 24 * 3600
_NAMES = {
    "checkout/sessions": "sessions", "products": "products", "prices": "prices", "payment_links": "payment_links",
    "payment_intents": "payment_intents", "refunds": "refunds", "events": "events", "charges": "charges",
    "subscriptions": "subscriptions", "invoices": "invoices_of_stripe", "invoice_payments": "invoice_payments",
    "customers": "customers", "disputes": "disputes", "balance_transactions": "balance_transactions",
}  # fmt: skip

Work = Callable[[Document, str | None], Document]


class StripeApi:
    """`/v1/...`."""

    def __init__(self, acts: Acts, subscriptions: Subscriptions, switches: Switches) -> None:
        self._acts = acts
        self._subscriptions = subscriptions
        self._objects = acts.objects
        self._book = acts.objects.book
        self._switches = switches

    def add_to(self, app: web.Application) -> None:
        """All addresses."""
        app.router.add_get("/v1/account", self._served(self._account))
        for path, kind in _NAMES.items():
            app.router.add_get(f"/v1/{path}", self._served(self._lister(kind)))
            app.router.add_get(f"/v1/{path}/{{id}}", self._served(self._reader(kind)))
        for kind in ("products", "prices", "payment_links", "customers"):
            app.router.add_post(f"/v1/{kind}", self._served(self._posted(self._maker(kind))))
        for kind in ("products", "prices", "payment_links"):
            app.router.add_post(f"/v1/{kind}/{{id}}", self._served(self._changer(kind)))
        app.router.add_post("/v1/checkout/sessions", self._served(self._post_session))
        app.router.add_post("/v1/checkout/sessions/{id}/expire", self._served(self._post_expire))
        app.router.add_post("/v1/subscriptions/{id}", self._served(self._change_subscription))
        app.router.add_delete("/v1/subscriptions/{id}", self._served(self._cancel_subscription))
        app.router.add_post("/v1/refunds", self._served(self._posted(self._refund)))

    def _served(self, handler: Callable[[web.Request], Any]) -> Any:
        async def answered(request: web.Request) -> web.StreamResponse:
            try:
                self._authenticate(request)
                response: web.StreamResponse = await handler(request)
            except StripeRefusalError as error:
                response = web.json_response(error.body, status=error.status)
            return response

        async def serve(request: web.Request) -> web.StreamResponse:
            return await self._switches.around("stripe", request, answered)

        return serve

    def _authenticate(self, request: web.Request) -> None:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not key.startswith(("sk_test_", "rk_test_")):
            raise StripeRefusalError(
                "Invalid API Key provided: the sandbox takes test keys (sk_test_...) only.",
                status=HTTPStatus.UNAUTHORIZED,
            )
        self._switches.keys[key] += 1
        if key in self._switches.revoked:
            raise StripeRefusalError("Expired API Key provided.", status=HTTPStatus.UNAUTHORIZED)
        request[_ACCOUNT] = self._switches.accounts.get(key, ACCOUNT)

    def _seen_by(self, request: web.Request) -> Objects:
        """Another account sees nothing of what is kept here."""
        return self._objects if request[_ACCOUNT] == ACCOUNT else Objects(Book(), "")

    async def _account(self, request: web.Request) -> web.Response:
        return web.json_response({"id": request[_ACCOUNT], "object": "account", "type": "standard"})

    def _reader(self, kind: str) -> Any:
        async def read(request: web.Request) -> web.Response:
            params = checked(tree_of(request.query.items()), shapes.READ)
            found = public(self._seen_by(request).find(kind, request.match_info["id"]))
            return web.json_response(expanded(self._book, found, params))

        return read

    def _lister(self, kind: str) -> Any:
        async def listed(request: web.Request) -> web.Response:
            params = checked(tree_of(request.query.items()), shapes.LISTS.get(kind, shapes.READ))
            _refuse_types(params)
            page = _page(request.path, self._seen_by(request).book.all(kind), params)
            return web.json_response(expanded(self._book, page, params))

        return listed

    def _maker(self, kind: str) -> Work:
        return lambda params, _bad_url: self._objects.make(kind, params)

    def _changer(self, kind: str) -> Any:
        async def changed(request: web.Request) -> web.Response:
            key = request.match_info["id"]
            return await self._once(request, lambda params, _bad: self._objects.change(kind, key, params))

        return changed

    def _posted(self, work: Work) -> Any:
        async def posted(request: web.Request) -> web.Response:
            return await self._once(request, work)

        return posted

    def _refund(self, params: Document, _bad_url: str | None) -> Document:
        return self._acts.refund(checked(params, shapes.REFUND))

    async def _change_subscription(self, request: web.Request) -> web.Response:
        key = request.match_info["id"]
        return await self._once(request, lambda params, _bad: self._subscriptions.change(key, params))

    async def _cancel_subscription(self, request: web.Request) -> web.Response:
        key = request.match_info["id"]
        return await self._once(request, lambda _params, _bad: self._subscriptions.cancel(key))

    async def _post_session(self, request: web.Request) -> web.Response:
        return await self._once(request, lambda params, bad: self._objects.make_session(params, bad_url=bad))

    async def _post_expire(self, request: web.Request) -> web.Response:
        key = request.match_info["id"]

        def expire(params: Document, _bad_url: str | None) -> Document:
            checked(params, shapes.EXPIRE)
            return self._acts.expire(key)

        return await self._once(request, expire)

    async def _once(self, request: web.Request, work: Work) -> web.Response:
        """The same key and parameters: the same answer. What was refused before anything was done is not kept."""
        if self._seen_by(request) is not self._objects:
            raise StripeRefusalError("The sandbox makes nothing in a second account.")
        pairs = [(name, str(value)) for name, value in (await request.post()).items()]
        key = request.headers.get("Idempotency-Key")
        if key is None:
            return web.json_response(public(work(tree_of(pairs), request.get("bad_url"))))
        if not 0 < len(key) <= _LONGEST_KEY:
            raise StripeRefusalError("Idempotency keys take 255 characters.")
        said = hashlib.sha256(json.dumps([request.path, sorted(pairs)]).encode()).hexdigest()
        kept = self._book.get("keys", key)
        if kept is not None and kept["created"] > now() - _KEPT_FOR:
            return _replayed(kept, said)
        answer = public(work(tree_of(pairs), request.get("bad_url")))
        self._book.put("keys", {"id": key, "said": said, "answer": answer, "created": now()})
        return web.json_response(answer)


def _replayed(kept: Document, said: str) -> web.Response:
    if kept["said"] != said:
        raise StripeRefusalError(
            "Keys for idempotent requests can only be used with the same parameters they were first used with.",
            kind="idempotency_error",
        )
    return web.json_response(kept["answer"], headers={"Idempotent-Replayed": "true"})


def _refuse_types(params: Document) -> None:
    """Events are listed by one type or by up to twenty."""
    types = params.get("types", [])
    if len(types) > _MOST_TYPES or (types and "type" in params):
        raise StripeRefusalError(f"Give either type or at most {_MOST_TYPES} types.", param="types")


def _page(path: str, documents: list[Document], params: Document) -> Document:
    wanted = [document for document in documents if _matches(document, params)]
    after = params.get("starting_after")
    if after is not None:
        ids = [document["id"] for document in wanted]
        wanted = wanted[ids.index(after) + 1 :] if after in ids else []
    limit = min(params.get("limit", _USUAL_PAGE), _LARGEST_PAGE)
    data = [public(document) for document in wanted[:limit]]
    return {"object": "list", "url": path, "has_more": len(wanted) > limit, "data": data}


def _matches(document: Document, params: Document) -> bool:
    keys = params.get("lookup_keys")
    made, when = document.get("created", 0), params.get("created", {})
    plain = (
        "payment_intent",
        "payment_link",
        "status",
        "active",
        "product",
        "charge",
        "type",
        "source",
        "customer",
        "invoice",
    )
    intent = params.get("payment", {}).get("payment_intent")
    types = params.get("types")
    return (
        (intent is None or document.get("payment_intent") == intent)
        and all(document.get(name) == params[name] for name in plain if name in params)
        and (keys is None or document.get("lookup_key") in keys)
        and (types is None or document.get("type") in types)
        and when.get("gte", made) <= made <= when.get("lte", made)
        and when.get("gt", made - 1) < made < when.get("lt", made + 1)
    )
