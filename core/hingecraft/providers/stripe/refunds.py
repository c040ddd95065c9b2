"""Stripe's refunds: the port of `ports` over its API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from hingecraft.providers.patience import Deadline
from hingecraft.providers.port import ProviderUnknownError
from hingecraft.providers.stripe.account import StripeAccount
from hingecraft.providers.stripe.ports import Document


@dataclass(frozen=True, slots=True)
class StripeRefunds:
    """Implements `ports.Refunds`."""

    account: StripeAccount

    async def create(self, request: Document, key: str, deadline: Deadline) -> Document:
        """Make a refund, or get the one that the same key has made before."""
        options = self.account.options(key)
        made = await self.account.call(
            lambda: self._refunds.create_async(cast("Any", request), options=options), deadline
        )
        found: Document = made.last_response.data
        if not str(found.get("id", "")).startswith(("re_", "pyr_")):
            raise ProviderUnknownError("Stripe did not return a refund")
        return found

    async def made_with(self, metadata: Mapping[str, str], intent_id: str) -> Document | None:
        """The refund of an intent with this metadata."""
        for refund in await self.of_intent(intent_id):
            if metadata.items() <= (refund.get("metadata") or {}).items():
                return refund
        return None

    async def of_intent(self, intent_id: str) -> list[Document]:
        """All refunds of an intent."""
        return [each async for each in self.account.pages(self._refunds.list_async, {"payment_intent": intent_id})]

    @property
    def _refunds(self) -> Any:
        return self.account.client.v1.refunds
