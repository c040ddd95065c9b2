"""An operator whose pods use a company's proxy: only webhooks to the site go through it."""

from __future__ import annotations

import ssl
from typing import Any

import pytest
import trustme

from kube.test_webhooks import CLOSE_CHF, hook, told
from support.connect_proxy import connect_proxy
from support.kube import operating
from support.receiver import SECRET, receiving

SITE = "www.site.test"


@pytest.fixture
async def site(namespace):
    """An https endpoint with a certificate of a private authority, `site-ca.pem`."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(namespace.folder / "site-ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(SITE).configure_cert(context)
    async with receiving(context) as receiver:
        yield receiver


async def test_only_the_site_is_reached_through_the_proxy(namespace, site, pod, dsn, conn):
    """The API server and the pods are connected to directly, though NO_PROXY says nothing of them."""
    port = int(site.url.split(":")[2].split("/")[0])
    async with connect_proxy({SITE: port}, needs_login=True) as proxy:
        environment: dict[str, Any] = {
            "HTTPS_PROXY": proxy.address_with_login, "HTTP_PROXY": proxy.address_with_login,
            "SSL_CERT_FILE": str(namespace.folder / "site-ca.pem"), "ALLOW_PRIVATE_WEBHOOKS": "false",
        }  # fmt: skip
        async with operating(namespace, **environment):
            await namespace.pods(pod.internal)
            await namespace.database_secret(dsn.newest)
            await namespace.secret("hooks", WEBHOOK_SECRET=SECRET)
            await namespace.make(namespace.routes(webhooks=[hook(f"https://{SITE}/_functions/x")]))
            await namespace.becomes("WebhooksDelivered", "True", "Delivered")
            await conn.execute(CLOSE_CHF)
            await told(site, 2)
            await namespace.shows(version=2, podsSummary="1/1")
        assert set(proxy.asked) == {f"CONNECT {SITE}:443"}
    assert site.forged == 0
