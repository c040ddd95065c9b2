"""The bounds that hold for every way to give."""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field

from hingecraft.settings import Settings


class AmountSettings(Settings):
    """Read by the API, and by whatever makes standing links."""

    amount_min: Decimal | None = Field(
        None, description="the least that is taken, in USD; other currencies in proportion; never below the seed", gt=0
    )
    amount_max: Decimal | None = Field(
        None, description="the most that is taken, in USD; other currencies in proportion; never above the seed", gt=0
    )
