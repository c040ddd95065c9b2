"""Whether donors pay for members: GET /routes of a pod with members' features and of one without, in one run."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.api_process import Api, migrate, running_api
from bench.figures import Figure, say
from bench.servers import cpu_seconds, postgres
from bench.wrk import wrk

from hingecraft.errors import UsageError
from support.tokens import SECRET, SERVICE_TOKEN

ROUNDS, SECONDS = 7, 3
_DONATIONS_ONLY = (sys.executable, str(Path(__file__).parent / "donations_only.py"))


def run() -> Iterator[Figure]:
    with postgres() as server:
        migrate(server)
        members = {"AUTH_JWT_SECRET": SECRET, "SERVICE_TOKEN": SERVICE_TOKEN, "JWT_SECRET": SECRET[::-1]}
        with running_api(server, **members) as with_members, running_api(server, _DONATIONS_ONLY) as without:
            found: dict[str, list[float]] = {"with members": [], "without": []}
            for turn in range(ROUNDS):
                pods = [("with members", with_members), ("without", without)]
                # Who comes first takes turns too.
                for name, api in pods[:: 1 if turn % 2 else -1]:
                    found[name].append(_rate(api))
    rates = {name: statistics.median(each) for name, each in found.items()}
    for name, rate in rates.items():
        say(f"GET /routes of a pod {name}: {rate:,.0f} requests for each CPU-second")
    yield Figure(
        "GET /routes with members' features, of one without", rates["with members"] / rates["without"], 0.97,
        at_least=True,
    )  # fmt: skip


def _rate(api: Api) -> float:
    before = cpu_seconds(api.process)
    done = wrk(f"{api.url}/routes", SECONDS)
    if done.failures:
        raise UsageError(f"void: {done.failures} failed requests")
    return done.requests / (cpu_seconds(api.process) - before)
