"""The browser module of plan sessions on two sites in Chromium, over TLS, with a real pod behind it."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from hingecraft_sandbox.postgres import free_port
from support.folders import open_folder
from support.pods import running_pod
from support.tls_front import make_certificates
from toolchain import node_js

pytestmark = pytest.mark.timeout(400)


async def test_a_plan_is_carried_from_site_to_site(dsn):
    port = free_port()
    first, second, backend = (f"https://{host}:{port}" for host in ("www.a.test", "b.test", "pay.a.test"))
    settings: dict[str, Any] = {
        "site_url": first, "public_url": backend, "cors_origins": (first, second), "return_origins": (second,),
        "jwt_secret": "a plan session secret of at least 32 characters", "cookie_domain": "a.test",
    }  # fmt: skip
    with open_folder() as folder:
        make_certificates(folder)
        async with running_pod(dsn, **settings) as pod:
            await node_js.run_tests(
                "test/e2e/plan-session.test.mjs",
                POD=pod.public, TLS=str(folder), TLS_PORT=str(port), CHROMIUM=shutil.which("chromium") or "",
            )  # fmt: skip
