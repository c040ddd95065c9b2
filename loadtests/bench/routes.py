"""Server on one core, wrk on the other, the same bytes from each server; alternating rounds, medians compared."""

from __future__ import annotations

import hashlib
import hmac
import statistics
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import peers
from bench.api_process import migrate, running_api
from bench.figures import Figure, say
from bench.peers import Peer
from bench.servers import cpu_seconds, postgres
from bench.wrk import wrk

from hingecraft.errors import UsageError
from support.folders import open_folder
from support.pods import VISITOR_SECRET

ROUNDS = 5
SECONDS = 4
# More than a pod remembers, so that each request is a signature to verify.
VISITORS = 20_000
_SCRIPT = """
local requests, last = {{}}, 0
function init(args)
  for line in io.lines("{file}") do requests[#requests + 1] = wrk.format(nil, nil, {{["X-HC-Visitor"] = line}}) end
end
function request() last = last % #requests + 1; return requests[last] end
"""


@dataclass(frozen=True)
class Load:
    """One server and what it is asked."""

    peer: Peer
    headers: tuple[str, ...] = ()
    # Whether each request names another signed visitor.
    visitors: bool = False


def run() -> Iterator[Figure]:
    with ExitStack() as stack:
        server, folder = stack.enter_context(postgres()), stack.enter_context(open_folder())
        migrate(server)
        api = stack.enter_context(running_api(server, RATE_LIMIT_SITE="10000000"))
        pod = (api.process, api.url)
        body = api.get()
        file = peers.publish(folder, body)
        say(f"the document of all currencies: {len(body):,} bytes")
        nginx = stack.enter_context(peers.nginx(folder))
        gzip = ("Accept-Encoding: gzip",)
        loads = {
            "nginx": Load(nginx),
            "hingecraft": Load(pod),
            "hingecraft, visitors": Load(pod, visitors=True),
            "Granian ASGI": Load(stack.enter_context(peers.granian(file, "asgi"))),
            "Granian RSGI": Load(stack.enter_context(peers.granian(file, "rsgi"))),
            "Express": Load(stack.enter_context(peers.express(file))),
            "ceiling": Load(stack.enter_context(peers.ceiling(file))),
            "ceiling, 304": Load(stack.enter_context(peers.ceiling(file, 304))),
            "ceiling, gzip": Load(stack.enter_context(peers.ceiling(file.with_name("routes.gz")))),
            "nginx, 304": Load(nginx, (_known(nginx),)),
            "hingecraft, 304": Load(pod, (_known(pod),)),
            "nginx, gzip": Load(nginx, gzip),
            "hingecraft, gzip": Load(pod, gzip),
        }
        rates = {name: statistics.median(each) for name, each in _alternating(loads, folder).items()}
    for name, rate in rates.items():
        say(f"{name:<20} {rate:>9,.0f} requests for each CPU-second")
    for asked in ("", ", 304", ", gzip"):
        ratio = rates[f"ceiling{asked}"] / rates[f"nginx{asked}"]
        say(f"bare uvloop that writes the same bytes and does nothing else{asked}: {ratio:.2f} of nginx")
    granian = max(rates["Granian ASGI"], rates["Granian RSGI"])
    yield Figure("of nginx serving the same bytes", rates["hingecraft"] / rates["nginx"], 0.8, at_least=True)
    yield Figure(
        "the same with another signed visitor in each request",
        rates["hingecraft, visitors"] / rates["nginx"], 0.6, at_least=True,
    )  # fmt: skip
    yield Figure("of nginx answering 304", rates["hingecraft, 304"] / rates["nginx, 304"], 0.5, at_least=True)
    yield Figure("of nginx with gzip_static", rates["hingecraft, gzip"] / rates["nginx, gzip"], 0.6, at_least=True)
    yield Figure("times Express 5 res.json", rates["hingecraft"] / rates["Express"], 12, at_least=True, unit=" x")
    yield Figure("times Granian's better mode", rates["hingecraft"] / granian, 1.3, at_least=True, unit=" x")


def _known(peer: Peer) -> str:
    """The header of a client that has the current version."""
    with urllib.request.urlopen(f"{peer[1]}/routes", timeout=5) as answer:
        return f"If-None-Match: {answer.headers['ETag']}"


def _alternating(loads: Mapping[str, Load], folder: Path) -> dict[str, list[float]]:
    """Noise that comes and goes meets all of them alike."""
    measured: dict[str, list[float]] = {name: [] for name in loads}
    for _ in range(ROUNDS):
        for name, load in loads.items():
            process, url = load.peer
            script = _visitors(folder) if load.visitors else ""
            before = cpu_seconds(process)
            done = wrk(f"{url}/routes", SECONDS, headers=load.headers, script=script)
            if done.failures:
                raise UsageError(f"void: {done.failures} failed requests of {name}")
            measured[name].append(done.requests / (cpu_seconds(process) - before))
    return measured


def _visitors(folder: Path) -> str:
    """A script for wrk, signed now, since a signature is valid for five minutes only."""
    now = int(time.time())
    lines = folder / "visitors.txt"
    named = [f"v1;ip:10.{n >> 16}.{n >> 8 & 255}.{n & 255};{now}" for n in range(VISITORS)]
    lines.write_text(
        "\n".join(
            f"{each};{hmac.digest(VISITOR_SECRET.encode(), each.encode(), hashlib.sha256).hex()}" for each in named
        )
    )
    return _SCRIPT.format(file=lines)
