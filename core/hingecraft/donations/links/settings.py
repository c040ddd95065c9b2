"""The settings of every process that maintains standing links."""

from __future__ import annotations

from hingecraft.donations.links.service import LinkOptions
from hingecraft.money.settings import AmountSettings
from hingecraft.providers.settings import ProviderSettings


class LinkSettings(ProviderSettings, AmountSettings):
    """The account, the site that payers come back to, and the bounds."""

    @property
    def link_options(self) -> LinkOptions:
        """The settings of the links."""
        return LinkOptions(
            livemode=self.stripe_livemode,
            site_url=self.site_url,
            amount_min=self.amount_min,
            amount_max=self.amount_max,
        )
