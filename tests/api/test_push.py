"""A push that carries the version: what a pod takes from it, and what makes it ask Postgres."""

from __future__ import annotations

import base64
import hashlib
import json
import time
import zlib
from typing import Any

import pytest

from hingecraft.routes import service as routes
from hingecraft.sync.push import LARGEST_PUSH, LARGEST_ROUTES, with_document
from hingecraft.sync.signature import HEADER, sign
from hingecraft_api.routes import loader
from support.pods import PUSH_SECRET, running_pod

LINK = "INSERT INTO external_payments (gateway, currency, provider_url) VALUES ('stripe', 'usd', $1)"


@pytest.fixture
async def pod(dsn, monkeypatch):
    """A pod that does not poll for newer versions."""
    monkeypatch.setattr(loader, "_POLL_SHORTEST", 3600)
    monkeypatch.setattr(loader, "_POLL_LONGEST", 3600)
    async with running_pod(dsn, background=False) as running:
        yield running


@pytest.fixture
async def pushed(conn, database):
    """The body of a push of version 2, as an engine makes it; Postgres has the version too."""
    await conn.execute(LINK, "https://buy.example/2")
    return await as_pushed(database)


async def as_pushed(database) -> dict[str, Any]:
    document = (await routes.publish(database, known=1)).document
    assert document is not None
    body = with_document(document)
    assert body is not None
    pushed: dict[str, Any] = json.loads(body)
    return pushed


async def push(pod, body):
    raw = json.dumps(body).encode()
    headers = {"Content-Type": "application/json", HEADER: sign(PUSH_SECRET, raw, time.time())}
    async with pod.client.post(pod.internal + "/internal/routes", data=raw, headers=headers) as response:
        return response.status, await response.json()


def without_database(pod):
    """From now on, asking for a connection fails."""
    pod.pod.database.pool = None


def packed(text: bytes) -> str:
    return base64.b64encode(zlib.compress(text, 9)).decode()


async def test_the_document_is_served_without_a_query(pod, pushed):
    without_database(pod)
    status, answer = await push(pod, pushed)
    assert (status, answer["data"]) == (200, {"version": 2, "checksum": pushed["checksum"], "takesDocuments": True})
    _, served = await pod.call("GET", "/routes")
    assert (served["data"]["version"], served["data"]["checksum"]) == (2, pushed["checksum"])
    assert served["data"]["routes"]["USD"]["url"] == "https://buy.example/2"


async def test_an_older_engine_sends_no_document_and_the_pod_asks_postgres(pod, pushed):
    status, answer = await push(pod, {"version": 2, "checksum": pushed["checksum"]})
    assert (status, answer["data"]["version"]) == (200, 2)


async def test_a_newer_engine_may_send_fields_that_the_pod_does_not_know(pod, pushed):
    without_database(pod)
    more = {**pushed, "more": [1], "document": {**pushed["document"], "more": {}}}
    assert (await push(pod, more))[1]["data"]["version"] == 2


OTHER = b'{"USD": {"url": "https://elsewhere.example/"}}'
UNUSABLE = {
    "other routes than its checksum says": {"routes": packed(OTHER)},
    "routes that are cut off": {"routes": base64.b64encode(zlib.compress(b"{}" * 500)[:-8]).decode()},
    "more than can be opened": {"routes": packed(b" " * (LARGEST_ROUTES + 1))},
    "no base64": {"routes": "%%%"},
    "nothing compressed": {"routes": base64.b64encode(b"hello").decode()},
    "no text": {"routes": packed(b"\xff\xfe")},
    "a field of another type": {"routes": 7},
    "a time without a zone": {"generatedAt": "2026-01-01T00:00:00"},
    "no time": {"generatedAt": "soon"},
    "no version to be restored from": {"restoredFrom": "one"},
    "other currencies than the pod knows": {"currencies": "1"},
}


@pytest.mark.parametrize("wrong", UNUSABLE.values(), ids=UNUSABLE.keys())
async def test_a_document_that_cannot_be_used_is_loaded_from_postgres(pod, pushed, wrong):
    status, answer = await push(pod, {**pushed, "document": {**pushed["document"], **wrong}})
    assert (status, answer["data"]["version"]) == (200, 2)
    _, served = await pod.call("GET", "/routes")
    assert served["data"]["routes"]["USD"]["url"] == "https://buy.example/2"


@pytest.mark.parametrize("document", [None, 7, "text", [], {}, {"routes": packed(b"{}")}])
async def test_a_push_without_a_valid_document_is_loaded_from_postgres(pod, pushed, document):
    status, answer = await push(pod, {**pushed, "document": document})
    assert (status, answer["data"]["version"]) == (200, 2)


async def test_a_document_that_cannot_be_used_is_not_served_without_postgres(pod, pushed):
    without_database(pod)
    wrong = {**pushed, "document": {**pushed["document"], "routes": packed(OTHER)}}
    assert (await push(pod, wrong))[0] == 500
    assert pod.pod.cache.version == 1


async def test_a_document_takes_no_pod_backwards(pod, pushed):
    assert (await push(pod, {**pushed, "version": 7}))[1]["data"]["version"] == 7
    without_database(pod)
    for older in (2, 6, 7):
        document = {**pushed["document"], "routes": packed(OTHER)}
        other = {"version": older, "checksum": hashlib.sha256(OTHER).hexdigest(), "document": document}
        status, answer = await push(pod, other)
        assert (status, answer["data"]["version"]) == (200, 7)
        assert answer["data"]["checksum"] == pushed["checksum"]


async def test_a_change_of_a_currency_is_learned_before_its_routes_are_served(pod, conn, database):
    await conn.execute("UPDATE currencies SET name = 'Renamed' WHERE code = 'USD'")
    await push(pod, await as_pushed(database))
    assert pod.pod.cache.version == 2
    assert pod.pod.currencies.by_code("USD").name == "Renamed"


async def test_a_pod_that_has_not_loaded_the_currencies_yet_asks_postgres(dsn, pushed):
    async with running_pod(dsn, wait=False, background=False) as starting:
        starting.pod.currencies._stamp = None
        assert (await push(starting, pushed))[1]["data"]["version"] == 2
        assert starting.pod.currencies.table.by_code


async def test_a_document_can_be_larger_than_other_bodies_and_not_without_end(pod, pushed):
    for size, expected in ((LARGEST_PUSH - 1024, 200), (LARGEST_PUSH, 413)):
        document = {**pushed["document"], "routes": "A" * (size // 4 * 4)}
        status, answer = await push(pod, {**pushed, "document": document})
        assert status == expected
    assert answer["error"] == "The body is too large: the limit is 96 KB."


async def test_the_signature_covers_the_document(pod, pushed):
    raw = json.dumps(pushed).encode()
    headers = {"Content-Type": "application/json", HEADER: sign(PUSH_SECRET, raw, time.time())}
    forged = json.dumps({**pushed, "document": {**pushed["document"], "routes": packed(OTHER)}}).encode()
    async with pod.client.post(pod.internal + "/internal/routes", data=forged, headers=headers) as response:
        assert response.status == 401
    assert pod.pod.cache.version == 1
