"""Webhooks through a company's proxy: what it may lead to, and what never goes through it."""

from __future__ import annotations

import asyncio
import ssl

import pytest
import trustme

from hingecraft.outbox import service
from hingecraft.outbox.delivery import Deliverer
from hingecraft.outbox.model import Endpoint
from hingecraft.proxies import Proxies
from hingecraft.settings import Secret
from support.connect_proxy import connect_proxy
from support.limits import PROGRESS
from support.pods import running_pod
from support.processes import HingecraftProcess
from support.receiver import SECRET, receiving
from support.reconciling import command

# Only the proxy knows where it is.
SITE = "www.site.test"
CLOSE_CHF = "UPDATE currencies SET enabled = false WHERE code = 'CHF'"


@pytest.fixture
async def site(tmp_path):
    """An https endpoint with a certificate of a private authority, `ca.pem`."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(SITE).configure_cert(context)
    async with receiving(context) as receiver:
        yield receiver


@pytest.fixture
async def proxy(site):
    async with connect_proxy({SITE: port_of(site)}, needs_login=True) as running:
        yield running


async def test_the_site_is_told_through_the_proxy_and_the_pods_directly(dsn, conn, site, proxy, tmp_path):
    async with running_pod(dsn) as pod:
        engine = HingecraftProcess(
            tmp_path, "sync", "sync", DATABASE_URL=dsn.newest, API_ADDRESSES=pod.internal,
            WIX_WEBHOOK_ENDPOINTS=f"site=https://{SITE}/_functions/hingecraftRoutesUpdate", WEBHOOK_SECRET=SECRET,
            HTTPS_PROXY=proxy.address_with_login, HTTP_PROXY=proxy.address_with_login,
            SSL_CERT_FILE=str(tmp_path / "ca.pem"),
        )  # fmt: skip
        await engine.start()
        try:
            await site.until(1)
            await conn.execute(CLOSE_CHF)
            await site.until(2)
            await pod.serves(2)
        finally:
            await engine.stop()
    assert site.forged == 0
    assert set(proxy.asked) == {f"CONNECT {SITE}:443"}


async def test_the_check_of_a_site_goes_through_it_too(dsn):
    """Over plain http, as for a site that is not published yet."""
    async with receiving() as site, connect_proxy({SITE: port_of(site)}, needs_login=True) as proxy:
        environment = {"HTTP_PROXY": proxy.address_with_login}
        code, said, _ = await command(dsn, environment, "site", "check", f"http://{SITE}")
        assert code == 1
        assert "cannot connect" not in said.lower()
        assert {asked.split()[0] for asked in proxy.asked} == {"GET", "POST", "OPTIONS"}
        assert proxy.hosts == {SITE}


def port_of(site):
    return int(site.url.split(":")[2].split("/")[0])


async def answer_of(database, conn, url, proxies):
    """The stored answer to the first attempt."""
    async with database.transaction() as held:
        await service.keep_endpoints(held, [Endpoint(name="site", url=url)], {"version": 1})
    deliverer = Deliverer(database, {"site": Secret(SECRET)}, send_timeout=5, proxies=proxies)
    task = asyncio.create_task(deliverer.run())
    async with asyncio.timeout(PROGRESS):
        while not (answer := await conn.fetchval("SELECT answer FROM outbox")):
            await asyncio.sleep(0.02)
    task.cancel()
    return answer


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"http://{SITE}/x", "not https"),
        ("https://10.0.0.1/x", "not public"),
        ("https://[fd00::1]/x", "not public"),
        ("https://169.254.169.254/latest/meta-data", "not public"),
        ("https://127.0.0.1/x", "not public"),
        ("https://localhost/x", "not public"),
        # A name by its looks, which every resolver reads as 10.0.0.1.
        ("https://10.1/x", "not public"),
    ],
)
async def test_a_private_address_is_not_asked_of_the_proxy_either(database, conn, proxy, url, said):
    proxies = Proxies(https=proxy.address_with_login, http=proxy.address_with_login)
    assert said in await answer_of(database, conn, url, proxies)
    assert proxy.asked == []


async def test_what_no_proxy_names_is_connected_to_directly(database, conn, proxy):
    """Its name is known to the proxy only, so that this fails."""
    proxies = Proxies(https=proxy.address_with_login, no_proxy=[".svc", SITE])
    assert f"Cannot connect to host {SITE}:443" in await answer_of(database, conn, f"https://{SITE}/x", proxies)
    assert proxy.asked == []


async def test_the_proxy_has_the_last_word(database, conn, proxy):
    proxies = Proxies(https=proxy.address_with_login)
    answer = await answer_of(database, conn, "https://elsewhere.test/x", proxies)
    assert answer == "ProxyRejectedError: [Errno 13] the proxy answered 403 Forbidden"


async def test_a_wrong_login_is_said_without_the_password(database, conn, proxy):
    proxies = Proxies(https=f"http://somebody:wrong-password@127.0.0.1:{proxy.port}")
    answer = await answer_of(database, conn, f"https://{SITE}/x", proxies)
    assert answer == "ProxyRejectedError: [Errno 13] the proxy answered 407 Proxy Authentication Required"


async def test_a_proxy_that_is_away_is_named_without_the_password(database, conn, unused_tcp_port):
    proxies = Proxies(https=f"http://somebody:wrong-password@127.0.0.1:{unused_tcp_port}")
    answer = await answer_of(database, conn, f"https://{SITE}/x", proxies)
    assert f"Cannot connect to host 127.0.0.1:{unused_tcp_port}" in answer
    assert "wrong-password" not in answer
