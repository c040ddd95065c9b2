"""The part of a site's settings that visitors see: on the donation pages and in the widget."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hingecraft.db.connection import Database
from hingecraft.errors import DatabaseUnavailableError
from hingecraft.wix_app.site_settings import colors, service

log = logging.getLogger(__name__)

# For as many seconds a pod shows what it has read; a change in the same pod shows at once.
KEPT = 10.0
_MOST_SITES = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Appearance:
    """Texts, amounts, colours and links; None where the owner has set nothing."""

    organization_name: str | None = None
    page_title: str | None = None
    page_text: str | None = None
    thank_you_text: str | None = None
    page_amounts: tuple[str, ...] | None = None
    default_currency: str | None = None
    light: colors.Palette | None = None
    dark: colors.Palette | None = None
    contact_email: str | None = None
    privacy_url: str | None = None
    refund_url: str | None = None
    widget_title: str | None = None
    widget_theme: str | None = None
    widget_border: bool | None = None
    widget_amounts: tuple[str, ...] | None = None


PLAIN = Appearance()


def appearance_of(settings: Mapping[str, Any]) -> Appearance:
    """The appearance that follows from settings as they are stored. An empty one is as if it had never been set."""

    def of(name: str) -> Any:
        return settings.get(name) or None

    def amounts_of(name: str) -> tuple[str, ...] | None:
        return tuple(settings[name]) if settings.get(name) else None

    accent = of("accentColor")
    return Appearance(
        organization_name=of("organizationName"),
        page_title=of("pageTitle"),
        page_text=of("pageText"),
        thank_you_text=of("thankYouText"),
        page_amounts=amounts_of("pageAmounts"),
        default_currency=of("defaultCurrency"),
        light=colors.light(accent) if accent else None,
        dark=colors.dark(accent) if accent else None,
        contact_email=of("contactEmail"),
        privacy_url=of("privacyUrl"),
        refund_url=of("refundUrl"),
        widget_title=of("widgetTitle"),
        widget_theme=of("widgetTheme"),
        widget_border=settings.get("widgetBorder"),
        widget_amounts=amounts_of("widgetAmounts"),
    )


@dataclass(slots=True)
class _Kept:
    appearance: Appearance
    until: float


class Appearances:
    """Reads appearances, and keeps each for some seconds. An outage of the database shows what was known."""

    def __init__(self, database: Database, owner: UUID | None) -> None:
        self._database = database
        self._owner = owner
        self._kept: OrderedDict[UUID, _Kept] = OrderedDict()
        self._reading: dict[UUID, asyncio.Lock] = {}

    async def of(self, site: UUID | None = None) -> Appearance:
        """That of a site; without one, of the donation pages' owner."""
        site = site or self._owner
        if site is None:
            return PLAIN
        kept = self._kept.get(site)
        if kept is not None and kept.until > time.monotonic():
            self._kept.move_to_end(site)
            return kept.appearance
        return await self._read_once(site)

    def forget(self, site: UUID) -> None:
        """Read it again: it was changed."""
        kept = self._kept.get(site)
        if kept is not None:
            kept.until = 0.0

    async def _read_once(self, site: UUID) -> Appearance:
        """One query for all callers that wait."""
        lock = self._reading.setdefault(site, asyncio.Lock())
        try:
            async with lock:
                kept = self._kept.get(site)
                if kept is not None and kept.until > time.monotonic():
                    return kept.appearance
                return await self._read(site, kept)
        finally:
            if not lock.locked():
                self._reading.pop(site, None)

    async def _read(self, site: UUID, known: _Kept | None) -> Appearance:
        try:
            found = appearance_of(await service.all_of(self._database, site))
        except DatabaseUnavailableError as error:
            log.warning("The settings of site %s cannot be read, so older ones are shown: %s", site, error)
            found = known.appearance if known is not None else PLAIN
        self._kept[site] = _Kept(found, time.monotonic() + KEPT)
        self._kept.move_to_end(site)
        while len(self._kept) > _MOST_SITES:
            self._kept.popitem(last=False)
        return found
