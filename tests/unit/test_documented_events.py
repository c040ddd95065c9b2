"""The events that docs/deployment.md tells people to subscribe to are those that this release handles."""

from __future__ import annotations

import re
from pathlib import Path

from hingecraft.members.customers.applying import registration
from hingecraft.members.subscriptions.model import EVENT_TYPES as OF_SUBSCRIPTIONS
from hingecraft.providers.stripe.reading import EVENT_TYPES as OF_PAYMENTS

DOCS = Path(__file__).parents[2] / "docs"
# Nothing depends on them: what they tell is also in `updated`, or found by reconciliation.
OPTIONAL = {
    "customer.created", "customer.subscription.pending_update_applied", "customer.subscription.trial_will_end",
}  # fmt: skip


def test_the_list_of_webhook_events_is_complete_and_names_no_other():
    text = (DOCS / "deployment.md").read_text()
    (listed,) = re.findall(r"\*\*Stripe\*\*, Developers, Webhooks.*?Choose \"Your account\"", text, re.DOTALL)
    documented = set(re.findall(r"`([a-z_]+(?:[.][a-z_]+)+)`", listed))
    of_customers = registration().types
    assert of_customers is not None
    handled = {*OF_PAYMENTS, *OF_SUBSCRIPTIONS, *of_customers}
    assert documented == handled - OPTIONAL
