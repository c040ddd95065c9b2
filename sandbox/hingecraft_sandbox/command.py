"""`hingecraft sandbox`: stand-ins for Stripe, NOWPayments and Wix, on one port."""

from __future__ import annotations

import argparse
import asyncio
import ssl
from pathlib import Path

from aiohttp import web
from pydantic import Field

from hingecraft import process
from hingecraft.cli import EXIT_OK, Command
from hingecraft.errors import UsageError
from hingecraft.settings import LogSettings, load
from hingecraft_sandbox.app import SandboxConfig, sandbox_app
from hingecraft_sandbox.providers.nowpayments import PREFIX
from hingecraft_sandbox.wix import PREFIX as WIX
from hingecraft_sandbox.wix.config import WixConfig

STRIPE_WEBHOOKS = "/webhooks/stripe"
# In seconds. A request that a switch makes hang must not delay the shutdown.
_SHUTDOWN_SECONDS = 1.0


class SandboxSettings(LogSettings):
    """The settings of `hingecraft sandbox`."""

    public_url: str = Field("", description="where providers reach this backend, such as https://pay.example.com")
    sandbox_stripe_webhook_secret: str = Field("whsec_sandbox", description="signs Stripe's events in the sandbox")
    sandbox_ipn_secret: str = Field(
        "sandbox-ipn-secret", description="signs NOWPayments' callbacks (IPNs) in the sandbox"
    )


async def serve(config: SandboxConfig, host: str, port: int, certificate: Path | None) -> None:
    """Serve until SIGTERM or SIGINT."""
    runner = web.AppRunner(sandbox_app(config), access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, ssl_context=_tls(certificate)).start()
        print(f"sandbox: {config.address}\n  STRIPE_API_BASE={config.address}", flush=True)
        print(f"  STRIPE_JS={config.address}/stripe.js", flush=True)
        print(f"  NOWPAYMENTS_API_BASE={config.address}{PREFIX}", flush=True)
        print(f"  WIX_API_BASE={config.address}{WIX}  WIX_APP_ID={config.wix.app_id}", flush=True)
        await process.until_stopped(asyncio.Event().wait())
    except OSError as error:
        raise UsageError(f"port {port} cannot be listened on ({error.strerror}): choose another with --port") from error
    finally:
        await runner.cleanup()


def _tls(certificate: Path | None) -> ssl.SSLContext | None:
    if certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate)
    except OSError as error:
        raise UsageError(
            f"--certificate: {certificate} is not a PEM file with a key and its certificates: {error}"
        ) from error
    return context


def _run(arguments: argparse.Namespace) -> int:
    settings = load(SandboxSettings)
    process.start_observing(settings, "sandbox")
    config = SandboxConfig(
        address=arguments.address or f"http://127.0.0.1:{arguments.port}",
        stripe_webhook_url=f"{settings.public_url.rstrip('/')}{STRIPE_WEBHOOKS}" if settings.public_url else "",
        stripe_webhook_secret=settings.sandbox_stripe_webhook_secret,
        nowpayments_ipn_secret=settings.sandbox_ipn_secret,
        journal=arguments.journal,
        demo_prices=arguments.demo_prices,
        wix=WixConfig(backend=settings.public_url, key_file=arguments.wix_key, owner_site=arguments.wix_owner_site),
    )
    process.run(serve(config, arguments.host, arguments.port, arguments.certificate))
    return EXIT_OK


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=8092, help="the port to listen on (8092)")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (127.0.0.1)")
    parser.add_argument("--address", default="", help="the URL of its pages in browsers (default: that host and port)")
    parser.add_argument(
        "--certificate", type=Path, default=None, help="serve https with the key and certificates in this PEM file"
    )
    parser.add_argument("--demo-prices", action="store_true", help="begin with prices for all packs and plans")
    parser.add_argument(
        "--wix-key", type=Path, default=None, help="the file of the key that signs Wix's webhooks, made if missing"
    )
    parser.add_argument(
        "--wix-owner-site", default="", help="the instance id of a site that has the Wix app from the start"
    )
    parser.add_argument("--journal", type=Path, default=None, help="a file that keeps all objects between starts")


COMMAND = Command(
    summary="run stand-ins for Stripe, NOWPayments and Wix, with their pages", run=_run, arguments=_arguments
)
