"""Asks NOWPayments for the state of a payment; its messages are only hints to ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hingecraft.providers.findings import Finding
from hingecraft.providers.nowpayments.client import NowPaymentsProvider
from hingecraft.providers.nowpayments.reading import NowPaymentsReader, parent_id_of

Document = Mapping[str, Any]


class NowPaymentsAsking:
    """Asks one account of NOWPayments about payments."""

    def __init__(self, provider: NowPaymentsProvider, reader: NowPaymentsReader) -> None:
        self.provider = provider
        self._reader = reader

    async def again(self, finding: Finding) -> list[Finding]:
        """The payment that an IPN names, as the API has it, after the payment that it adds to.

        A payment that the API does not know is asked for again later: NOWPayments has signed the IPN, so it
        does exist.
        """
        assert finding.charge is not None, "an IPN names its payment"
        document = await self.provider.payment(finding.charge)
        parent = await self._parent_of(document)
        found = self._read(document, parent, told_by=finding.told_by)
        first = self._read(parent, None, told_by=finding.told_by) if parent is not None else None
        return [first, found] if first is not None and first.money else [found]

    async def of_checkout(self, invoice_id: str, *, told_by: str) -> list[Finding]:
        """Every payment that was made on an invoice; needs the account's e-mail and password."""
        return [
            self._read(document, await self._parent_of(document), told_by=told_by)
            for document in await self.provider.payments_of(invoice_id)
        ]

    async def _parent_of(self, document: Document) -> Document | None:
        parent = parent_id_of(document)
        return await self.provider.payment(parent) if parent is not None else None

    def _read(self, document: Document, parent: Document | None, *, told_by: str) -> Finding:
        return self._reader.of_payment(document, parent, told_by=told_by, livemode=self.provider.livemode)
