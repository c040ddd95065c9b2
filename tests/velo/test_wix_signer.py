"""Tokens and messages of Wix that Python signs are read by Node and Wix's packages, and the other way round."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from hingecraft.settings import Secret
from hingecraft.wix_app.instances.local import LocalCheck
from hingecraft.wix_app.webhooks.tokens import WebhookTokens
from support import wix
from toolchain.node_js import said_by


@pytest.fixture(scope="module")
def exchanged():
    """Signed here, read there; signed there, to be read here."""
    site = uuid4()
    data = {"operationTimeStamp": wix.iso(datetime.now(UTC)), "vendorProductId": "pro", "cycle": "MONTHLY"}
    # An umlaut: the signature is over the encoded bytes.
    fields, claims = wix.fields_of(site, note="Söder"), wix.claims_of("PaidPlanPurchased", site, data)
    key = wix.app_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    given = {
        "appId": wix.APP_ID, "secret": wix.APP_SECRET, "publicKey": wix.public_key(), "privateKey": key,
        "fields": fields, "claims": claims, "instance": wix.signed(fields),
        "message": wix.message("PaidPlanPurchased", site, data),
    }  # fmt: skip
    return site, given, json.loads(said_by("test/wix-signer.mjs", HC_SIGNED=json.dumps(given)))


def test_node_reads_instance_tokens_that_are_signed_here(exchanged):
    _, given, found = exchanged
    assert found["fields"] == given["fields"]


def test_instance_tokens_that_node_signs_name_their_site(exchanged):
    site, _, found = exchanged
    check = LocalCheck(wix.APP_ID, Secret(wix.APP_SECRET))
    assert check.verified_at(found["instance"], datetime.now(UTC)).instance_id == site


def test_wixs_package_asks_token_info_as_we_do(exchanged):
    _, given, found = exchanged
    expected = {"url": "https://www.wixapis.com/oauth2/token-info", "body": {"token": given["instance"]}}
    assert found["asked"] == expected


def test_wixs_packages_accept_messages_that_are_signed_here(exchanged):
    site, _, found = exchanged
    assert found["event"] == found["accepted"] == {"instanceId": str(site), "product": "pro"}


def test_messages_that_node_signs_are_accepted(exchanged):
    _, given, found = exchanged
    claims = WebhookTokens(wix.APP_ID, wix.public_key()).claims(found["message"].encode(), time.time())
    assert claims == given["claims"]
