"""Asks Stripe how a checkout stands, and what followed from its money. Pure but for the ports that it asks."""

from __future__ import annotations

from dataclasses import replace

from hingecraft.errors import ForeignError
from hingecraft.providers.findings import Finding, Price, UnreadableError
from hingecraft.providers.stripe.ports import Disputes, Sessions
from hingecraft.providers.stripe.reading import StripeReader


class StripeAsking:
    """Reads what Stripe answers into findings."""

    def __init__(self, sessions: Sessions, disputes: Disputes, reader: StripeReader) -> None:
        self._sessions = sessions
        self._disputes = disputes
        self._reader = reader

    async def again(self, finding: Finding) -> list[Finding]:
        """Stripe's current report; first the checkout of the money, if we have not heard of it.

        A session or dispute that Stripe does not know is asked for again later: its event was signed, so it does exist.
        """
        if finding.checkout_id is not None:
            return [await self.of_checkout(finding.checkout_id, told_by=finding.told_by)]
        assert finding.charge is not None, "an event names its session or its intent"
        session = await self._sessions.of_intent(finding.charge)
        if session is None:
            raise ForeignError("its payment came through no checkout")
        paid = self._reader.of_session(session, told_by=finding.told_by, fresh=True)
        followed = await self._what_followed(finding)
        charge = next((money for money in paid.money if money.kind == "charge"), None)
        came = Price(amount=charge.amount, currency=charge.currency) if charge is not None else None
        # Its charge names an old payment only to Stripe: the books know that payment by its session.
        return [
            paid,
            replace(followed, payment_id=paid.payment_id, checkout_id=paid.checkout_id, came=came, fresh=True),
        ]

    async def _what_followed(self, finding: Finding) -> Finding:
        """A refund or a dispute; the charge itself is told by its session."""
        if finding.must_ask and finding.dispute is not None:
            return await self._dispute_of(finding.dispute, finding)
        return finding

    async def _dispute_of(self, dispute_id: str, finding: Finding) -> Finding:
        dispute = await self._disputes.retrieve(dispute_id)
        if not isinstance(dispute.get("balance_transactions"), list):
            raise UnreadableError("the dispute names no balance transactions")
        return self._reader.of_dispute(dispute, told_by=finding.told_by, livemode=finding.livemode)

    async def of_checkout(self, session_id: str, *, told_by: str) -> Finding:
        """One session, with what its money is worth; raises ProviderMissingError where Stripe does not know it."""
        return self._reader.of_session(await self._sessions.retrieve(session_id), told_by=told_by, fresh=True)
