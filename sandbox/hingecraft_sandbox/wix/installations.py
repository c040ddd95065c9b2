"""Wix's list of the installations of all apps of the developer's account: Query App Installations."""

from __future__ import annotations

import base64
import json
import uuid
from http import HTTPStatus
from typing import Any

from hingecraft_sandbox.providers.book import Document
from hingecraft_sandbox.providers.switches import Switches
from hingecraft_sandbox.wix.config import WixConfig
from hingecraft_sandbox.wix.moments import text_of
from hingecraft_sandbox.wix.sites import SITES, Sites, WixRejectedError

# The path at the stand-in; Wix's own is in its documentation only, so it is a setting.
PATH = "/app-installations/v1/app-installations/query"
OTHER_APP = "0b5a4f1e-52d3-4c5b-8a1f-9d7c3e6b2a40"
_USUAL, _MOST = 50, 100
_FILTERS = frozenset({"appId", "status"})


class Installations:
    """Answers as Wix documents it: the newest first, a hundred at most, and a cursor that stands for its query."""

    def __init__(self, sites: Sites, switches: Switches, config: WixConfig) -> None:
        self._sites = sites
        self._switches = switches
        self._config = config

    def query(self, _site: Document, body: Document) -> Document:
        """A page of the installations; needs the permission Read App Installations."""
        if not self._switches.wix.reads_installations:
            raise WixRejectedError(
                "The app lacks the permission SCOPE.APP_MARKET.READ_APP_INSTALLATIONS.",
                status=HTTPStatus.FORBIDDEN,
                code="PERMISSION_DENIED",
            )
        wanted, start, limit = _read(body.get("query") or {})
        if start and self._switches.wix.installations == "expired":
            raise WixRejectedError("The cursor has expired.")
        used = {} if self._switches.wix.installations == "unfiltered" else wanted
        found = [row for row in self._rows() if all(row[name] == value for name, value in used.items())]
        page, following = found[start : start + limit], start + limit
        if self._switches.wix.installations == "endless":
            following = 0
        elif following >= len(found):
            return _answer(page, None)
        return _answer(page, _cursor(wanted, following))

    def _rows(self) -> list[Document]:
        """Each site has the app, or had it, and one of the same developer's other apps."""
        sites = sorted(self._sites.book.all(SITES), key=lambda site: (-_created(site), site["id"]))
        ours = [_installation(site, self._config.app_id, site["id"], installed=site["installed"]) for site in sites]
        return ours + [_installation(site, OTHER_APP, _other(site), installed=True) for site in sites]


def _read(query: object) -> tuple[Document, int, int]:
    if not isinstance(query, dict) or not query.keys() <= {"filter", "cursorPaging"}:
        raise WixRejectedError("query may have filter and cursorPaging.")
    paging, wanted = query.get("cursorPaging") or {}, query.get("filter") or {}
    limit = paging.get("limit", _USUAL)
    if not isinstance(limit, int) or not 1 <= limit <= _MOST:
        raise WixRejectedError(f"cursorPaging.limit must be 1 to {_MOST}.")
    if paging.get("cursor") is None:
        if not wanted.keys() <= _FILTERS or not all(isinstance(value, str) for value in wanted.values()):
            raise WixRejectedError(f"filter may name {', '.join(sorted(_FILTERS))}, each with a text.")
        return wanted, 0, limit
    if wanted:
        raise WixRejectedError("A cursor stands for its query: filter cannot be sent with it.")
    return (*_cursor_in(paging["cursor"]), limit)


def _cursor(wanted: Document, start: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([wanted, start]).encode()).decode()


def _cursor_in(cursor: Any) -> tuple[Document, int]:
    try:
        wanted, start = json.loads(base64.urlsafe_b64decode(cursor))
    except (ValueError, TypeError):
        raise WixRejectedError("The cursor is not one of this list.") from None
    return wanted, start


def _answer(page: list[Document], cursor: str | None) -> Document:
    cursors = {"next": cursor} if cursor is not None else {}
    paging = {"count": len(page), "cursors": cursors, "hasNext": cursor is not None}
    return {"appInstallations": page, "pagingMetadata": paging}


def _created(site: Document) -> int:
    """Sites of an older journal have no time."""
    return int(site.get("created", 0))


def _other(site: Document) -> str:
    return str(uuid.uuid5(uuid.UUID(OTHER_APP), site["id"]))


def _installation(site: Document, app_id: str, instance_id: str, *, installed: bool) -> Document:
    created = text_of(_created(site))
    plan = site["plan"]
    return {
        "id": str(uuid.uuid5(uuid.UUID(app_id), instance_id)),
        "instanceId": instance_id,
        "appId": app_id,
        "appVersion": "1",
        "status": "INSTALLED" if installed else "UNINSTALLED",
        "createdDate": created,
        "firstInstallationDate": created,
        "updatedDate": created,
        "revision": "1",
        "planInfo": {"planId": plan["product"], "billingCycle": plan["cycle"]} if plan is not None else {},
        "siteInfo": {"siteId": site["site_id"], "siteUrl": site["url"], "ownerEmail": site["email"]},
    }
