"""The end of an entitlement, with the grace of a renewal, as SQL."""

# The end of an entitlement `e` of a purchase `b` (bought). A running subscription's last paid period has a grace, since
# Stripe charges a renewal about an hour after the period's end and then tries again.
UNTIL = """
e.ends_at + CASE WHEN EXISTS (
    SELECT FROM subscriptions s
    WHERE s.id = b.subscription_id AND s.status IN ('trialing', 'active', 'past_due') AND NOT s.cancel_at_period_end
      AND s.paused_because IS NULL
) AND NOT EXISTS (
    SELECT FROM entitlements l WHERE l.purchase_id = e.purchase_id AND l.starts_at > e.starts_at
) THEN {grace}::interval ELSE interval '0' END
"""
