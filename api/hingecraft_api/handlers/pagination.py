"""Keyset pagination, by numbers or by time and id, with a cursor that clients only pass on."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from hingecraft.errors import InvalidError
from hingecraft.payments.history import Position
from hingecraft_api.messages.bodies import Input
from hingecraft_api.messages.described import described
from hingecraft_api.messages.sentences import Shape

LARGEST_PAGE = 200
USUAL_PAGE = 50
NOT_A_CURSOR = "must be the nextCursor of the previous page"
CURSOR = "MjAyNi0xMS0yNlQwNjowMDowMCswMDowMHw"


class PageQuery(Input):
    """A page of what is numbered."""

    cursor: Annotated[
        Annotated[str, Shape("^[0-9]{1,18}$", NOT_A_CURSOR)] | None,
        described("`nextCursor` of the previous page; leave it out for the first page"),
    ] = None
    limit: Annotated[int, described("how many items", USUAL_PAGE, ge=1, le=LARGEST_PAGE, strict=False)] = USUAL_PAGE


class CursorQuery(Input):
    """A page of what has a time."""

    cursor: Annotated[
        Annotated[str, Shape("^[A-Za-z0-9_-]{1,200}$", NOT_A_CURSOR)] | None,
        described("`nextCursor` of the previous page; leave it out for the first page"),
    ] = None
    limit: Annotated[int, described("how many items", USUAL_PAGE, ge=1, le=LARGEST_PAGE, strict=False)] = USUAL_PAGE

    @property
    def after(self) -> Position | None:
        """The end of the previous page; raises `invalid_cursor`."""
        return None if self.cursor is None else _decoded(self.cursor)


def cursor_of(place: Position | None) -> str | None:
    """The cursor for the next page; None: this is the last."""
    if place is None:
        return None
    text = f"{place.created_at.isoformat()}|{place.id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decoded(cursor: str) -> Position:
    try:
        moment, _, name = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition("|")
        created_at = datetime.fromisoformat(moment)
        if created_at.tzinfo is not None:
            return Position(created_at.astimezone(UTC), UUID(name))
    except (ValueError, OverflowError, binascii.Error):
        pass  # answered like a cursor without a time zone
    raise InvalidError("invalid_cursor", "Send the nextCursor of the previous page.", fields={"cursor": NOT_A_CURSOR})
