"""Stripe's API over HTTP: keys, idempotency as Stripe does it, lists."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from aiohttp import BasicAuth, web

from hingecraft_sandbox.providers.book import Book, Document, now
from hingecraft_sandbox.providers.stripe import shapes
from hingecraft_sandbox.providers.stripe.acts import Acts
from hingecraft_sandbox.providers.stripe.expanding import expanded
from hingecraft_sandbox.providers.stripe.forms import StripeRejectedError, checked, tree_of
from hingecraft_sandbox.providers.stripe.objects import Objects, public
from hingecraft_sandbox.providers.stripe.permissions import is_granted, needed_permissions
from hingecraft_sandbox.providers.stripe.session_lines import SessionLines
from hingecraft_sandbox.providers.stripe.subscriptions import OVER
from hingecraft_sandbox.providers.switches import Switches

_LARGEST_PAGE, _USUAL_PAGE = 100, 10
_LONGEST_KEY = 255
ACCOUNT = "acct_sandbox"
_ACCOUNT = web.RequestKey("account", str)
_MOST_TYPES = 20
_KEPT_FOR = 24 * 3600
_SHOWN_BEFORE, _SHOWN_AFTER = 8, 4
_FAILED: Document = {"error": {"type": "api_error", "message": "The sandbox was told to fail, and to keep that."}}
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="Stripe"'}
_NO_KEY = (
    "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth "
    "(e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
)
_NAMES = {
    "checkout/sessions": "sessions", "products": "products", "prices": "prices", "payment_links": "payment_links",
    "payment_intents": "payment_intents", "refunds": "refunds", "events": "events", "charges": "charges",
    "subscriptions": "subscriptions", "invoices": "invoices_of_stripe", "invoice_payments": "invoice_payments",
    "customers": "customers", "disputes": "disputes", "balance_transactions": "balance_transactions",
    "billing_portal/configurations": "portal_configurations",
    "coupons": "coupons", "promotion_codes": "promotion_codes",
}  # fmt: skip

Work = Callable[[Document, str | None], Document]
# Of subscriptions and invoices: the values in the path and the parameters become the answer.
BillingWork = Callable[[Mapping[str, str], Document], Document]
Billing = Sequence[tuple[str, str, BillingWork]]


class StripeApi:
    """`/v1/...`."""

    def __init__(self, acts: Acts, billing: Billing, switches: Switches) -> None:
        self._acts = acts
        self._billing = billing
        self._objects = acts.objects
        self._book = acts.objects.book
        self._switches = switches

    def add_to(self, app: web.Application) -> None:
        """Add the routes of the API."""
        app.router.add_get("/v1/account", self._served(self._account))
        for path, kind in _NAMES.items():
            app.router.add_get(f"/v1/{path}", self._served(self._lister(kind)))
            app.router.add_get(f"/v1/{path}/{{id}}", self._served(self._reader(kind)))
        app.router.add_post("/v1/customers", self._served(self._posted(self._make_customer)))
        for kind in ("products", "prices", "payment_links"):
            app.router.add_post(f"/v1/{kind}", self._served(self._posted(self._maker(kind))))
        for kind in ("products", "prices", "payment_links"):
            app.router.add_post(f"/v1/{kind}/{{id}}", self._served(self._changer(kind)))
        app.router.add_post("/v1/checkout/sessions", self._served(self._post_session))
        app.router.add_post("/v1/checkout/sessions/{id}/expire", self._served(self._post_expire))
        lines = self._asked(SessionLines(self._objects).page)
        app.router.add_get("/v1/checkout/sessions/{id}/line_items", self._served(lines))
        for method, path, work in self._billing:
            wrapped = self._asked(work) if method == "GET" else self._keyed(work)
            app.router.add_route(method, path, self._served(wrapped))
        app.router.add_post("/v1/refunds", self._served(self._posted(self._refund)))

    def _served(self, handler: Callable[[web.Request], Any]) -> Any:
        async def answered(request: web.Request) -> web.StreamResponse:
            try:
                key = self._authenticate(request)
                if key in self._switches.permissions:
                    await self._require_permissions(request, key)
                response: web.StreamResponse = await handler(request)
            except StripeRejectedError as error:
                challenge = _CHALLENGE if error.status == HTTPStatus.UNAUTHORIZED else None
                response = web.json_response(error.body, status=error.status, headers=challenge)
            return response

        async def serve(request: web.Request) -> web.StreamResponse:
            return await self._switches.around("stripe", request, answered)

        return serve

    def _authenticate(self, request: web.Request) -> str:
        key = _key_of(request)
        if key is None:
            raise StripeRejectedError(_NO_KEY, status=HTTPStatus.UNAUTHORIZED)
        if not key.startswith(("sk_test_", "rk_test_")):
            raise StripeRejectedError(
                f"Invalid API Key provided: {_hidden(key)}. The sandbox takes test keys (sk_test_...) only.",
                status=HTTPStatus.UNAUTHORIZED,
            )
        self._switches.keys[key] += 1
        if key in self._switches.revoked:
            raise StripeRejectedError(
                f"Expired API Key provided: {_hidden(key)}", status=HTTPStatus.UNAUTHORIZED, code="api_key_expired"
            )
        request[_ACCOUNT] = self._switches.accounts.get(key, ACCOUNT)
        return key

    async def _require_permissions(self, request: web.Request, key: str) -> None:
        """Stripe checks these before anything else, and names the first that is missing."""
        sent = request.query if request.method in {"GET", "DELETE"} else await request.post()
        params = tree_of((name, str(value)) for name, value in sent.items())
        needed = needed_permissions(request.method, request.path, params)
        self._switches.needed[key].update(needed)
        missing = next((each for each in needed if not is_granted(each, self._switches.permissions[key])), None)
        if missing is not None:
            raise StripeRejectedError(
                f"The provided key '{_hidden(key)}' does not have the required permissions for this endpoint on "
                f"account '{request[_ACCOUNT]}'. Having the '{missing}' permission would allow this request to "
                "continue.",
                status=HTTPStatus.FORBIDDEN,
            )

    def _seen_by(self, request: web.Request) -> Objects:
        """Hide all objects from keys of another account."""
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
            _reject_types(params)
            page = _page(request.path, kind, self._seen_by(request).book, params)
            return web.json_response(expanded(self._book, page, params))

        return listed

    def _maker(self, kind: str) -> Work:
        return lambda params, _bad_url: self._objects.make(kind, params)

    def _make_customer(self, params: Document, _bad_url: str | None) -> Document:
        made = self._objects.make("customers", params)
        self._acts.note("customer.created", made)
        return made

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

    def _asked(self, work: BillingWork) -> Any:
        async def asked(request: web.Request) -> web.Response:
            params = tree_of(request.query.items())
            answer = public(work(request.match_info, params))
            return web.json_response(expanded(self._book, answer, params))

        return asked

    def _keyed(self, work: BillingWork) -> Any:
        async def keyed(request: web.Request) -> web.Response:
            return await self._once(request, lambda params, _bad: work(request.match_info, params))

        return keyed

    async def _post_session(self, request: web.Request) -> web.Response:
        return await self._once(request, lambda params, bad: self._objects.make_session(params, bad_url=bad))

    async def _post_expire(self, request: web.Request) -> web.Response:
        key = request.match_info["id"]

        def expire(params: Document, _bad_url: str | None) -> Document:
            checked(params, shapes.EXPIRE)
            return self._acts.expire(key)

        return await self._once(request, expire)

    async def _once(self, request: web.Request, work: Work) -> web.Response:
        """Repeat the answer to the same key and parameters. A call that was rejected at once has none to repeat."""
        pairs = [(name, str(value)) for name, value in (await request.post()).items()]
        if self._seen_by(request) is not self._objects:
            customer = dict(pairs).get("customer")
            if customer is not None:
                raise StripeRejectedError(f"No such customer: '{customer}'", code="resource_missing", param="customer")
            raise StripeRejectedError("The sandbox makes nothing in a second account.")
        key = request.headers.get("Idempotency-Key")
        if key is None:
            answer, status = self._answer(work, pairs, request)
            return web.json_response(answer, status=status)
        if not 0 < len(key) <= _LONGEST_KEY:
            raise StripeRejectedError("Idempotency keys take 255 characters.")
        said = hashlib.sha256(json.dumps([request.path, sorted(pairs)]).encode()).hexdigest()
        kept = self._book.get("keys", key)
        if kept is not None and kept["created"] > now() - _KEPT_FOR:
            return _replayed(kept, said)
        answer, status = self._answer(work, pairs, request)
        self._book.put("keys", {"id": key, "said": said, "answer": answer, "status": status, "created": now()})
        return web.json_response(answer, status=status)

    def _answer(self, work: Work, pairs: list[tuple[str, str]], request: web.Request) -> tuple[Document, int]:
        if "kept_status" in request:
            return _FAILED, request["kept_status"]
        params = tree_of(pairs)
        return expanded(self._book, public(work(params, request.get("bad_url"))), params), HTTPStatus.OK


def _key_of(request: web.Request) -> str | None:
    """The key as a bearer token or, as with `curl -u`, as the user of Basic authentication."""
    header = request.headers.get("Authorization", "")
    scheme, _, given = header.partition(" ")
    if scheme.casefold() != "basic":
        return given.strip() or None if scheme.casefold() == "bearer" else None
    try:
        return BasicAuth.decode(header).login or None
    except ValueError:
        return None


def _hidden(key: str) -> str:
    """A key as Stripe's errors show it: its kind and its last four characters."""
    if len(key) <= _SHOWN_BEFORE + _SHOWN_AFTER:
        return "*" * len(key)
    return f"{key[:_SHOWN_BEFORE]}{'*' * len(key[_SHOWN_BEFORE:-_SHOWN_AFTER])}{key[-_SHOWN_AFTER:]}"


