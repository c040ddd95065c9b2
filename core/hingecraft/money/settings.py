"""The bounds for all ways to give."""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field

from hingecraft.settings import Settings


class AmountSettings(Settings):
    """The settings of the API, and of commands that create standing links."""

    amount_min: Decimal | None = Field(
        None,
        description="minimum donation in USD; other currencies in proportion; cannot go below the built-in minimum",
        gt=0,
    )
    amount_max: Decimal | None = Field(
        None,
        description="maximum donation in USD; other currencies in proportion; cannot exceed the built-in maximum",
        gt=0,
    )
