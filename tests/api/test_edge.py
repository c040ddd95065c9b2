from __future__ import annotations

import json
import re
import time

import pytest

from hingecraft.sync.signature import HEADER, sign
from support.pods import ADMIN, PUSH_SECRET, running_pod, signed_visitor

SITE = "https://site.example"
pytestmark = pytest.mark.usefixtures("still_minute")


async def statuses(pod, count: int, path: str = "/docs", **options: object) -> list[int]:
    found = []
    for _ in range(count):
        async with pod.client.get(pod.public + path, **options) as response:
            found.append(response.status)
    return found


async def test_each_visitor_has_a_limit_of_its_own(dsn):
    async with running_pod(dsn, rate_limit=5) as pod:
        first, second = signed_visitor("vid:" + "a" * 22), signed_visitor("ip:198.51.100.7")
        assert (await statuses(pod, 7, headers=first)).count(200) == 5
        assert (await statuses(pod, 7, headers=second)).count(200) == 5
        async with pod.client.get(pod.public + "/docs", headers=first) as response:
            assert response.status == 429
            assert int(response.headers["Retry-After"]) >= 1
            assert (await response.json())["code"] == "rate_limited"


async def test_routes_have_a_limit_of_their_own_and_probes_none(dsn):
    async with running_pod(dsn, rate_limit=1, rate_limit_routes=8, wait=False) as pod:
        assert (await statuses(pod, 10, "/routes")).count(429) == 2
        assert (await statuses(pod, 10, "/health")) == [200] * 10
        assert (await statuses(pod, 3, "/admin/policy", headers=ADMIN)) == [200] * 3


async def test_invented_visitors_are_capped_together(dsn):
    async with running_pod(dsn, rate_limit_site=6) as pod:
        found = [(await statuses(pod, 1, headers=signed_visitor(f"vid:{n:022d}")))[0] for n in range(10)]
        assert found.count(429) == 4
        assert (await statuses(pod, 1, headers=signed_visitor("ip:198.51.100.7"))) == [200]


async def test_forwarded_addresses_count_only_from_trusted_proxies(dsn):
    async with running_pod(dsn, rate_limit=2, trusted_proxies="127.0.0.1") as pod:
        for address in ("198.51.100.1", "198.51.100.2"):
            assert (await statuses(pod, 3, headers={"X-Forwarded-For": address})).count(200) == 2
    async with running_pod(dsn, rate_limit=2) as pod:
        found = [(await statuses(pod, 1, headers={"X-Forwarded-For": f"198.51.100.{n}"}))[0] for n in range(4)]
        assert found.count(200) == 2


async def test_a_home_of_ipv6_has_one_limit_and_its_network_a_wider_one(dsn):
    async with running_pod(dsn, rate_limit=2, trusted_proxies="127.0.0.1") as pod:

        async def ask(address):
            return (await statuses(pod, 1, headers={"X-Forwarded-For": address}))[0]

        assert [await ask(f"2001:db8:1:1::{number:x}") for number in range(4)] == [200, 200, 429, 429]
        neighbours = [await ask(f"2001:db8:1:{number:x}::1") for number in range(2, 30)]
        assert neighbours.count(200) == 2 * 10 - 2, "a /48 has ten times the limit of one visitor"
        assert await ask("2001:db8:2:1::1") == 200
        assert [await ask(address) for address in ("::ffff:192.0.2.1", "192.0.2.1", "::ffff:192.0.2.1")][2] == 429


async def test_tokens_are_not_guessed_without_end(dsn):
    async with running_pod(dsn, trusted_proxies="127.0.0.1") as pod:

        async def guess(token, address="192.0.2.1"):
            headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": address}
            async with pod.client.get(pod.public + "/admin/policy", headers=headers) as response:
                return response.status, response.headers.get("Retry-After")

        assert [(await guess(f"wrong-{number}"))[0] for number in range(35)] == [401] * 30 + [429] * 5
        status, wait = await guess("test-admin-token")
        assert (status, int(wait) >= 1) == (429, True), "the right one must not stand out among the guesses"
        assert (await guess("test-admin-token", "192.0.2.2"))[0] == 200
        assert [(await guess("", "192.0.2.3"))[0] for _ in range(35)] == [401] * 35, "a missing token is not a guess"


async def test_only_listed_origins_may_read(dsn):
    async with running_pod(dsn, cors_origins=SITE) as pod:
        async with pod.client.get(pod.public + "/routes", headers={"Origin": SITE}) as response:
            assert response.headers["Access-Control-Allow-Origin"] == SITE
            assert "Origin" in response.headers["Vary"]
            assert response.headers["Access-Control-Allow-Credentials"] == "true"
        async with pod.client.get(pod.public + "/routes", headers={"Origin": SITE + ".evil.example"}) as response:
            assert "Access-Control-Allow-Origin" not in response.headers
            assert "Access-Control-Allow-Credentials" not in response.headers
        asks = {"Origin": SITE, "Access-Control-Request-Method": "POST"}
        async with pod.client.options(pod.public + "/routes", headers=asks) as response:
            assert response.status == 204
            assert "Idempotency-Key" in response.headers["Access-Control-Allow-Headers"]
        asks["Origin"] = "https://evil.example"
        async with pod.client.options(pod.public + "/routes", headers=asks) as response:
            assert response.status == 403
            assert "Access-Control-Allow-Origin" not in response.headers
            assert "Access-Control-Allow-Credentials" not in response.headers


