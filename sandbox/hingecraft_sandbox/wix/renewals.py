"""Plans as time passes: renewals, ends, and free trials that become paid."""

from __future__ import annotations

from hingecraft_sandbox.providers.book import Document
from hingecraft_sandbox.wix.sites import SITES, Sites


class WixRenewals:
    """Does what is due until now, in its order."""

    def __init__(self, sites: Sites) -> None:
        self._sites = sites

    def catch_up(self) -> None:
        """Do what is due. A year in one step renews a monthly plan twelve times."""
        while True:
            due = self._due(self._sites.moments.now())
            if due is None:
                return
            self._happen(due)

    def _due(self, now: int) -> Document | None:
        waiting = self._sites.book.all(
            SITES, lambda site: bool(site["plan"] and site["plan"]["ends"] is not None and site["plan"]["ends"] <= now)
        )
        return min(waiting, key=lambda site: int(site["plan"]["ends"]), default=None)

    def _happen(self, site: Document) -> None:
        plan, instance = site["plan"], site["id"]
        if not plan["renews"]:
            self._sites.end(instance)
        elif plan["trial_ends"] is not None and not plan.get("trial_ended"):
            self._sites.convert(instance, plan["ends"])
        else:
            self._sites.renew(instance, plan["ends"])
