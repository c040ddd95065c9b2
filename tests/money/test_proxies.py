"""Providers are reached through a company's proxy, and trusted by a company's own authority."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
import trustme

from hingecraft_sandbox.postgres import free_port
from support.connect_proxy import connect_proxy
from support.limits import PROGRESS
from support.processes import ApiProcess, HingecraftProcess
from support.reconciling import command, summary_of
from support.sandbox import STRIPE_KEY

# Only the proxy knows where it is.
HOST = "providers.test"
GENERATE = "/charter/generate-payment"
PROVIDERS = {
    "STRIPE_SECRET": STRIPE_KEY, "STRIPE_PUBLISHABLE_KEY": "pk_test_sandbox", "STRIPE_API_BASE": f"https://{HOST}",
    "STRIPE_WEBHOOK_SECRET": "whsec_sandbox", "NOWPAYMENTS_IPN_SECRET": "sandbox-ipn-secret",
    "NOWPAYMENTS_API_KEY": "sandbox-key", "NOWPAYMENTS_API_BASE": f"https://{HOST}/nowpayments/v1",
    "PUBLIC_URL": "https://pay.example.com", "STRIPE_RATE": "5000",
}  # fmt: skip


@pytest.fixture
async def providers(tmp_path):
    """The port of a sandbox that serves https with a certificate of a private authority, `ca.pem`."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    certificate = tmp_path / "sandbox.pem"
    authority.issue_cert(HOST).private_key_and_cert_chain_pem.write_to_path(certificate)
    port = free_port()
    process = HingecraftProcess(
        tmp_path, "sandbox", "sandbox", "--port", str(port), "--address", f"https://{HOST}", "--certificate",
        str(certificate),
    )  # fmt: skip
    await process.start()
    try:
        async with asyncio.timeout(PROGRESS):
            while not await answers(port):
                await asyncio.sleep(0.02)
        yield port
    finally:
        await process.stop()


async def answers(port):
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


@pytest.fixture
async def proxy(providers):
    async with connect_proxy({HOST: providers}, needs_login=True) as running:
        yield running


@pytest.fixture
def behind_it(proxy, tmp_path):
    """The environment of a process behind the proxy."""
    return {**PROVIDERS, "HTTPS_PROXY": proxy.address_with_login, "SSL_CERT_FILE": str(tmp_path / "ca.pem")}


async def give(dsn, folder, environment, *currencies):
    """A pod's answers to gifts in these currencies, and its log."""
    pod = ApiProcess(folder, "api", dsn.newest, **environment)
    await pod.start()
    try:
        await pod.until("/ready", 200)
        return await asyncio.gather(*(given(pod, currency) for currency in currencies)), pod.log.read_text()
    finally:
        await pod.stop()


async def given(pod, currency):
    body = {"amount": 20, "currency": currency}
    async with aiohttp.ClientSession() as client, client.post(pod.public + GENERATE, json=body) as response:
        return response.status, await response.json()


async def test_a_pod_asks_both_providers_through_the_proxy(dsn, tmp_path, behind_it, proxy):
    answers, _ = await give(dsn, tmp_path, behind_it, "EUR", "BTC")
    for status, answer in answers:
        assert status == 200, answer
        assert answer["data"]["url"].startswith(f"https://{HOST}/")
    assert set(proxy.asked) == {f"CONNECT {HOST}:443"}


async def test_a_reconciliation_asks_them_through_the_proxy(dsn, behind_it, proxy):
    code, said, complained = await command(dsn, behind_it, "reconcile", "--once", "--dry-run")
    assert code == 0, complained
    assert summary_of(said)["errors"] == 0
    assert set(proxy.asked) == {f"CONNECT {HOST}:443"}


async def test_an_authority_that_is_not_trusted_is_not_believed(dsn, tmp_path, behind_it, proxy):
    """The proxy cannot read or change what is sent, unless the company's authority is named."""
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    answers, log = await give(dsn, tmp_path, {**behind_it, "SSL_CERT_FILE": str(other)}, "EUR", "BTC")
    for status, answer in answers:
        assert status in {502, 503}, answer
        assert answer["success"] is False
    assert "NOWPayments cannot be reached (ClientConnectorCertificateError)" in log
    assert proxy.hosts == {HOST}


async def test_a_proxy_that_refuses_us_never_has_its_password_shown(dsn, tmp_path, behind_it, proxy):
    wrong = f"http://somebody:wrong-password@127.0.0.1:{proxy.port}"
    answers, log = await give(dsn, tmp_path, {**behind_it, "HTTPS_PROXY": wrong}, "EUR", "BTC")
    assert {status for status, _ in answers} <= {502, 503}
    assert "no checkout at stripe: Stripe answered nothing: APIConnectionError" in log
    assert "NOWPayments cannot be reached (ClientHttpProxyError)" in log
    assert "wrong-password" not in log + str(answers)
