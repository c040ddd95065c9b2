"""`hingecraft site check`: whether a published Wix site has all of our code, and the right secrets."""

from __future__ import annotations

import argparse
from urllib.parse import urlsplit

from pydantic import Field

from hingecraft import process
from hingecraft.cli import EXIT_FAILED, EXIT_OK, Command
from hingecraft.outbox.model import key_of
from hingecraft.proxies import ProxySettings
from hingecraft.settings import LogSettings, OptionalSecret, Secret, load
from hingecraft.site_check import check


class SiteSettings(LogSettings, ProxySettings):
    """The settings of `hingecraft site`."""

    webhook_secret: OptionalSecret = Field(Secret(), description="signs webhooks to Wix: whsec_ followed by base64")


def _address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"https", "http"} or not parts.hostname or parts.query or parts.fragment:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not the address of a site: use for example https://www.example.com"
        )
    return text


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=["check"], help="check that the published site has every function and secret")
    parser.add_argument(
        "site", type=_address, help="address of the published site, for example https://www.example.com"
    )


def _run(arguments: argparse.Namespace) -> int:
    settings = load(SiteSettings)
    process.start_observing(settings, "site")
    for secret in settings.webhook_secret.values:
        key_of(secret)
    good = check.run(arguments.site, settings.webhook_secret.values, settings.proxies)
    if not settings.webhook_secret:
        print("WEBHOOK_SECRET is not set here, so whether the site's own is the same was not looked at")
    return EXIT_OK if good else EXIT_FAILED


COMMAND = Command(summary="check that the published Wix site is complete", run=_run, arguments=_arguments)