def _replayed(kept: Document, said: str) -> web.Response:
    if kept["said"] != said:
        raise StripeRejectedError(
            "Keys for idempotent requests can only be used with the same parameters they were first used with.",
            kind="idempotency_error",
        )
    status = kept.get("status", HTTPStatus.OK)
    return web.json_response(kept["answer"], status=status, headers={"Idempotent-Replayed": "true"})


def _reject_types(params: Document) -> None:
    """Events are listed by one type or by up to twenty."""
    types = params.get("types", [])
    if len(types) > _MOST_TYPES or (types and "type" in params):
        raise StripeRejectedError(f"Give either type or at most {_MOST_TYPES} types.", param="types")


def _page(path: str, kind: str, book: Book, params: Document) -> Document:
    wanted = book.all(kind, lambda document: not document.get("deleted") and _matches(document, params))
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
        "active",
        "code",
        "product",
        "charge",
        "type",
        "source",
        "customer",
        "invoice",
    )
    payment = params.get("payment", {})
    types = params.get("types")
    return (
        all(document["payment"].get(name) == payment[name] for name in payment)
        and _has_status(document, params.get("status"))
        and params.get("subscription") in {None, _subscription_of(document)}
        and all(document.get(name) == params[name] for name in plain if name in params)
        and ("ids" not in params or document["id"] in params["ids"])
        and (keys is None or document.get("lookup_key") in keys)
        and (types is None or document.get("type") in types)
        and when.get("gte", made) <= made <= when.get("lte", made)
        and when.get("gt", made - 1) < made < when.get("lt", made + 1)
    )


def _has_status(document: Document, status: str | None) -> bool:
    """Subscriptions that have ended are listed only when they are asked for."""
    if document.get("object") != "subscription":
        return status is None or document.get("status") == status
    if status == "ended":
        return document["status"] in OVER
    return status == "all" or (document["status"] != "canceled" if status is None else document["status"] == status)


def _subscription_of(document: Document) -> str | None:
    parent = document.get("parent") or {}
    return (parent.get("subscription_details") or {}).get("subscription")
