"""What a finding means for a payment: the money that is new, and the moves that follow. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID

from hingecraft.errors import HingecraftError
from hingecraft.payments.model import MOVES, Status
from hingecraft.providers.findings import Finding, Money, NotYetError, Price, Stands

SETTLED = frozenset({Status.COMPLETED, Status.PARTIALLY_REFUNDED, Status.REFUNDED, Status.DISPUTED})
_INCOME = frozenset({"charge", "manual", "opening"})
_REFUNDS = frozenset({"refund", "refund_reversal"})
_DISPUTES = frozenset({"dispute", "dispute_reversal"})
_ENDED = {Stands.FAILED: Status.FAILED, Stands.EXPIRED: Status.EXPIRED, Stands.MISSING: Status.ERROR}
_ON_THE_WAY = SETTLED | {Status.UNKNOWN}
_CENT_OF_A_CENT = Decimal("0.00000001")


class AskFirstError(HingecraftError):
    """What was told is not enough: the provider has to be asked."""


class UnknownPaymentError(NotYetError):
    """No payment has this id: it was lost, belongs to another installation, or is still being committed."""

    def __init__(self, payment_id: UUID | None) -> None:
        super().__init__(f"there is no payment {payment_id} yet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """One movement that is written down."""

    kind: str
    ref: str
    amount: Decimal
    currency: str
    usd: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A payment as it stands, with its money."""

    id: UUID
    status: Status
    amount: Decimal
    currency: str
    price_currency: str
    provider: str
    livemode: bool | None
    settled: tuple[Settled, ...] = ()

    def after(self, decision: Decision) -> Known:
        """The same payment once that is done."""
        status = decision.path[-1] if decision.path else self.status
        return replace(self, status=status, settled=(*self.settled, *(_as_settled(each) for each in decision.entries)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One movement that is to be written down, with its worth as far as it is known."""

    kind: str
    ref: str
    amount: Decimal
    currency: str
    usd: Decimal | None = None
    worth: Price | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is to be done."""

    entries: tuple[Entry, ...]
    path: tuple[Status, ...]
    checkout: Status | None
    mismatch: str | None

    @property
    def changes(self) -> bool:
        """Whether anything is to be done at all."""
        return bool(self.entries or self.path)


def decide(known: Known, finding: Finding) -> Decision:
    """All that follows from a finding; asks for another look before it would do what the table of moves forbids."""
    entries = _new_entries(known, finding)
    if not finding.fresh and any(entry.kind == "charge" and entry.currency != "USD" for entry in entries):
        raise AskFirstError("its worth in dollars is not in the message")
    ledger = [*known.settled, *(_as_settled(entry) for entry in entries)]
    mismatch = _mismatch(known, finding, ledger) if finding.stands is Stands.PAID or entries else None
    if mismatch and not finding.fresh:
        raise AskFirstError(f"the {mismatch} is not what was asked for")
    wanted = _wanted(known, finding, ledger, mismatch)
    path = _path(known.status, wanted)
    if path is None and not finding.fresh:
        raise AskFirstError(f"{known.status} does not become {wanted}")
    checkout = _of_checkout(finding, mismatch)
    return Decision(entries=entries, path=path or (), checkout=checkout, mismatch=mismatch)


def _new_entries(known: Known, finding: Finding) -> tuple[Entry, ...]:
    entries: list[Entry] = []
    for money in finding.money:
        before = [*known.settled, *(_as_settled(entry) for entry in entries)]
        entry = _more_of(money, before) if money.kind == "charge" else _once(money, before)
        if entry is not None:
            entries.append(entry)
    return tuple(entries)


def _more_of(charge: Money, before: Iterable[Settled]) -> Entry | None:
    """What has come under this reference since it was last looked at; a second deposit is a movement of its own."""
    same = [each for each in before if each.kind == "charge" and each.ref.partition("/")[0] == charge.ref]
    more = charge.amount - sum((each.amount for each in same), Decimal(0))
    if more <= 0:
        return None
    worth = charge.worth
    if worth is not None:
        worth = replace(worth, amount=worth.amount * more / charge.amount)
    ref = f"{charge.ref}/{len(same) + 1}" if same else charge.ref
    return Entry(kind="charge", ref=ref, amount=more, currency=charge.currency, worth=worth)


def _once(money: Money, before: Sequence[Settled]) -> Entry | None:
    """A refund or dispute counts once, and is worth its share of what came."""
    if any(each.kind == money.kind and each.ref == money.ref for each in before):
        return None
    usd = None
    if money.kind.endswith("_reversal"):
        usd = _undone_worth(money, before)
    elif money.kind not in _INCOME:
        usd = _share_of_income(money, before)
    return Entry(
        kind=money.kind, ref=money.ref, amount=money.amount, currency=money.currency, usd=usd, worth=money.worth
    )


def _undone_worth(money: Money, before: Iterable[Settled]) -> Decimal | None:
    undone = money.kind.removesuffix("_reversal")
    found = next((each.usd for each in before if each.kind == undone and each.ref == money.ref), None)
    return -found if found is not None else None


def _share_of_income(money: Money, before: Iterable[Settled]) -> Decimal | None:
    same = [each for each in before if each.currency == money.currency]
    income = [each for each in same if each.kind in _INCOME]
    amount = sum((each.amount for each in income), Decimal(0))
    if not amount or any(each.usd is None for each in income):
        return None
    left = sum((each.amount for each in same), Decimal(0)) + money.amount
    worth_left = sum((each.usd or Decimal(0) for each in same), Decimal(0))
    if left == 0:
        return -worth_left
    worth = sum((each.usd or Decimal(0) for each in income), Decimal(0))
    return (worth * money.amount / amount).quantize(_CENT_OF_A_CENT)


def _as_settled(entry: Entry) -> Settled:
    usd = entry.amount if entry.currency == "USD" else entry.usd
    if usd is None and entry.worth is not None and entry.worth.currency == "USD":
        usd = entry.worth.amount
    return Settled(kind=entry.kind, ref=entry.ref, amount=entry.amount, currency=entry.currency, usd=usd)


def _mismatch(known: Known, finding: Finding, ledger: Iterable[Settled]) -> str | None:
    """What was paid is not what was asked for: amount, currency, or the mode that it was paid in."""
    if known.livemode is not None and known.livemode != finding.livemode:
        return "mode"
    if any(money.kind == "charge" and money.currency != known.currency for money in finding.money):
        return "currency"
    if finding.price is not None and finding.price.currency != known.price_currency:
        return "currency"
    if finding.price is not None and finding.price.amount != known.amount:
        return "amount"
    if finding.stands is Stands.PAID and finding.due is not None:
        came = sum((each.amount for each in ledger if each.currency == finding.due.currency), Decimal(0))
        return "amount" if came < finding.due.amount else None
    return None


def _wanted(known: Known, finding: Finding, ledger: Sequence[Settled], mismatch: str | None) -> Status:
    """Where the payment should stand now."""
    if known.status in SETTLED:
        return standing_of(ledger)
    if finding.stands is Stands.PAID:
        return Status.ERROR if mismatch else standing_of(ledger)
    ended = _ENDED.get(finding.stands) if finding.stands is not None else None
    # A checkout that was given up for another provider says nothing about where the payment stands now.
    if ended is None or known.provider != finding.provider:
        return known.status
    return ended if known.status not in {Status.FAILED, Status.EXPIRED, Status.ERROR} else known.status


def standing_of(ledger: Iterable[Settled]) -> Status:
    """Where a payment stands that was paid, by its money alone."""
    entries = list(ledger)
    income = sum((each.amount for each in entries if each.kind in _INCOME), Decimal(0))
    refunded = -sum((each.amount for each in entries if each.kind in _REFUNDS), Decimal(0))
    disputed = -sum((each.amount for each in entries if each.kind in _DISPUTES), Decimal(0))
    if refunded > 0 and refunded >= income:
        return Status.REFUNDED
    if disputed > 0:
        return Status.DISPUTED
    return Status.PARTIALLY_REFUNDED if refunded > 0 else Status.COMPLETED


def _path(before: Status, after: Status) -> tuple[Status, ...] | None:
    """The shortest way that the table of moves allows, through states that tell no lie; None when there is none."""
    ways: deque[tuple[Status, ...]] = deque([()])
    seen = {before}
    while ways:
        way = ways.popleft()
        here = way[-1] if way else before
        if here == after:
            return way
        for following in sorted(MOVES[here]):
            if following not in seen and (following == after or following in _ON_THE_WAY):
                seen.add(following)
                ways.append((*way, following))
    return None


def _of_checkout(finding: Finding, mismatch: str | None) -> Status | None:
    if finding.stands is Stands.PAID:
        return Status.ERROR if mismatch else Status.COMPLETED
    return _ENDED.get(finding.stands) if finding.stands is not None else None
