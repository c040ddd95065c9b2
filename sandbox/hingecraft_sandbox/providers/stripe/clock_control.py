"""`/_sandbox/clock`: shows and moves the clock of subscriptions, at Stripe and at Wix."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from hingecraft_sandbox.providers.stripe.clock import Clock
from hingecraft_sandbox.providers.stripe.forms import StripeRejectedError
from hingecraft_sandbox.providers.stripe.periods import DAY, HOUR, months_after
from hingecraft_sandbox.providers.stripe.renewals import Renewals


class Move(BaseModel):
    """To a moment, or by a time."""

    model_config = ConfigDict(extra="forbid")

    at: AwareDatetime | None = None
    months: Annotated[int, Field(ge=0, le=120)] = 0
    days: Annotated[int, Field(ge=0, le=3660)] = 0
    hours: Annotated[int, Field(ge=0, le=100_000)] = 0
    seconds: Annotated[int, Field(ge=0, le=10_000_000)] = 0

    def end(self, now: int) -> int:
        """The moment it leads to."""
        start = now if self.at is None else int(self.at.timestamp())
        return months_after(start, self.months) + self.days * DAY + self.hours * HOUR + self.seconds


class ClockControl:
    """For tests, for `make dev` and for people with curl."""

    def __init__(self, clock: Clock, renewals: Renewals, afterwards: Callable[[], None]) -> None:
        self._clock = clock
        self._renewals = renewals
        self._afterwards = afterwards

    def add_to(self, app: web.Application) -> None:
        """The routes of the clock."""
        app.router.add_get("/_sandbox/clock", self.show)
        app.router.add_put("/_sandbox/clock", self.move)

    async def show(self, _request: web.Request) -> web.Response:
        """The moment that subscriptions live in."""
        moment = datetime.fromtimestamp(self._clock.now(), UTC)
        return web.json_response({"now": moment.isoformat(), "unix": int(moment.timestamp())})

    async def move(self, request: web.Request) -> web.Response:
        """Move it: {"months": 1}, {"hours": 2}, or {"at": "2027-01-31T10:00:00Z"}; what is due until then happens."""
        try:
            move = Move.model_validate_json(await request.text())
            self._renewals.advance(move.end(self._clock.now()))
            self._afterwards()
        except ValidationError as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        except StripeRejectedError as error:
            raise web.HTTPConflict(text=str(error)) from None
        return await self.show(request)
