"""Wix's list of installations: the addresses that it is read at, and the answers that are a list."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from hingecraft.wix_app.client.model import UnreadableAnswerError, installations_in
from hingecraft.wix_app.settings import WixAppSettings
from support.wix import APP_ID

SITE = UUID("6f1d2c3e-0000-4000-8000-000000000001")
ROW = {"instanceId": str(SITE), "appId": APP_ID, "status": "INSTALLED"}
LAST = {"count": 1, "cursors": {}, "hasNext": False}


@pytest.mark.parametrize(
    ("base", "address"),
    [
        ("https://www.wixapis.com", ""),
        ("https://www.wixapis.com", "https://www.wixapis.com/app-installations/v1/query"),
        ("http://127.0.0.1:8092/wix", "http://127.0.0.1:8092/wix/app-installations/v1/query"),
    ],
)
def test_the_list_is_at_the_api(base: str, address: str):
    found = WixAppSettings(wix_api_base=base, wix_installations_url=address)
    assert found.wix_installations_url == address


@pytest.mark.parametrize(
    "address",
    [
        "https://elsewhere.example/query",
        "https://www.wixapis.com.elsewhere.example/query",
        "https://www.wixapis.com@elsewhere.example/query",
        "https://www.wixapis.com:8443/query",
        "http://www.wixapis.com/query",
        "https://www.wixapis.com",
        "https://www.wixapis.com/",
        "https://www.wixapis.com/query?all=1",
        "https://www.wixapis.com/query#all",
        "app-installations/v1/query",
    ],
)
def test_the_apps_token_goes_nowhere_else(address: str):
    with pytest.raises(ValidationError, match=r"WIX_INSTALLATIONS_URL must be an address at https://www\.wixapis\.com"):
        WixAppSettings(wix_installations_url=address)


def test_reads_a_page_and_the_cursor_of_the_next():
    other = UUID("6f1d2c3e-0000-4000-8000-000000000002")
    rows = [ROW, {**ROW, "instanceId": str(other), "status": "UNINSTALLED", "appId": APP_ID.upper()}]
    found = installations_in({"appInstallations": rows, "pagingMetadata": {"cursors": {"next": "c"}}}, APP_ID)
    assert (found.has_app, found.cursor) == ({SITE: True, other: False}, "c")
    assert installations_in({"appInstallations": [], "pagingMetadata": LAST}, APP_ID).has_app == {}


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"appInstallations": [ROW]},
        {"pagingMetadata": LAST},
        {"appInstallations": {"0": ROW}, "pagingMetadata": LAST},
        {"appInstallations": [ROW, "text"], "pagingMetadata": LAST},
        {"appInstallations": [{**ROW, "instanceId": "1"}], "pagingMetadata": LAST},
        {"appInstallations": [{**ROW, "status": "PAUSED"}], "pagingMetadata": LAST},
        {"appInstallations": [{**ROW, "status": ["INSTALLED"]}], "pagingMetadata": LAST},
        {"appInstallations": [{**ROW, "appId": None}], "pagingMetadata": LAST},
        {"appInstallations": [ROW, {**ROW, "appId": str(SITE)}], "pagingMetadata": LAST},
        {"appInstallations": [ROW], "pagingMetadata": {"hasNext": True, "cursors": {}}},
    ],
)
def test_rejects_what_is_no_whole_page_of_our_app(answer: dict[str, Any]):
    with pytest.raises(UnreadableAnswerError):
        installations_in(answer, APP_ID)
