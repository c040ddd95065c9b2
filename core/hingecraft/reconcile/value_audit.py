"""`hingecraft reconcile --audit-values`: settlements whose value in USD looks wrong, and why. Changes nothing.

A settlement is judged by its value after corrections, so a corrected one is no longer listed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import simplejson

from hingecraft.db.connection import connect
from hingecraft.db.failures import translated
from hingecraft.money.model import plain
from hingecraft.settings import Secret

# Each rule in the words of the report. A settlement is listed once for each rule that it breaks.
RULES = {
    "usd_differs": "it is in USD, and its value is another amount",
    "value_unknown": "its value has been unknown for more than a day",
    "far_from_price": "it is worth more than 3 times the price, or a third of it although the payment is complete",
    "far_from_rate": "it differs by more than a quarter from the rate in fx_rates for its day",
    "far_from_peers": "it is worth more than twice or less than half of what the same amount was worth that day",
    "more_went_back": "more was refunded or disputed than was paid, in USD",
}
# What the old software was paid in other currencies never had a value, and is left out of `value_unknown`.
AUDIT = """
WITH worth AS MATERIALIZED (
    SELECT s.id, s.payment_id, s.created_at, s.provider, s.livemode, s.kind, s.currency, s.amount,
           s.usd_amount + coalesce(c.usd_amount, 0) AS usd, coalesce(c.amount, 0) AS corrected
    FROM settlements s LEFT JOIN (
        SELECT corrects, sum(usd_amount) AS usd_amount, sum(amount) AS amount FROM settlements
        WHERE corrects IS NOT NULL GROUP BY corrects
    ) c ON c.corrects = s.id
    WHERE s.kind <> 'correction'
), peers AS (
    SELECT currency, (created_at AT TIME ZONE 'UTC')::date AS day,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY (usd / amount)::float8)::numeric AS usd
    FROM worth WHERE kind IN ('charge', 'manual') AND amount > 0 AND usd IS NOT NULL AND currency <> 'USD'
    GROUP BY 1, 2 HAVING count(*) >= 5
), whole AS (
    SELECT payment_id, sum(usd) FILTER (WHERE kind IN ('charge', 'manual')) AS came, sum(usd) AS left_over,
           bool_and(usd IS NOT NULL) AS all_known
    FROM worth GROUP BY payment_id
)
SELECT w.id, w.payment_id, w.created_at, w.provider, w.livemode, w.kind, w.currency, w.amount, w.usd, broken.rule,
       broken.expected
FROM worth w
JOIN payments p ON p.id = w.payment_id
JOIN whole ON whole.payment_id = w.payment_id
LEFT JOIN peers ON peers.currency = w.currency AND peers.day = (w.created_at AT TIME ZONE 'UTC')::date
LEFT JOIN fx_rates r ON r.currency = w.currency AND r.day = (w.created_at AT TIME ZONE 'UTC')::date
CROSS JOIN LATERAL (VALUES
    ('usd_differs', w.amount + w.corrected, w.currency = 'USD' AND w.usd <> w.amount + w.corrected),
    ('value_unknown', NULL, w.usd IS NULL AND w.kind <> 'opening' AND w.created_at < now() - interval '1 day'),
    ('far_from_price', p.amount, w.kind IN ('charge', 'manual') AND w.currency <> 'USD' AND p.price_currency = 'USD'
        AND (w.usd > 3 * p.amount OR (p.status = 'completed' AND whole.all_known AND 3 * whole.came < p.amount))),
    ('far_from_rate', w.amount * r.usd, w.currency <> 'USD' AND w.amount <> 0
        AND (w.usd / (w.amount * r.usd)) NOT BETWEEN 0.75 AND 1.25),
    ('far_from_peers', w.amount * peers.usd, w.kind IN ('charge', 'manual') AND w.amount > 0 AND peers.usd > 0
        AND (w.usd / (w.amount * peers.usd)) NOT BETWEEN 0.5 AND 2),
    ('more_went_back', NULL, w.kind IN ('refund', 'dispute') AND whole.all_known AND whole.left_over < -0.01)
) AS broken (rule, expected, is_broken)
WHERE broken.is_broken
ORDER BY w.created_at, w.id, broken.rule
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A settlement that breaks a rule; `expected` is what the rule would have it worth, where it can say so."""

    id: UUID
    payment_id: UUID
    created_at: datetime
    provider: str
    livemode: bool
    kind: str
    currency: str
    amount: Decimal
    usd: Decimal | None
    rule: str
    expected: Decimal | None


async def audit(dsn: Secret) -> list[Suspect]:
    """All suspects. This reads every settlement, and may take longer than the time limit of a pod's statements."""
    conn = await connect(dsn, application="hingecraft-reconcile", statement_timeout=None)
    try:
        with translated():
            return [Suspect(**dict(row)) for row in await conn.fetch(AUDIT)]
    finally:
        await conn.close()


def json_of(suspects: Sequence[Suspect]) -> str:
    """The suspects as JSON, with amounts and values as text, exactly as they are stored."""
    return simplejson.dumps({"count": len(suspects), "settlements": [_document(each) for each in suspects]})


def _document(suspect: Suspect) -> dict[str, Any]:
    return {
        "settlement": str(suspect.id),
        "payment": str(suspect.payment_id),
        "createdAt": suspect.created_at.isoformat(),
        "provider": suspect.provider,
        "livemode": suspect.livemode,
        "kind": suspect.kind,
        "amount": plain(suspect.amount),
        "currency": suspect.currency,
        "usdAmount": plain(suspect.usd) if suspect.usd is not None else None,
        "expected": plain(_cents(suspect.expected)) if suspect.expected is not None else None,
        "rule": suspect.rule,
        "because": RULES[suspect.rule],
    }


def table_of(suspects: Sequence[Suspect]) -> str:
    """The suspects as a table for people."""
    if not suspects:
        return "every value looks right"
    lines = [f"{len(suspects)} to check:"]
    for each in suspects:
        worth = f"{plain(each.usd)} USD" if each.usd is not None else "unknown"
        expected = f", {plain(_cents(each.expected))} USD expected" if each.expected is not None else ""
        lines.append(f"  {each.kind} of {plain(each.amount)} {each.currency}, worth {worth}{expected}")
        lines.append(f"    {RULES[each.rule]}")
        lines.append(f"    settlement {each.id}, payment {each.payment_id}")
    return "\n".join([*lines, "To correct one: hingecraft correct <settlement> --usd <value> --reason <why>"])


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"))
