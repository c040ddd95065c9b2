from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import os
import threading

import brotli
import pytest
from backports import zstd

from hingecraft.identity.principal import Actor
from hingecraft.routes import service as routes
from hingecraft_api.messages.negotiation import Negotiation, matches
from support.limits import PROGRESS
from support.pods import running_pod

LINK = "INSERT INTO external_payments (gateway, currency, provider_url, amount) VALUES ('stripe', 'usd', $1, 37.50)"


@pytest.fixture
async def raw(pod):
    """Requests whose bytes are left as they come."""
    pod.client._auto_decompress = False
    await _encoded(pod)
    return pod


async def _encoded(pod):
    async with asyncio.timeout(PROGRESS):
        while "br" not in pod.pod.cache.current.variants:
            await asyncio.sleep(0.01)


async def test_the_answer_is_the_newest_version(pod):
    async with pod.client.get(pod.public + "/routes", headers={"Accept-Encoding": "identity"}) as response:
        body = await response.read()
    answer = json.loads(body)
    assert answer["success"] is True
    data = answer["data"]
    assert data["version"] == 1
    assert data["routes"]["USD"]["symbol"] == "$"
    assert response.headers["ETag"] == f'"{data["checksum"]}"'
    assert response.headers["Cache-Control"] == "public, max-age=1"
    assert response.headers["X-Routes-Version"] == "1"
    assert response.headers["X-Routes-Age"].isdigit()
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    text = body[body.index(b'"routes": ') + len(b'"routes": ') : -2]
    assert hashlib.sha256(text).hexdigest() == data["checksum"], "a client can check what it was given"


async def test_amounts_are_never_floats(pod, conn, database):
    await conn.execute(LINK, "https://buy.example/1")
    await routes.publish(database)
    await pod.pod.loader.refresh()
    async with pod.client.get(pod.public + "/routes") as response:
        assert '"amount": 37.5,' in await response.text() or '"amount": 37.5}' in await response.text()


@pytest.mark.parametrize(
    ("name", "open_"), [("br", brotli.decompress), ("gzip", gzip.decompress), ("zstd", zstd.decompress)]
)
async def test_each_encoding_has_its_own_tag_and_holds_the_same(raw, name, open_):
    async with raw.client.get(raw.public + "/routes", headers={"Accept-Encoding": "identity"}) as plain:
        identity = await plain.read()
    async with raw.client.get(raw.public + "/routes", headers={"Accept-Encoding": name}) as response:
        assert response.headers["Content-Encoding"] == name
        assert response.headers["ETag"] == plain.headers["ETag"][:-1] + f'-{name}"'
        assert "Accept-Encoding" in response.headers["Vary"]
        packed = await response.read()
    assert open_(packed) == identity
    assert len(packed) < len(identity) / 5


async def test_a_version_is_compressed_while_no_request_wants_the_core(raw):
    encoders = [thread for thread in threading.enumerate() if thread.name.startswith("encoder")]
    requests = os.getpriority(os.PRIO_PROCESS, os.getpid())
    assert encoders
    assert all(os.getpriority(os.PRIO_PROCESS, each.native_id or 0) > requests for each in encoders)


async def test_a_client_that_has_it_gets_304_without_a_body(pod):
    async with pod.client.get(pod.public + "/routes", headers={"Accept-Encoding": "identity"}) as first:
        tag = first.headers["ETag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        headers = {"If-None-Match": known, "Accept-Encoding": "identity"}
        async with pod.client.get(pod.public + "/routes", headers=headers) as again:
            assert (again.status, await again.read()) == (304, b"")
            assert again.headers["ETag"] == tag
            assert again.headers["X-Routes-Version"] == "1"
    async with pod.client.get(pod.public + "/routes", headers={"If-None-Match": '"other"'}) as other:
        assert other.status == 200


async def test_head_says_what_get_would_send(pod):
    headers = {"Accept-Encoding": "identity"}
    async with pod.client.get(pod.public + "/routes", headers=headers) as full:
        length = len(await full.read())
    async with pod.client.head(pod.public + "/routes", headers=headers) as head:
        assert (head.status, await head.read()) == (200, b"")
        assert int(head.headers["Content-Length"]) == length


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("gzip, deflate, br, zstd", "br"), ("gzip", "gzip"), ("", "identity"), ("deflate", "identity"),
        ("br;q=0, gzip;q=0.5", "gzip"), ("zstd;q=1.0, br;q=0.1", "zstd"), ("*", "br"), ("*;q=0", "identity"),
        ("identity, gzip;q=0.5", "identity"), ("GZIP", "gzip"), ("gzip;q=nonsense", "identity"), (";;,,=", "identity"),
    ],
)  # fmt: skip
def test_encodings_are_negotiated(accept, chosen):
    assert Negotiation().choose(accept, {"identity", "br", "gzip", "zstd"}) == chosen


def test_an_encoding_that_is_not_ready_yet_is_not_promised():
    assert Negotiation().choose("br, gzip", {"identity"}) == "identity"


def test_tags_are_compared_weakly():
    assert matches('W/"a"', '"a"')
    assert not matches('"ab"', '"a"')


async def test_a_pod_says_where_a_restored_version_comes_from(pod, conn, database):
    await conn.execute(LINK, "https://buy.example/1")
    await routes.publish(database)
    await routes.pin(database, 1, Actor(name="admin"))
    await pod.pod.loader.refresh()
    _, answer = await pod.call("GET", "/routes")
    assert (answer["data"]["version"], answer["data"]["restoredFrom"]) == (3, 1)


async def test_a_version_that_does_not_match_its_checksum_is_not_served(pod, conn):
    await conn.execute("INSERT INTO payment_routes (version, routes, checksum) VALUES (9, '{}', repeat('0', 64))")
    await pod.pod.loader.refresh()
    assert pod.pod.cache.version == 1


async def test_a_pod_never_goes_backwards(pod, conn, database):
    await conn.execute(LINK, "https://buy.example/1")
    await routes.publish(database)
    await pod.pod.loader.refresh()
    await conn.execute("DELETE FROM payment_routes WHERE version = 2")
    await pod.pod.loader.refresh()
    assert await pod.pod.loader.reach(1) == 2
    assert pod.pod.cache.version == 2


async def test_reading_routes_asks_the_database_nothing(pod):
    pod.pod.database.pool = None  # asking for a connection would fail
    for _ in range(20):
        assert (await pod.call("GET", "/routes"))[0] == 200


async def test_without_a_version_the_pod_is_alive_and_not_ready(empty_dsn):
    async with running_pod(empty_dsn, wait=False) as pod:
        assert (await pod.call("GET", "/health"))[0] == 200
        status, answer = await pod.call("GET", "/ready")
        assert (status, answer["code"]) == (503, "not_ready")
        status, answer = await pod.call("GET", "/routes")
        assert (status, answer["code"]) == (503, "not_ready")
