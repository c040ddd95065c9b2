"""The lane for `GET /routes` answers what aiohttp would answer, byte for byte, and only where it is sure."""

from __future__ import annotations

import asyncio
import itertools
import re
import socket
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hingecraft.routes.model import RoutesVersion
from hingecraft_api.access.limits import Limit, Limits
from hingecraft_api.access.visitor import HEADER, Visitor
from hingecraft_api.lane.body_file import BodyFile
from hingecraft_api.lane.moment import Moment
from hingecraft_api.lane.protocol import LaneProtocol
from hingecraft_api.routes.cache import snapshot_of
from support.limits import PROGRESS
from support.pods import signed_visitor
from support.two_paths import PLAIN, connect, counted, request

VID = "vid:AAAAAAAAAAAAAAAAAAAAAA"


OTHER = b"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"


BROWSER = (
    "Connection: keep-alive", "User-Agent: Mozilla/5.0 (X11; Linux x86_64) Chrome/142.0.0.0", "Accept: */*",
    "Origin: https://site.example", "Referer: https://site.example/", "Accept-Encoding: gzip, deflate, br, zstd",
    "Accept-Language: en-GB,en;q=0.9", 'If-None-Match: "another"',
)  # fmt: skip
TRAEFIK = (
    "User-Agent: node", "Accept-Encoding: gzip", "X-Forwarded-For: 203.0.113.7", "X-Forwarded-Host: pay.example.com",
    "X-Forwarded-Port: 443", "X-Forwarded-Proto: https", "X-Real-Ip: 203.0.113.7", "X-Request-Id: wix:42",
)  # fmt: skip


SENT = [
    (), BROWSER, TRAEFIK, ("Accept-Encoding: br",), ("Accept-Encoding: gzip;q=0, zstd",), ("If-None-Match: *",),
    ("If-None-Match: *", "Origin: https://site.example", "Accept-Encoding: gzip"), ("Origin: https://evil.example",),
    ("X-Request-ID: a b",), ("X-Request-ID: 100%d",), ("CONNECTION: Keep-Alive",),
]  # fmt: skip


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_the_lane_answers_what_clients_send(both, answered, method):
    for fields in SENT:
        data = request(*fields, method=method)
        stream = await both.compare(data)
        assert stream.startswith((b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 304 Not Modified\r\n"))
        await both.compare(data, data, data)
    assert answered == [method] * 4 * len(SENT)


async def test_a_request_that_arrives_with_its_connection_is_answered(both, answered, monkeypatch):
    """Then aiohttp has not begun to wait for a request."""
    made = LaneProtocol.connection_made

    def with_a_request(self, transport):
        made(self, transport)
        self.data_received(PLAIN)

    monkeypatch.setattr(LaneProtocol, "connection_made", with_a_request)
    reader, writer = await connect(both.lane)
    async with asyncio.timeout(PROGRESS):
        first = await reader.readuntil(b"\r\n\r\n")
        length = first.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length))
        assert answered == ["GET"]
        writer.write(OTHER)
        assert (await reader.readline()).startswith(b"HTTP/1.1 404 ")
    writer.close()


async def test_a_signed_visitor_is_verified_in_the_lane(both, answered):
    name, value = next(iter(signed_visitor(VID).items()))
    await both.compare(request(f"{name}: {value}"))
    assert answered == ["GET"]
    for wrong in (value[:-1] + ("0" if value[-1] != "0" else "1"), value.replace("v1", "v2"), "nonsense"):
        await both.compare(request(f"{name}: {wrong}"))
    assert answered == ["GET"], "a wrong signature is left to aiohttp"
    assert counted(both.lane, "refused_signatures") == counted(both.aiohttp, "refused_signatures")


@pytest.fixture
def callers(monkeypatch) -> list[str]:
    """The callers whose requests for routes were counted, by both pods: in pairs, if they agree."""
    seen: list[str] = []
    counted_for = Limits.counted

    def counted(limits: Limits, limit: Limit, caller: Visitor):
        if limit is Limit.ROUTES:
            seen.append(caller.key)
        return counted_for(limits, limit, caller)

    monkeypatch.setattr(Limits, "counted", counted)
    return seen


