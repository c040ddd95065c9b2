"""The tokens of download URLs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from hingecraft.errors import MissingError
from hingecraft.purchases.downloads import tokens
from hingecraft.settings import Secret

DOWNLOAD = UUID("a51ab48c-fcc1-48e3-b9fd-743938b0d330")
NOW = datetime(2026, 11, 26, 6, 0, tzinfo=UTC)
NEW, OLD = "the newer secret of downloads in tests", "the older secret of downloads in tests"
SECRET = Secret(f"{NEW},{OLD}")


def test_the_same_download_has_the_same_token_and_it_fits_into_a_path():
    token = tokens.signed(DOWNLOAD, NOW + timedelta(minutes=10), SECRET)
    assert token == tokens.signed(DOWNLOAD, NOW + timedelta(minutes=10), SECRET)
    assert len(token) <= 255
    assert tokens.read(token, SECRET) == DOWNLOAD


def test_a_token_of_the_older_secret_is_valid_until_that_is_taken_away():
    token = tokens.signed(DOWNLOAD, NOW + timedelta(minutes=10), Secret(OLD))
    assert tokens.read(token, SECRET) == DOWNLOAD
    with pytest.raises(MissingError):
        tokens.read(token, Secret(NEW))


def test_a_token_with_any_other_character_is_forged():
    token = tokens.signed(DOWNLOAD, NOW + timedelta(minutes=10), SECRET)
    changed = [
        token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :] for place in range(len(token))
    ]
    for forged in [*changed, token[:-1], token + "A", token + "=", "", "é" * 76, "=" * 76, f"{token[:-2]}\n\n"]:
        with pytest.raises(MissingError):
            tokens.read(forged, SECRET)
