"""Wix's list of the sites that have, or had, the app: Query App Installations, a preview at Wix."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from hingecraft.providers.patience import Deadline
from hingecraft.providers.port import ProviderUnknownError
from hingecraft.wix_app.client.calls import WixCalls
from hingecraft.wix_app.client.model import Installations, UnreadableAnswerError, installations_in

# The most that Wix answers at once, and the most pages that are read.
_PAGE = 100
_MOST_PAGES = 2000
# Seconds for a page, with repeats.
_ANSWERS_WITHIN = 20.0


class InstallationsCall:
    """The call, at the address that the settings name.

    Wix lists all apps of the developer's account: the filter keeps to ours, and a row of another app makes the list
    unusable.
    """

    def __init__(self, calls: WixCalls, app_id: str, address: str) -> None:
        self._calls = calls
        self._address = address
        self.app_id = app_id

    async def all(self, instance_id: UUID) -> dict[UUID, bool]:
        """Whether each site in the whole list has the app, asked with the app's token for one site.

        Raises NotInstalledError, ProviderRejectedError or ProviderUnknownError; then nothing is known.
        """
        found: dict[UUID, bool] = {}
        query: dict[str, Any] = {"filter": {"appId": self.app_id}, "cursorPaging": {"limit": _PAGE}}
        for _ in range(_MOST_PAGES):
            page = await self._page(instance_id, query)
            if page.cursor is not None and page.has_app.keys() <= found.keys():
                break
            found |= page.has_app
            if page.cursor is None:
                return found
            # Wix rejects a cursor together with a filter: the cursor names the query that it continues.
            query = {"cursorPaging": {"limit": _PAGE, "cursor": page.cursor}}
        raise ProviderUnknownError("Wix's answer cannot be used: the list does not end")

    async def _page(self, instance_id: UUID, query: dict[str, Any]) -> Installations:
        deadline = Deadline.within(_ANSWERS_WITHIN)
        answer = await self._calls.of_site(instance_id, "POST", self._address, deadline, {"query": query})
        try:
            return installations_in(answer, self.app_id)
        except UnreadableAnswerError as error:
            raise ProviderUnknownError(f"Wix's answer cannot be used: {error}") from error
