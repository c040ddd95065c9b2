"""Stripe's billing portal: the port of `ports` over its API, and the configuration that it gets from us."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from hingecraft.providers.addresses import checked
from hingecraft.providers.patience import Deadline
from hingecraft.providers.port import ProviderUnknownError
from hingecraft.providers.stripe import DOMAIN
from hingecraft.providers.stripe.account import StripeAccount
from hingecraft.providers.stripe.ports import Document

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


@dataclass(frozen=True, slots=True)
class StripePortal:
    """Implements `ports.Portal`."""

    account: StripeAccount

    def configurations(self) -> AsyncIterator[Document]:
        """The active configurations."""
        return self.account.pages(self._portal.configurations.list_async, {"active": True})

    async def configure(
        self, features: Document, metadata: Mapping[str, str], deadline: Deadline, *, instead_of: str | None
    ) -> str:
        """Make a configuration, or bring one up to these features: its id."""
        params = cast("Any", {"features": dict(features), "metadata": dict(metadata)})
        if instead_of is not None:
            update, options = self._portal.configurations.update_async, self.account.options()
            return str((await self.account.call(lambda: update(instead_of, params, options=options), deadline)).id)
        # Permits a repeat, also of another pod, with the same features only.
        options = self.account.options(f"hc_portal_{metadata[OWNER]}_{metadata[VERSION]}")
        create = self._portal.configurations.create_async
        return str((await self.account.call(lambda: create(params, options=options), deadline)).id)

    async def open(self, customer_id: str, configuration: str, return_url: str, deadline: Deadline) -> str:
        """The address of a session for one customer."""
        request = portal_request(customer_id, configuration, return_url)
        options = self.account.options()
        create = self._portal.sessions.create_async
        session = await self.account.call(lambda: create(cast("Any", request), options=options), deadline)
        if not str(session.id).startswith("bps_"):
            raise ProviderUnknownError("Stripe did not return a session of the portal")
        return checked(session.url, api_base=self.account.api_base, domain=DOMAIN, provider_id=str(session.id))

    @property
    def _portal(self) -> Any:
        return self.account.client.v1.billing_portal
