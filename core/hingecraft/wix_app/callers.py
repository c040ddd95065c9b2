"""Finds out which site calls: verifies the token, and looks whether the site has the app."""

from __future__ import annotations

from datetime import UTC, datetime

from hingecraft.db.connection import Database
from hingecraft.identity.principal import Kind, Principal
from hingecraft.wix_app.errors import StaleInstanceError
from hingecraft.wix_app.instances.port import InstanceCheck
from hingecraft.wix_app.sites import service as sites


class WixCallers:
    """The owners of sites, as callers."""

    def __init__(self, database: Database, check: InstanceCheck) -> None:
        self._database = database
        self._check = check

    async def caller(self, token: str, *, writes: bool, request_id: str) -> Principal:
        """The site that the token names, which is created if this is the first that is heard of it.

        Raises InvalidInstanceError, ExpiredInstanceError or StaleInstanceError.
        """
        instance = await self._check.verified(token)
        if writes and not instance.may_write(datetime.now(UTC)):
            raise StaleInstanceError
        await sites.admit(self._database, instance, request_id)
        return Principal(kind=Kind.WIX_INSTANCE, id=str(instance.instance_id), expires_at=instance.ends_at)
