"""The errors for currencies that we do not accept."""

from __future__ import annotations

from hingecraft.errors import InvalidError
from hingecraft.money.normalise import CurrencyTable

_LISTED = "GET /config lists the supported codes."


def unknown_currency(field: str) -> InvalidError:
    """The text names no currency."""
    return InvalidError("unknown_currency", f"Unknown currency. {_LISTED}", fields={field: "is not a known currency"})


def refuse_unsupported(table: CurrencyTable, field: str, typed: str) -> None:
    """A real currency that cannot be given in must not be taken for dollars."""
    named = table.unsupported(typed)
    if named is not None:
        raise InvalidError(
            "unsupported_currency",
            f"{named.name} ({named.code}) is not supported. {_LISTED}",
            fields={field: "is not supported"},
        )
