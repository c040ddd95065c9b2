"""The requests to Stripe's billing portal: our configuration of it, and a customer's session. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

# In a configuration's metadata: whose it is, and a digest of its features.
OWNER, VERSION = "hingecraft_portal", "hingecraft_features"
_MOST_PRODUCTS = 10


def features_for(products: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """A customer may pay with another card, read invoices, cancel, and change among these prices.

    An upgrade is billed at once, and a downgrade waits for the period's end. Stripe takes at most ten products; without
    any, plans cannot be changed.
    """
    offered = [{"product": product, "prices": sorted(prices)} for product, prices in sorted(products.items())]
    changes: dict[str, Any] = {"enabled": False}
    if 0 < len(offered) <= _MOST_PRODUCTS:
        changes = {
            "enabled": True,
            "default_allowed_updates": ["price"],
            "products": offered,
            "proration_behavior": "always_invoice",
            "schedule_at_period_end": {"conditions": [{"type": "decreasing_item_amount"}]},
        }
    return {
        "customer_update": {"enabled": False},
        "invoice_history": {"enabled": True},
        "payment_method_update": {"enabled": True},
        "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
        "subscription_update": changes,
    }


def metadata_for(installation: str, features: Mapping[str, Any]) -> dict[str, str]:
    """Finds the configuration again, and says whether its features are still ours."""
    digest = hashlib.sha256(json.dumps(features, sort_keys=True).encode()).hexdigest()[:16]
    return {OWNER: installation, VERSION: digest}


def portal_request(customer_id: str, configuration: str, return_url: str) -> dict[str, str]:
    """A session of the portal, which is for one customer."""
    return {"customer": customer_id, "configuration": configuration, "return_url": return_url}
