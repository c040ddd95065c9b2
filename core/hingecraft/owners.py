"""The user and the purpose of money for which no payment was opened, such as a renewal's.

One statement reads what all systems of members know, since each renewal asks.
"""

from __future__ import annotations

from hingecraft.credits import purpose as credits_purpose
from hingecraft.credits.model import PURPOSE as CREDITS
from hingecraft.db.connection import Connection
from hingecraft.payments.purpose import Owner
from hingecraft.providers.findings import Finding
from hingecraft.purchases.model import PURPOSE as PURCHASE
from hingecraft.purchases.store import OF_SUBSCRIPTION

# Customers that Stripe has deleted since are there too.
KNOWN = f"""
SELECT (SELECT s.user_id FROM ({OF_SUBSCRIPTION}) AS s) AS of_subscription,
    (SELECT user_id FROM customers WHERE customer_id = $3 AND livemode = $4) AS of_customer,
    EXISTS (SELECT FROM installation WHERE id::text = $5) AS is_ours
"""


async def owner_of(conn: Connection, finding: Finding) -> Owner | None:
    """The user of a subscription to a product, else that of the customer, whose other payments are for credits."""
    known = await conn.fetchrow(
        KNOWN, finding.subscription_id, PURCHASE, finding.customer, finding.livemode, finding.installation
    )
    assert known is not None, "it has one row"
    if finding.subscription_id is not None:
        lost = known["of_customer"] if finding.purpose == PURCHASE else None
        buyer = known["of_subscription"] or lost
        if buyer is not None:
            return Owner(user_id=buyer, purpose=PURCHASE)
    if finding.customer is None:
        return None
    # The customer was lost by a restored backup: the metadata is ours.
    user_id = known["of_customer"] or (finding.user if known["is_ours"] else None)
    if user_id is None:
        return None
    needs_payment = not await credits_purpose.is_nothing(conn, finding)
    return Owner(user_id=user_id, purpose=CREDITS, needs_payment=needs_payment)
