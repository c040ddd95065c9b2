"""Shared by the calls of the owner's dashboard."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hingecraft.identity.principal import Actor, Kind
from hingecraft_api.messages.answers import Answer, quantity
from hingecraft_api.messages.bodies import wrong_field
from hingecraft_api.messages.described import described
from hingecraft_api.messages.sentences import Shape
from hingecraft_api.web.call import Call
from hingecraft_api.web.endpoint import Endpoint

TAG = "Wix dashboard"
_NOT_A_DAY = "must be a day, such as 2026-11-27"
_NOT_A_ZONE = "must be a time zone, such as Europe/Berlin"

Day = Annotated[str, Shape("^[0-9]{4}-[0-9]{2}-[0-9]{2}$", _NOT_A_DAY)]
Zone = Annotated[str, Shape("^[A-Za-z][A-Za-z0-9_+/-]{1,63}$", _NOT_A_ZONE)]
Mode = Literal["live", "test"]
Number = float | str

ZONE = described("the time zone of the days, by its name in IANA's table", "Europe/Berlin")
AMOUNT_OF_COINS = "a number; a quantity of coins is text"


def owners(method: str, path: str, handler: Any, summary: str, answer: type[Answer] | None, **more: Any) -> Endpoint:
    """An endpoint that only a site of `WIX_OWNER_INSTANCES` may call."""
    errors = ("database_unavailable", *more.pop("errors", ()))
    return Endpoint(
        method=method,
        path=f"/api/v1/wix/{path}",
        handler=handler,
        summary=summary,
        tag=TAG,
        answer=answer,
        errors=errors,
        access=(Kind.WIX_OWNER,),
        **more,
    )


def actor_of(call: Call) -> Actor:
    """The site, in the audit log."""
    return Actor(name=call.principal.actor, request_id=call.request_id)


def day_of(name: str, text: str | None) -> date | None:
    """A day of the query."""
    try:
        return date.fromisoformat(text) if text is not None else None
    except ValueError:
        raise wrong_field("invalid_request", name, _NOT_A_DAY) from None


def zone_of(text: str) -> str:
    """A zone of the query."""
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise wrong_field("invalid_request", "zone", _NOT_A_ZONE) from None
    return text


def livemode_of(mode: Mode | None) -> bool | None:
    """None: nothing was asked for."""
    return mode == "live" if mode is not None else None


def mode_of(livemode: bool) -> Mode:  # noqa: FBT001 - a word for a flag
    """As it is answered."""
    return "live" if livemode else "test"


def amount_in(call: Call, code: str | None, amount: Any) -> Any:
    """An amount in a currency that may be unknown by now."""
    if amount is None:
        return None
    return quantity(call.pod.currencies.table.by_code.get(code or ""), amount) if amount.is_finite() else None