@pytest.mark.parametrize("name", ["X-HC-Visitor", "X-Hc-Visitor", "x-hc-visitor"])
async def test_the_same_bytes_around_another_visitor_are_another_visitor(both, answered, callers, name):
    values = [signed_visitor(f"ip:192.0.2.{number}")[HEADER] for number in range(4)]
    for value in values:
        await both.compare(request(f"{name}: {value}", "Accept-Encoding: gzip"))
    assert answered == ["GET"] * 4
    for wrong in (values[0][:-1], values[0] + " ", values[0] + "\0", values[0].upper(), "v1;", values[0] + ", x"):
        await both.compare(request(f"{name}: {wrong}", "Accept-Encoding: gzip"))
    assert answered == ["GET"] * 4, "what does not verify is left to aiohttp"
    assert callers[:8] == [f"ip:192.0.2.{number}" for number in (0, 0, 1, 1, 2, 2, 3, 3)]
    assert callers[::2] == callers[1::2]


async def test_a_visitor_is_named_by_its_own_header_only(both, callers):
    """A value that looks like the header, before or after it, or instead of it."""
    value, other = (signed_visitor(f"ip:192.0.2.{number}")[HEADER] for number in (1, 2))
    for text in (value, other):
        for fields in (
            [f"Foo: x-hc-visitor: {text}"], [f"Foo: isitor: {text}", f"{HEADER}: {value}"],
            [f"{HEADER}: {value}", f"Foo: isitor: {text}"], [f"Y-{HEADER}: {text}"],
            [f"{HEADER}: {value}", f"{HEADER}: {text}"],
        ):  # fmt: skip
            await both.compare(request(*fields))
    assert callers
    assert callers[::2] == callers[1::2]


LEFT_TO_AIOHTTP = [
    request("Connection: close"), request("Connection: keep-alive, close"), request("Connection: Upgrade"),
    request("Connection: Upgrade", "Upgrade: websocket"), request("Upgrade: h2c"),
    request("Expect: 100-continue"),
    request("Expect: nonsense"), request("Content-Length: 0"), request("Content-Length: 3") + b"abc",
    request("Content-Length: 0", "Content-Length: 0"), request("Content-Length: -1"), request("Content-Length: +0"),
    request("Transfer-Encoding: chunked") + b"0\r\n\r\n", request("Transfer-Encoding: identity"),
    request("Transfer-Encoding: chunked", "Content-Length: 4") + b"0\r\n\r\n",
    request("Transfer-Encoding: chunked") + b"0\r\n\r\n" + PLAIN,
    request("Transfer-Encoding : chunked") + b"0\r\n\r\n",
    request("Content-Length : 5") + b"hello", request("Content-Encoding: gzip"), request("Sec-WebSocket-Key1: x"),
    request("Proxy-Connection: close"), request("Trailer: X"), request("X-Routes-At-Least: 1"),
    request("X-Routes-At-Least: x"), request("Host: y"), request("Host : y"), b"GET /routes HTTP/1.1\r\n\r\n",
    request("X-HC-Visitor: a", "X-HC-Visitor: b"), request("X-Forwarded-For: 1.2.3.4", "X-Forwarded-For: 5.6.7.8"),
    request("If-None-Match: *", 'If-None-Match: "a"'), request("Origin: https://site.example", "Origin: null"),
    request("Accept-Encoding: br", "accept-encoding: gzip"), request("X-Request-ID: a", "x-request-id: b"),
    request("X-Folded: a", " b"), request("X-Folded: a", "\tb"), request("X:no-space"), request("X:  two-spaces"),
    request("X: trailing "), request("X: trailing\t"), request("X:\ttab"), request("X: "), request("X:"),
    request("X: \xfc"), request("X: a\x00b"), request("X: a\rb"), request("X: a\nb"), request("X\x00: b"),
    request("X_Y: b"), request("no colon"), request(": no name"), request("X Y: b"),
    request(target="/routes?x=1"), request(target="/routes/"), request(target="//routes"),
    request(target="/%72outes"),
    request(target="http://x/routes"), request(target="/routes#a"), request(target="*"),
    request(version="HTTP/1.0"),
    request("Connection: keep-alive", version="HTTP/1.0"), request(version="HTTP/2.0"), request(version="http/1.1"),
    request(method="get"), request(method="POST"), request(method="OPTIONS"), request(method="GET "),
    PLAIN.replace(b"\r\n", b"\n"), PLAIN.replace(b"\r\n\r\n", b"\n\n"), PLAIN.replace(b"\r\n\r\n", b"\r\n\n"),
    PLAIN.replace(b"\r\n", b"\n", 1), PLAIN.replace(b"\r\n", b"\r"), b"\r\n" + PLAIN, b"\n" + PLAIN, b" " + PLAIN,
    PLAIN + b"\r\n", PLAIN + b"\r\n\r\n", PLAIN + b"GET", PLAIN + b"\x00", PLAIN + PLAIN[:-2], PLAIN + OTHER,
    PLAIN + b"nonsense\r\n\r\n", OTHER + PLAIN, OTHER, request(*(f"X-{i}: b" for i in range(65))),
    request(*(f"X-{i}: b" for i in range(130))), request("X: " + "a" * 5000), request("X: " + "a" * 20_000),
    request(target="/routes" + "a" * 9000),
]  # fmt: skip


