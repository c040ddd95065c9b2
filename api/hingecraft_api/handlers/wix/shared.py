"""Shared by the calls of the owner's dashboard."""

from __future__ import annotations

from typing import Any, Literal

from hingecraft.identity.principal import Actor, Kind
from hingecraft_api.messages.answers import Answer, quantity
from hingecraft_api.web.call import Call
from hingecraft_api.web.endpoint import Endpoint

TAG = "Wix dashboard"
Mode = Literal["live", "test"]
Number = float | str

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


def livemode_of(mode: Mode | None) -> bool | None:
    """Whether live payments are wanted; None if the caller did not say."""
    return mode == "live" if mode is not None else None


def mode_of(livemode: bool) -> Mode:  # noqa: FBT001 - a word for a flag
    """The mode as answers name it."""
    return "live" if livemode else "test"


def amount_in(call: Call, code: str | None, amount: Any) -> Any:
    """An amount in a currency that may be unknown by now."""
    if amount is None:
        return None
    return quantity(call.pod.currencies.table.by_code.get(code or ""), amount) if amount.is_finite() else None
