"""Stripe's billing portal: the port of `ports` over its API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from hingecraft.providers.addresses import checked
from hingecraft.providers.patience import Deadline
from hingecraft.providers.port import ProviderUnknownError
from hingecraft.providers.stripe import DOMAIN
from hingecraft.providers.stripe.account import StripeAccount
from hingecraft.providers.stripe.portal_requests import OWNER, VERSION, portal_request
from hingecraft.providers.stripe.ports import Document


@dataclass(frozen=True, slots=True)
class StripePortal:
    """Implements `ports.Portal`."""

    account: StripeAccount

    def configurations(self) -> AsyncIterator[Document]:
        """The active configurations."""
        return self.account.pages(self._portal.configurations.list_async, {"active": True})

    async def configure(
        self,
        features: Document,
        metadata: Mapping[str, str],
        deadline: Deadline,
        *,
        instead_of: str | None,
        removed: str | None,
    ) -> str:
        """Make a configuration, or bring one up to these features: its id."""
        params = cast("Any", {"features": dict(features), "metadata": dict(metadata)})
        if instead_of is not None:
            update, options = self._portal.configurations.update_async, self.account.options()
            return str((await self.account.call(lambda: update(instead_of, params, options=options), deadline)).id)
        # Permits a repeat, also of another pod, with the same features only.
        key = f"hc_portal_{metadata[OWNER]}_{metadata[VERSION]}{f'_after_{removed}' if removed else ''}"
        create = self._portal.configurations.create_async
        return str((await self.account.make(lambda options: create(params, options=options), key, deadline)).id)

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