async def test_all_else_goes_to_aiohttp_unchanged(both, answered):
    for data in LEFT_TO_AIOHTTP:
        await both.compare(data)
        assert answered == [], data
    for data in LEFT_TO_AIOHTTP:
        await both.compare(PLAIN, data, PLAIN)


async def test_a_request_may_be_split_at_every_byte(both, answered):
    pair = request(*TRAEFIK) + request("Accept-Encoding: gzip", method="HEAD")
    for cut in range(1, len(pair)):
        await both.compare(pair[:cut], pair[cut:], PLAIN)
    assert answered.count("GET") >= len(pair) - 1, "the lane goes on after a request that came in pieces"
    await both.compare(*(pair[at : at + 1] for at in range(len(pair))))


@pytest.mark.parametrize("cut", [5, len(OTHER) - 5, len(OTHER) - 2])
async def test_the_lane_goes_on_after_a_body_in_pieces(both, answered, cut):
    await both.compare(OTHER[:cut], OTHER[cut:], PLAIN)
    assert answered == ["GET"]
    await both.compare(OTHER[:cut], OTHER[cut:] + PLAIN, PLAIN)
    assert answered == ["GET"], "what is beyond the body is not known to be a request"


async def test_a_body_that_looks_like_a_request_is_a_body(both, answered):
    inner = request("X-Request-ID: smuggled")
    for head in (
        f"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: {len(inner)}\r\n\r\n",
        f"\r\n\r\nPOST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: {len(inner)}\r\n\r\n",
        f"POST /nothing HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{len(inner):x}\r\n",
    ):
        stream = await both.compare(head.encode(), inner, b"\r\n0\r\n\r\n")
        assert b"smuggled" not in stream
    assert answered == []


async def test_pipelined_requests_are_answered_in_their_order(both, answered):
    ids = [request(f"X-Request-ID: r-{number}", method=method) for number, method in enumerate(["GET", "HEAD"] * 5)]
    stream = await both.compare(b"".join(ids))
    assert answered == ["GET", "HEAD"] * 5
    places = [stream.index(f"X-Request-ID: r-{number}\r\n".encode()) for number in range(10)]
    assert places == sorted(places)
    answered.clear()
    await both.compare(request(target="/ready"), *ids)
    await both.compare(request(target="/config") + ids[0], *ids)


async def test_an_answer_of_aiohttp_is_not_overtaken(both, monkeypatch):
    """The lane keeps still while a request before it is being answered."""
    going_on = asyncio.Event()
    look = both.lane.pod.loader.reach

    async def slow(version):
        await going_on.wait()
        return await look(version)

    monkeypatch.setattr(both.lane.pod.loader, "reach", slow)
    reader, writer = await connect(both.lane)
    writer.write(request("X-Routes-At-Least: 2", "X-Request-ID: first"))
    for number in range(3):
        await asyncio.sleep(0.01)
        writer.write(request(f"X-Request-ID: after-{number}"))
    await asyncio.sleep(0.01)
    going_on.set()
    stream = b""
    while b"after-2" not in stream:
        stream += await reader.read(1 << 20)
    places = [stream.index(name) for name in (b": first", b"after-0", b"after-1", b"after-2")]
    assert places == sorted(places)
    writer.close()


async def test_a_client_that_does_not_read_is_not_answered_into_memory(both, answered):
    reader, writer = await connect(both.lane)
    writer.write(PLAIN * 3000)
    transport = writer.transport
    while transport.get_write_buffer_size():
        await asyncio.sleep(0.01)
    for _ in range(20):
        await asyncio.sleep(0)
        writer.write(PLAIN * 60)
    length = None
    received = 0
    while received < 3000 * (length or 1):
        part = await reader.read(1 << 20)
        length = length or len(part.split(b"HTTP/1.1 200")[1]) + 12
        received += len(part)
    assert len(answered) < 3000
    writer.close()


async def test_what_the_socket_does_not_take_at_once_follows_complete(both, answered, monkeypatch):
    """A large body goes past the transport; what is left of it goes by the transport, and so does what comes after."""
    rests = []
    send = BodyFile.send

    def noting(file, connection, head):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        rests.append(send(file, connection, head))
        return rests[-1]

    monkeypatch.setattr(BodyFile, "send", noting)
    body = both.lane.pod.cache.current.variants["identity"].body
    host, _, port = both.lane.public.removeprefix("http://").partition(":")
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect((host, int(port)))
        connection.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=connection, limit=4096)
        writer.write(PLAIN * 60)
        for _ in range(60):
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 OK\r\n")
            assert await reader.readexactly(len(body)) == body
        writer.close()
    assert answered
    assert any(rests)


