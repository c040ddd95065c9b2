"""`/stripe.js`: a stand-in for Stripe.js, its frames, and the calls that they make with a client secret."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hingecraft_sandbox.providers.book import Document
from hingecraft_sandbox.providers.stripe.acts import Acts
from hingecraft_sandbox.providers.stripe.card_payments import CardPayments
from hingecraft_sandbox.providers.stripe.forms import StripeRejectedError
from hingecraft_sandbox.providers.stripe.intent_shapes import KIND, as_browsers_see
from hingecraft_sandbox.providers.switches import Switches

_FILES = Path(__file__).with_name("js")
_TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html"}
# The frames run and call only the sandbox; any page may embed them.
_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'"
# Stripe's test cards, and what becomes of an intent that is confirmed with one.
_CARDS = {
    "4242424242424242": "pay",
    "5555555555554444": "pay",
    "4000000000000002": "fail",
    "4000002500003155": "authenticate",
}
_CVC_DIGITS = 3
_NO_TEST_CARD = {
    "type": "card_error",
    "code": "card_declined",
    "decline_code": "test_mode_live_card",
    "message": "Your card was declined. Your request was in test mode, but used a non test card.",
}
_INVALID_SECRET = "payment_intent_invalid_parameter"  # noqa: S105 - the code of an error


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")

    key: str
    client_secret: str


class _Card(BaseModel):
    model_config = ConfigDict(extra="forbid")

    number: Annotated[str, Field(pattern=r"^\d{12,19}$")]
    exp_month: Annotated[int, Field(ge=1, le=12)]
    exp_year: Annotated[int, Field(ge=2000, le=2099)]
    cvc: Annotated[str, Field(pattern=r"^\d{3,4}$")]


class _Confirmation(_Strict):
    card: _Card
    return_url: str | None = None


class _Authentication(_Strict):
    passed: bool


_Asked = TypeVar("_Asked", bound=_Strict)


class StripeJs:
    """Serves the script and its frames, and confirms intents as a browser may."""

    def __init__(self, acts: Acts, cards: CardPayments, switches: Switches) -> None:
        self._objects = acts.objects
        self._cards = cards
        self._switches = switches

    def add_to(self, app: web.Application) -> None:
        """The routes of the script, its frames and their calls."""
        app.router.add_get("/stripe.js", _script)
        app.router.add_get("/stripe.js/payment_intents/{id}", self._served(self._read))
        app.router.add_post("/stripe.js/payment_intents/{id}/confirm", self._served(self._confirm))
        app.router.add_post("/stripe.js/payment_intents/{id}/authenticate", self._served(self._authenticate))
        app.router.add_get("/stripe.js/{name}", _file)

    def _served(self, work: Callable[[web.Request], Awaitable[Document]]) -> Any:
        async def answered(request: web.Request) -> web.StreamResponse:
            try:
                return web.json_response(as_browsers_see(await work(request)))
            except StripeRejectedError as error:
                return web.json_response(error.body, status=error.status)

        async def serve(request: web.Request) -> web.StreamResponse:
            return await self._switches.around("stripe", request, answered)

        return serve

    async def _read(self, request: web.Request) -> Document:
        return self._intent(request, _checked(_Strict, dict(request.query)))

    async def _confirm(self, request: web.Request) -> Document:
        asked = _checked(_Confirmation, await _body(request))
        intent_id = self._intent(request, asked)["id"]
        _require_usable(asked.card)
        step = _CARDS.get(asked.card.number)
        done = self._cards.steps[step](intent_id) if step else self._cards.decline(intent_id, _NO_TEST_CARD)
        return _unless_failed(done)

    async def _authenticate(self, request: web.Request) -> Document:
        asked = _checked(_Authentication, await _body(request))
        intent_id = self._intent(request, asked)["id"]
        return _unless_failed(self._cards.authenticate(intent_id, passed=asked.passed))

    def _intent(self, request: web.Request, asked: _Strict) -> Document:
        """The intent, if the caller has its client secret."""
        if not asked.key.startswith("pk_test_"):
            raise StripeRejectedError("Invalid API Key provided.", status=HTTPStatus.UNAUTHORIZED)
        intent = self._objects.find(KIND, request.match_info["id"])
        if intent["client_secret"] != asked.client_secret:
            raise StripeRejectedError(
                "The client_secret provided does not match the client_secret associated with this PaymentIntent.",
                code=_INVALID_SECRET,
                param="client_secret",
            )
        return intent


def _unless_failed(intent: Document) -> Document:
    """An attempt that failed is an error, which contains the intent as it is now."""
    error = intent["last_payment_error"]
    if error is None or intent["status"] != "requires_payment_method":
        return intent
    details = {name: value for name, value in error.items() if name not in {"type", "message", "code"}}
    status = HTTPStatus.PAYMENT_REQUIRED if error["type"] == "card_error" else HTTPStatus.BAD_REQUEST
    raise StripeRejectedError(
        error["message"], status=status, code=error["code"], kind=error["type"],
        payment_intent=as_browsers_see(intent), **details,
    )  # fmt: skip


def _require_usable(card: _Card) -> None:
    today = datetime.now(UTC)
    if (card.exp_year, card.exp_month) < (today.year, today.month):
        raise _card_error("Your card's expiration year is invalid.", "invalid_expiry_year", "exp_year")
    if len(card.cvc) != _CVC_DIGITS:
        raise _card_error("Your card's security code is invalid.", "invalid_cvc", "cvc")


def _card_error(message: str, code: str, param: str) -> StripeRejectedError:
    return StripeRejectedError(message, status=HTTPStatus.PAYMENT_REQUIRED, code=code, param=param, kind="card_error")


async def _body(request: web.Request) -> Any:
    try:
        return await request.json()
    except ValueError:
        raise StripeRejectedError("Send a JSON object.") from None


def _checked(model: type[_Asked], given: Any) -> _Asked:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        param = ".".join(map(str, first["loc"])) or "body"
        # Without what was entered, which may be the number of a card.
        raise StripeRejectedError(f"Invalid {param}: {first['msg']}.", param=param) from None


async def _script(_request: web.Request) -> web.StreamResponse:
    return _served_file("stripe.js")


async def _file(request: web.Request) -> web.StreamResponse:
    return _served_file(request.match_info["name"])


def _served_file(name: str) -> web.StreamResponse:
    path = _FILES / name
    if path.parent != _FILES or path.suffix not in _TYPES or not path.is_file():
        raise web.HTTPNotFound(text="The sandbox's Stripe.js has no such file.")
    headers = {"Cache-Control": "no-store", "Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff"}
    text = path.read_text(encoding="utf-8")
    return web.Response(text=text, content_type=_TYPES[path.suffix], charset="utf-8", headers=headers)
