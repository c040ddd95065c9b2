"""The processes that `hingecraft dev` runs beside Postgres, and how each is started."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hingecraft_sandbox.dev import wix_site
from hingecraft_sandbox.dev.commands import Commands
from hingecraft_sandbox.dev.environment import OWNER_SITE, wix_key
from hingecraft_sandbox.dev.ports import Ports
from hingecraft_sandbox.dev.processes import Child, Say, program

SANDBOX, SITE = "sandbox", "site"


def pods(ports: Ports, folder: Path, commands: Commands, say: Say) -> list[Child]:
    """Two API pods, with two ports each."""
    return [
        Child(
            name=f"api-{number}",
            port=port,
            health=f"http://127.0.0.1:{port + 1}/ready",
            start=commands.starting("api", HOST="127.0.0.1", PORT=str(port), INTERNAL_PORT=str(port + 1)),
            folder=folder,
            say=say,
        )
        for number, port in enumerate(ports.pods, start=1)
    ]


def sandbox(ports: Ports, folder: Path, commands: Commands, say: Say) -> Child:
    """The providers' sandbox; it keeps its data, like the database."""
    files = ["--journal", str(folder / "sandbox.jsonl"), "--wix-key", str(wix_key(folder))]
    arguments = ["sandbox", "--port", str(ports.sandbox), *files, "--demo-prices", "--wix-owner-site", OWNER_SITE]
    return Child(
        name=SANDBOX,
        port=ports.sandbox,
        health=f"http://127.0.0.1:{ports.sandbox}/_sandbox/switches",
        start=commands.starting(*arguments),
        folder=folder,
        say=say,
    )


def site(ports: Ports, folder: Path, environment: Mapping[str, str], say: Say) -> Child:
    """The stand-in for the Wix site."""
    own = {
        "SITE_PORT": str(ports.site),
        "COMPONENTS_PORT": str(ports.components),
        "HC_BACKEND_URL": f"http://127.0.0.1:{ports.pods[0]}",
    }
    secrets = {name: environment[ours] for name, ours in wix_site.SECRETS.items()}
    return Child(
        name=SITE,
        port=ports.site,
        health=f"http://127.0.0.1:{ports.site}/mission-support",
        start=program(wix_site.command(), {**own, **secrets}),
        folder=folder,
        say=say,
    )
