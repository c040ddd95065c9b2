"""What Wix's list of installations and our sites say differently. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

# Up to so many removals are believed in one run, however few sites still have the app.
_FEW = 3


class ImplausibleListError(ValueError):
    """The list is readable, and says of most sites that they do not have the app."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """Sites that have the app; where the list and our rows contradict each other, Wix is asked about the site."""

    by_both: frozenset[UUID] = frozenset()
    by_list_only: frozenset[UUID] = frozenset()
    by_rows_only: frozenset[UUID] = frozenset()


def too_many(absent: int, present: int) -> bool:
    """Whether so many sites without the app are too many to believe (decision 78)."""
    return absent > max(_FEW, present)


def differences(listed: Mapping[UUID, bool], known: Mapping[UUID, bool]) -> Differences:
    """Compare who has the app. Raises ImplausibleListError."""
    at_wix = {site for site, has_app in listed.items() if has_app}
    here = {site for site, has_app in known.items() if has_app}
    found = Differences(
        by_both=frozenset(here & at_wix), by_list_only=frozenset(at_wix - here), by_rows_only=frozenset(here - at_wix)
    )
    if too_many(len(found.by_rows_only), len(found.by_both)):
        lost = len(found.by_rows_only)
        raise ImplausibleListError(f"{lost} sites of {len(here)} do not have the app by it, too many to believe")
    return found
