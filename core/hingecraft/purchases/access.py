"""The one rule about access to a product, which access, downloads and checkouts follow. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from hingecraft.purchases.model import PurchaseStatus
from hingecraft.purchases.products.model import Type

Because = Literal["refunded", "disputed"]
Ended = Literal["expired", "refunded", "disputed"]
Reason = Literal["owned", "subscribed", "not_bought"] | Ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitlement:
    """Access to a product from one time to another, unless it was revoked."""

    id: UUID
    product_id: UUID
    product_type: Type
    starts_at: datetime
    # With the grace of a renewal; None: never.
    ends_at: datetime | None
    revoked_because: Because | None
    download_limit: int | None
    downloads_used: int

    @property
    def remaining(self) -> int | None:
        """Downloads that are left; None: no limit."""
        return None if self.download_limit is None else self.download_limit - self.downloads_used

    def holds(self, moment: datetime) -> bool:
        """Whether it gives access at that time."""
        begun_and_not_over = self.starts_at <= moment and (self.ends_at is None or moment < self.ends_at)
        return self.revoked_because is None and begun_and_not_over


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Whether a user may use a product, and why."""

    reason: Reason
    # When it ends, or ended; None: never, or there has been none.
    ends_at: datetime | None = None
    # What gives the access, in the order in which downloads are counted on it.
    entitlements: Sequence[Entitlement] = ()

    @property
    def allowed(self) -> bool:
        """Whether access is given now."""
        return bool(self.entitlements)

    @property
    def next_counted(self) -> Entitlement | None:
        """The entitlement that the next download is counted on; None: nothing has a download left."""
        return next((each for each in self.entitlements if each.remaining != 0), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A product, and all entitlements of a user that open it or have opened it, at one moment."""

    product_id: UUID
    product_type: Type
    # Whether it is sold.
    active: bool
    file: str | None
    moment: datetime
    entitlements: Sequence[Entitlement]

    @property
    def access(self) -> Access:
        """The product's own entitlements count first, then those of subscriptions, which open each design on sale.

        Without access, the newest one that has begun says why, in the same order.
        """
        own, of_subscriptions = self._own, self._of_subscriptions
        used = [*_in_order(self._holding(own)), *_in_order(self._holding(of_subscriptions))]
        if used:
            group = own if used[0] in own else of_subscriptions
            reason: Reason = "owned" if group is own and self.product_type != "subscription" else "subscribed"
            return Access(reason=reason, ends_at=_latest_end(group), entitlements=used)
        return _ended(self._begun(own) or self._begun(of_subscriptions))

    @property
    def may_be_bought(self) -> bool:
        """Whether the user has no use of the product that was bought: no access, or a design without downloads left.

        A subscription that opens a design does not prevent buying it.
        """
        own = self._holding(self._own)
        return not own or (self.product_type == "design" and all(each.remaining == 0 for each in own))

    @property
    def _own(self) -> list[Entitlement]:
        return [each for each in self.entitlements if each.product_id == self.product_id]

    @property
    def _of_subscriptions(self) -> list[Entitlement]:
        if self.product_type != "design" or not self.active:
            return []
        return [each for each in self.entitlements if each.product_type == "subscription"]

    def _holding(self, entitlements: Iterable[Entitlement]) -> list[Entitlement]:
        return [each for each in entitlements if each.holds(self.moment)]

    def _begun(self, entitlements: Iterable[Entitlement]) -> list[Entitlement]:
        return [each for each in entitlements if each.starts_at <= self.moment]


def purchase_status(
    recorded: PurchaseStatus, ends_at: datetime | None, moment: datetime, *, cancelled: bool
) -> PurchaseStatus:
    """The status of a purchase; `ends_at` is the end of its last entitlement, with the grace of a renewal."""
    if recorded != "active" or ends_at is None or moment < ends_at:
        return recorded
    return "cancelled" if cancelled else "expired"


def _in_order(entitlements: Iterable[Entitlement]) -> list[Entitlement]:
    """Entitlements that end first are used first, then those that began first."""
    return sorted(
        entitlements, key=lambda each: (each.ends_at is None, each.ends_at or each.starts_at, each.starts_at, each.id)
    )


def _latest_end(entitlements: Sequence[Entitlement]) -> datetime | None:
    """The end of what is paid, also of a period that has not begun; None: never."""
    ends = [each.ends_at for each in entitlements if each.revoked_because is None]
    return None if None in ends else max(end for end in ends if end is not None)


def _ended(begun: Sequence[Entitlement]) -> Access:
    newest = max(begun, key=lambda each: each.starts_at, default=None)
    if newest is None:
        return Access(reason="not_bought")
    return Access(reason=newest.revoked_because or "expired", ends_at=newest.ends_at)
