from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from hingecraft.errors import UsageError
from hingecraft.outbox.model import BACKOFF, Message, key_of, parse_endpoints, signature
from hingecraft.outbox.public_addresses import AddressRejectedError, refuse_private

NEW, OLD = "whsec_bmV3LXNlY3JldC1uZXctc2VjcmV0", "whsec_b2xkLXNlY3JldC1vbGQtc2VjcmV0"


def message(**more: object) -> Message:
    values = {
        "id": uuid4(), "created_at": datetime.now(UTC), "endpoint": "site", "url": "https://example.com/x",
        "type": "routes.updated", "data": '{"version": 7}', "attempts": 1, "claimed_until": datetime.now(UTC), **more,
    }  # fmt: skip
    return Message(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize("held_by_receiver", [NEW, OLD])
def test_the_reference_library_accepts_our_signatures_with_either_secret_of_a_rotation(held_by_receiver):
    sent = message()
    body = sent.body()
    stamp = int(datetime.now(UTC).timestamp())
    headers = {
        "webhook-id": sent.webhook_id,
        "webhook-timestamp": str(stamp),
        "webhook-signature": signature([NEW, OLD], sent.webhook_id, stamp, body),
    }
    assert Webhook(held_by_receiver).verify(body.decode(), headers)["data"] == {"version": 7}
    with pytest.raises(WebhookVerificationError):
        Webhook(held_by_receiver).verify(body.decode().replace("7", "8"), headers)


def test_a_body_says_type_time_and_data_of_the_event():
    """Not of the attempt: a failure that is told late would look newer than the payment that followed it."""
    happened = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert json.loads(message(created_at=happened, attempts=4).body()) == {
        "type": "routes.updated",
        "timestamp": "2026-01-01T10:00:00.000Z",
        "data": {"version": 7},
    }


@pytest.mark.parametrize("secret", ["whsec_", "whsec_!!", "bmV3LXNlY3JldA==", "plain-text-secret"])
def test_a_secret_in_another_format_than_standard_webhooks_is_rejected(secret):
    with pytest.raises(UsageError, match="whsec_"):
        key_of(secret)


def test_pauses_grow_and_stay_within_a_day():
    pauses = [BACKOFF.after(attempt) for attempt in range(1, 12)]
    assert pauses[0] < timedelta(seconds=2)
    assert pauses[1] < pauses[3] < pauses[5]
    assert sum(pauses[:8], timedelta()) < timedelta(hours=24)


def test_the_path_says_which_events_an_endpoint_gets():
    site, thanks = parse_endpoints(
        ["site=https://example.com/_functions/hingecraftRoutesUpdate",
         "thanks=https://example.com/_functions/charter_page_middleware/afterPaymentWebhook"],
        allow_private=False,
    )  # fmt: skip
    assert site.events == ("routes.updated",)
    assert set(thanks.events) == {"payment.completed", "payment.failed", "payment.refunded"}


@pytest.mark.parametrize(
    "pairs",
    [
        ["https://example.com"], ["site="], ["Site=https://example.com"], ["site=http://example.com"],
        ["site=ftp://example.com"], ["site=https://user:pw@example.com"], ["a=https://x.example", "a=https://y.example"],
    ],
)  # fmt: skip
def test_endpoints_that_cannot_be_meant_are_refused_at_start(pairs):
    with pytest.raises(UsageError):
        parse_endpoints(pairs, allow_private=False)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.9.9", "169.254.169.254", "0.0.0.0", "::1", "fe80::1%eth0",
     "fd00::1", "::ffff:127.0.0.1", "224.0.0.1", "100.64.0.1", "::ffff:224.0.0.1",
     "64:ff9b::a9fe:a9fe", "64:ff9b::10.0.0.1", "64:ff9b:1::93.184.216.34", "2002:a00:1::1", "2002:5db8:d822::1",
     "::127.0.0.1", "::93.184.216.34", "::ffff:0:10.0.0.1", "2001:0:5ef5:79fb::1", "2606:2800:220:1::5efe:10.0.0.1",
     "2606:2800:220:1:200:5efe:10.0.0.1"],
)  # fmt: skip
def test_addresses_that_are_not_public_are_refused(address):
    with pytest.raises(AddressRejectedError):
        refuse_private(address)


def test_public_addresses_pass():
    refuse_private("93.184.216.34")
    refuse_private("2606:2800:220:1:248:1893:25c8:1946")
    refuse_private("::ffff:93.184.216.34")


def test_nat64_leads_a_cluster_without_ipv4_to_public_sites():
    refuse_private("64:ff9b::93.184.216.34")