@pytest.mark.parametrize(
    "path", ["/routes", "/docs", "/openapi.json", "/health", "/ready", "/nothing", "/admin/policy"]
)
async def test_every_answer_carries_the_security_headers(pod, path):
    async with pod.client.get(pod.public + path) as response:
        for name in ("X-Content-Type-Options", "Content-Security-Policy", "Referrer-Policy", "X-Request-ID"):
            assert name in response.headers
        assert response.headers["Server"] == "hingecraft"


async def test_the_documents_are_served(pod):
    _, document = await pod.call("GET", "/openapi.json")
    assert document["openapi"] == "3.1.0"
    async with pod.client.get(pod.public + "/docs") as response:
        page = await response.text()
        assert "sha256-" in response.headers["Content-Security-Policy"]
    assert "<script" not in page
    for path in document["paths"]:
        assert path in page


async def test_metrics_are_on_the_internal_port(pod):
    await pod.call("GET", "/routes")
    async with pod.client.get(pod.internal + "/metrics") as response:
        text = await response.text()
    assert 'hingecraft_http_request_seconds_count{method="GET",route="/routes",status="200"}' in text
    assert "hingecraft_routes_version 1.0" in text
    assert "hingecraft_routes_age_seconds" in text


@pytest.mark.parametrize(("method", "path"), [("GET", "/metrics"), ("POST", "/internal/routes")])
async def test_nothing_internal_is_on_the_public_port(pod, method, path):
    async with pod.client.request(method, pod.internal + path, json={}) as response:
        assert response.status != 404
    async with pod.client.request(method, pod.public + path, json={}) as response:
        assert response.status == 404


async def push(pod, version: int, secret: str = PUSH_SECRET, path: str = "/internal/routes", **more: object):
    body = json.dumps({"version": version, "checksum": "0" * 64, **more}).encode()
    headers = {"Content-Type": "application/json", HEADER: sign(secret, body, time.time())}
    async with pod.client.post(pod.internal + path, data=body, headers=headers) as response:
        return response.status, await response.json()


async def test_a_push_is_answered_with_what_is_served_now(pod):
    assert (await push(pod, 99))[1]["data"]["version"] == 1, "the database has no such version"


@pytest.mark.parametrize("version", [0, -1, 2**63, "1", None])
async def test_a_push_of_nonsense_is_refused(pod, version):
    assert (await push(pod, version))[0] == 400


async def test_a_push_without_the_secret_is_refused(pod):
    assert (await push(pod, 1, secret="another-secret"))[0] == 401
    async with pod.client.post(pod.internal + "/internal/routes", json={"version": 1}) as response:
        assert response.status == 401


async def test_a_pod_that_is_draining_is_not_ready_and_closes_connections(pod):
    pod.pod.draining.set()
    status, answer = await pod.call("GET", "/ready")
    assert (status, answer["error"]) == (503, "The pod is shutting down.")
    async with pod.client.get(pod.public + "/routes") as response:
        assert response.status == 200
        assert response.headers["Connection"] == "close"


async def test_the_docs_say_where_a_parameter_stands(pod):
    async with pod.client.get(pod.public + "/docs") as response:
        page = await response.text()
    call = page.partition('<article id="get-prefill-id">')[2].partition("</article>")[0]
    places = [part.partition("</h4>") for part in call.split("<h4>")[1:]]
    found = {title: re.findall(r'<dt><code class="name">(.*?)</code>', html) for title, _, html in places}
    assert found["Path"] == ["id"]
    assert found["Headers"] == ["X-HC-Page-Load"]
    assert "Query" not in found


@pytest.mark.parametrize("path", ["/docs", "/openapi.json"])
async def test_the_documents_are_compressed_where_the_client_takes_that(pod, path):
    sizes = {}
    for encoding in ("gzip", "identity"):
        async with pod.client.get(pod.public + path, headers={"Accept-Encoding": encoding}) as response:
            assert response.headers.get("Content-Encoding", "identity") == encoding
            sizes[encoding] = int(response.headers["Content-Length"])
            assert "Accept-Encoding" in response.headers["Vary"]
    assert sizes["gzip"] < sizes["identity"] / 4
    # They grow with the calls: 700 bytes for each.
    async with pod.client.get(pod.public + "/openapi.json") as response:
        calls = sum(len(each) for each in (await response.json())["paths"].values())
    assert sizes["gzip"] < 700 * calls


async def test_the_docs_show_the_limits_of_this_pod(dsn):
    async with running_pod(dsn, rate_limit=71, rate_limit_routes=72, rate_limit_site=73) as pod:
        async with pod.client.get(pod.public + "/docs") as response:
            page = await response.text()
    assert all(f"<td>{number}" in page for number in (71, 72, 73))
