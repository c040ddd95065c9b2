"""The credits that refunds and disputes take back, and that failed refunds and won disputes give back. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from hingecraft.payments.model import Settled

INCOME = frozenset({"charge", "manual", "opening"})
_BACK = frozenset({"refund", "refund_reversal", "dispute", "dispute_reversal"})
_REVERSAL = "_reversal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """A grant in the ledger, and how much of it has been taken back so far."""

    id: int
    user_id: UUID
    credits: int
    reason: str
    plan_type: str | None = None
    price_id: str | None = None
    taken: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The change of one grant that one movement of money causes; negative: credits are taken."""

    granted: Granted
    kind: str
    movement: str
    delta: int

    @property
    def ref(self) -> str:
        """Names what may happen only once."""
        return f"{self.kind}:{self.movement}/{self.granted.id}"

    @property
    def reason(self) -> str:
        """The reason in the ledger, such as `refund_quick_scan_purchase`, and `_reversal` if it gives credits back."""
        what = self.kind.removesuffix(_REVERSAL)
        return f"{what}_{self.granted.reason}{_REVERSAL if self.kind.endswith(_REVERSAL) else ''}"


def taken_of(granted: int, settled: Iterable[Settled]) -> int:
    """How much of a grant these movements take: `floor(granted x (refunded + disputed - failed - won) / paid)`."""
    movements = list(settled)
    currency = next((each.currency for each in movements if each.kind in INCOME), None)
    same = [each for each in movements if each.currency == currency]
    paid = sum((each.amount for each in same if each.kind in INCOME), Decimal(0))
    back = -sum((each.amount for each in same if each.kind in _BACK), Decimal(0))
    if paid <= 0 or back <= 0:
        return 0
    return min(granted, int(Fraction(granted) * Fraction(back) / Fraction(paid)))


def changes_of(grants: Sequence[Granted], before: Sequence[Settled], moved: Sequence[Settled]) -> Iterator[Change]:
    """One change for each grant and each movement after which another total is taken."""
    for granted in grants:
        taken = granted.taken
        for number, movement in enumerate(moved, 1):
            if movement.kind not in _BACK:
                continue
            total = taken_of(granted.credits, [*before, *moved[:number]])
            if total != taken:
                yield Change(granted=granted, kind=movement.kind, movement=movement.ref, delta=taken - total)
                taken = total
