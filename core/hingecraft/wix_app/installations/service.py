"""Reads Wix's list of installations once a day. A list that cannot be used changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from hingecraft.db.connection import Database
from hingecraft.errors import HingecraftError
from hingecraft.providers.port import ProviderKeyError, ProviderRejectedError, ProviderUnknownError
from hingecraft.steps import Run
from hingecraft.wix_app.client.calls import NotInstalledError
from hingecraft.wix_app.client.installations import InstallationsCall
from hingecraft.wix_app.installations import store
from hingecraft.wix_app.installations.model import Differences, ImplausibleListError, differences

_EVERY, _AFTER_A_FAILURE = timedelta(hours=23), timedelta(hours=1)
# Sites that are tried for the app's token, besides the owner's.
_MOST_ASKERS = 5
_ADD_PERMISSION = "Add the permission Read App Installations to the app, in Wix's dashboard for developers"


class _NoAskerError(HingecraftError):
    """Wix gives a token only for a site that has the app, and none is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What follows from a list, and the lease of the one who read it; None in a dry run."""

    differences: Differences = field(default_factory=Differences)
    claimed_until: datetime | None = None


class InstallationList:
    """Wix's list; without the call, it is never read."""

    def __init__(self, database: Database, call: InstallationsCall | None, owners: Sequence[str]) -> None:
        self._database = database
        self._call = call
        self._owners = [UUID(each) for each in owners]

    async def compare(self, run: Run) -> Compared:
        """Read the list if it is due, and compare it; why it cannot be used is reported to the run."""
        if self._call is None:
            return Compared()
        every = run.options.every_checkout
        async with self._database.connection() as conn:
            if run.dry:
                claimed_until, is_due = None, await store.is_due(conn, self._call.app_id, every=every)
            else:
                claimed_until = await store.claim(conn, self._call.app_id, every=every)
                is_due = claimed_until is not None
        if not is_due:
            return Compared()
        try:
            found = await self._read(self._call)
        except (_NoAskerError, ImplausibleListError, ProviderRejectedError, ProviderUnknownError) as error:
            run.summary.fail(
                f"Wix's list of installations was not used, and changes nothing: {error}. {_advice(error)}"
            )
            await self.finish(Compared(claimed_until=claimed_until), whole=False)
            return Compared()
        return Compared(differences=found, claimed_until=claimed_until)

    async def finish(self, compared: Compared, *, whole: bool) -> None:
        """The list is read again in a day, or in an hour where Wix was not asked about everything that differs."""
        if self._call is None or compared.claimed_until is None:
            return
        async with self._database.connection() as conn:
            again_in = _EVERY if whole else _AFTER_A_FAILURE
            await store.release(conn, self._call.app_id, compared.claimed_until, again_in)

    async def _read(self, call: InstallationsCall) -> Differences:
        async with self._database.connection() as conn:
            known = [*self._owners, *await store.asked_last(conn, _MOST_ASKERS)]
        for asker in dict.fromkeys(known):
            try:
                listed = await call.all(asker)
            except NotInstalledError:
                continue
            async with self._database.connection() as conn:
                return differences(listed, await store.sites(conn))
        raise _NoAskerError("no site is known that has the app, and Wix answers only to the app on a site")


def _advice(error: Exception) -> str:
    if isinstance(error, _NoAskerError):
        return "Name one in WIX_OWNER_INSTANCES, or wait for the first"
    if isinstance(error, ImplausibleListError):
        return "Check WIX_APP_ID, and the app's state in Wix's dashboard for developers"
    if isinstance(error, ProviderKeyError):
        return _ADD_PERMISSION if error.forbidden else error.remedy or _ADD_PERMISSION
    if isinstance(error, ProviderRejectedError) and not error.passing:
        return "Compare WIX_INSTALLATIONS_URL with the address in Wix's documentation"
    return "It is read again in an hour"
