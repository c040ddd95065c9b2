"""The app's plans in Wix's developer center, with their prices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# The months of each billing cycle that renews.
MONTHS: Mapping[str, int] = {
    "MONTHLY": 1,
    "YEARLY": 12,
    "TWO_YEARS": 24,
    "THREE_YEARS": 36,
    "FOUR_YEARS": 48,
    "FIVE_YEARS": 60,
}
CYCLES = ("MONTHLY", "YEARLY")
CURRENCY = "USD"
# Free trials at Wix last two weeks.
TRIAL_DAYS = 14


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan, its product id, and its price per month in US dollars; a year costs ten months."""

    product: str
    name: str
    monthly: int

    def price(self, cycle: str) -> str:
        """The price of one cycle, as Wix writes it."""
        months = MONTHS.get(cycle, 1)
        return f"{self.monthly * (months if months == 1 else months * 10 // 12)}.00"


PLANS: Mapping[str, Plan] = {
    plan.product: plan
    for plan in (
        Plan("starter", "Starter", 9),
        Plan("pro", "Pro", 29),
        Plan("agency", "Agency", 79),
        # Somebody has added it in the developer center, and our table of plans does not have it.
        Plan("gold-2026", "Gold (the backend does not know it)", 49),
    )
}