async def test_a_header_that_is_missing_or_another_would_be_noticed(both, monkeypatch):
    """The comparison is worth something for each header that the lane writes."""
    data = request(*BROWSER)
    head = Moment._head
    names = [
        line.partition(b":")[0].decode() for line in (await both.compare(data)).split(b"\r\n\r\n")[0].split(b"\r\n")[1:]
    ]
    assert len(names) == 20
    for name in names:
        for text in ("", f"{name}: of no use\r\n"):

            def changed(*arguments, name=name, text=text):
                return re.sub(rf"(?m)^{name}: .*\r\n", text, head(*arguments))

            monkeypatch.setattr(Moment, "_head", changed)
            both.lane.pod.cache.changes += 1
            with pytest.raises(AssertionError):
                await both.compare(data)
    monkeypatch.undo()
    both.lane.pod.cache.changes += 1


async def test_date_and_age_go_on_and_a_version_is_seen_at_once(both, monkeypatch):
    """Covers the headers that the comparison leaves out, and the answers that a moment keeps."""
    reader, writer = await connect(both.lane)
    cache = both.lane.pod.cache

    async def answer() -> dict[bytes, bytes]:
        writer.write(request(method="HEAD"))
        head = await reader.readuntil(b"\r\n\r\n")
        return dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:-2])

    before = int(time.time())
    first = await answer()
    assert before - 1 <= parsedate_to_datetime(first[b"Date"].decode()).timestamp() <= time.time()
    monkeypatch.setattr(cache, "_confirmed_at", time.monotonic() - 1000)
    async with asyncio.timeout(PROGRESS):
        while int((aged := await answer())[b"X-Routes-Age"]) < 1000:
            await asyncio.sleep(0.05)
    assert aged[b"Date"] >= first[b"Date"] or aged[b"Date"][:3] != first[b"Date"][:3]
    confirmed = time.monotonic()
    cache.confirm()
    assert int((await answer())[b"X-Routes-Age"]) <= time.monotonic() - confirmed
    current = cache.current
    cache.swap(snapshot_of(_version_after(current)))
    assert (await answer())[b"X-Routes-Version"] == str(current.version + 1).encode()
    writer.close()


@given(st.data())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_generated_requests_in_generated_pieces(both, data):
    heads = data.draw(st.lists(_requests(), min_size=1, max_size=3))
    stream = b"".join(heads)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(stream) - 1), max_size=3)))
    await both.compare(*(stream[a:b] for a, b in itertools.pairwise([0, *cuts, len(stream)])))


def _requests() -> st.SearchStrategy[bytes]:
    names = st.sampled_from(
        ["Accept-Encoding", "If-None-Match", "Origin", "X-Request-ID", "X-HC-Visitor", "X-Forwarded-For", "Connection",
         "Accept", "Cookie", "Range", "If-Modified-Since", "Content-Type", "Priority", "Host", "X-Y", "x-y"]
    ) | st.from_regex(r"[!-~]{1,6}", fullmatch=True)  # fmt: skip
    values = st.sampled_from(
        ["br", "gzip, br;q=0.5", "*", "identity", 'W/"a", "b"', "https://site.example", "null", "abc-1", "close",
         "keep-alive", "10.0.0.1", "2001:db8::1, 127.0.0.1", "bytes=0-1", "trailers", "x"]
    ) | st.text(st.characters(min_codepoint=0, max_codepoint=255), max_size=12)  # fmt: skip
    separators = st.sampled_from([": "] * 9 + [":", ":  ", " :"])
    fields = st.lists(st.builds(lambda name, colon, value: name + colon + value, names, separators, values), max_size=5)
    targets = st.sampled_from(["/routes"] * 9 + ["/routes?a=b", "/health", "/Routes"])
    return st.builds(
        lambda method, target, field: request(*field, method=method, target=target),
        st.sampled_from(["GET"] * 5 + ["HEAD"] * 3 + ["POST", "OPTIONS"]), targets, fields,
    )  # fmt: skip


def _version_after(snapshot) -> RoutesVersion:
    return RoutesVersion(
        version=snapshot.version + 1, checksum="0" * 64, generated_at=datetime.now(UTC), restored_from=None,
        next_expiry=None, routes="{}",
    )  # fmt: skip
