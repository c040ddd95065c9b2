"""Whatever comes in: the right status, one clear sentence in the envelope, never a 500, never SQL or a stack trace."""

from __future__ import annotations

import asyncio
import gzip
import json

import pytest

from hingecraft.routes import service
from hingecraft_api.messages import bodies
from support.limits import PROGRESS
from support.pods import ADMIN

JSON = {**ADMIN, "Content-Type": "application/json"}


def check_envelope(body: bytes) -> dict[str, object]:
    answer = json.loads(body)
    assert answer["success"] is False
    assert answer["error"].endswith((".", "!"))
    assert "\n" not in answer["error"]
    for leak in ("Traceback", "SELECT", "asyncpg", "line 1", "pydantic"):
        assert leak not in body.decode()
    return answer


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400), (b"{", 400), (b"null", 400), (b"[]", 400), (b'"x"', 400), (b"\xff\xfe", 400),
        (b"\xef\xbb\xbf{}", 400),
        (b'{"version": NaN}', 400), (b'{"version": Infinity}', 400), (b'{"version": 1, "version": 2}', 400),
        (b'{"version": ' + b"9" * 1000 + b"}", 400), (b'{"version": 1e' + b"9" * 200 + b"}", 400),
        (b'{"version": 1e999999}', 400), (b'{"version": "\\u0000"}', 400), (b'{"\\u0000": 1}', 400),
        (b'{"version": "\\ud800"}', 400), (b"[" * 30_000, 400), (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, 400),
        (b'{"a":' * 30 + b"1" + b"}" * 30, 400), (b'{"version": "' + b"x" * 70_000 + b'"}', 413),
    ],
)  # fmt: skip
async def test_bodies(pod, body, status):
    async with pod.client.post(pod.public + "/admin/routes/pin", data=body, headers=JSON) as response:
        assert response.status == status
        check_envelope(await response.read())


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonx"])
async def test_other_media_types(pod, kind):
    headers = {**ADMIN, "Content-Type": kind}
    async with pod.client.post(pod.public + "/admin/routes/pin", data=b'{"version": 1}', headers=headers) as response:
        assert response.status == 415
        check_envelope(await response.read())


async def test_a_chunked_body_that_never_ends_is_cut_off(pod):
    async def endless():
        for _ in range(10_000):
            yield b"x" * 1024

    async with pod.client.post(pod.public + "/admin/routes/pin", data=endless(), headers=JSON) as response:
        assert response.status == 413
        check_envelope(await response.read())


async def test_a_compressed_bomb_is_counted_as_what_it_holds(pod):
    headers = {**JSON, "Content-Encoding": "gzip"}
    bomb = gzip.compress(b'{"version": "' + b"0" * 50_000_000 + b'"}')
    assert len(bomb) < 64 * 1024
    async with pod.client.post(pod.public + "/admin/routes/pin", data=bomb, headers=headers) as response:
        assert response.status == 413
    async with pod.client.post(pod.public + "/admin/routes/pin", data=b"no gzip", headers=headers) as response:
        assert response.status == 400


async def test_a_slow_body_is_not_waited_for(pod, monkeypatch):
    monkeypatch.setattr(bodies, "_BODY_TIMEOUT", 0.2)

    answered = asyncio.Event()

    async def slow():
        yield b'{"version":'
        await answered.wait()
        yield b" 1}"

    async with pod.client.post(pod.public + "/admin/routes/pin", data=slow(), headers=JSON) as response:
        assert response.status == 408
        check_envelope(await response.read())
        answered.set()


async def raw(pod, data: bytes) -> tuple[bytes, bytes]:
    host, _, port = pod.public.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(data)
    async with asyncio.timeout(PROGRESS):
        answer = await reader.read()
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.split(b"\r\n")[0], body


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET /routes HTTP/9.9\r\n\r\n", 400),
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
        (b"GET /routes HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", 431),
        (b"GET /routes HTTP/1.1\r\nHost: x\r\n" + b"X-A: b\r\n" * 500 + b"\r\n", 431),
        (b"GET /routes HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n", 400),
        (b"GET /routes HTTP/1.1\r\nHost: x\r\nX-\x00A: b\r\n\r\n", 400),
        (b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400),
    ],
)  # fmt: skip
async def test_a_request_that_is_not_http_is_answered_in_the_envelope(pod, head, status):
    line, body = await raw(pod, head)
    assert int(line.split()[1]) == status
    check_envelope(body)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404), ("GET", "/routes/", 404), ("GET", "/%00", 404), ("GET", "/../../etc/passwd", 404),
        ("DELETE", "/routes", 405), ("POST", "/health", 405), ("PUT", "/admin/policy", 405), ("BREW", "/routes", 400),
        ("GET", "/admin", 404), ("GET", "/internal/routes", 404), ("GET", "/metrics", 404),
    ],
)  # fmt: skip
async def test_other_addresses_and_methods(pod, method, path, status):
    async with pod.client.request(method, pod.public + path) as response:
        assert response.status == status
        check_envelope(await response.read())
        assert (status != 405) or response.headers["Allow"]


@pytest.mark.parametrize("given", ["a b", "x" * 129, "<script>", "", "ünicode"])
async def test_a_request_id_that_is_not_plain_text_is_replaced(pod, given):
    async with pod.client.get(pod.public + "/health", headers={"X-Request-ID": given}) as response:
        assert response.headers["X-Request-ID"] != given


async def test_a_request_id_is_taken_over(pod):
    async with pod.client.get(pod.public + "/nothing", headers={"X-Request-ID": "wix:42"}) as response:
        assert response.headers["X-Request-ID"] == "wix:42"
        assert (await response.json())["requestId"] == "wix:42"


async def test_an_internal_error_reveals_nothing(pod, monkeypatch):
    async def broken(_database):
        raise RuntimeError("SELECT secret FROM vault")

    monkeypatch.setattr(service, "policy", broken)
    async with pod.client.get(pod.public + "/admin/policy", headers=ADMIN) as response:
        assert response.status == 500
        assert check_envelope(await response.read())["code"] == "internal_error"
