"""Server on one core, wrk on the other, the same bytes from each server; alternating rounds, medians compared."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import psutil
from bench.api_process import migrate, running_api
from bench.common import ROOT, Figure, cpu_seconds, need, postgres, say, server_on_its_core, wrk

from hingecraft.errors import OperatorError
from hingecraft_sandbox.postgres import free_port
from support.folders import open_folder

ROUNDS = 5
SECONDS = 4
EXPRESS = ROOT / "loadtests" / "bench" / "express"
NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log /dev/null;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 100000000; sendfile on; tcp_nopush on; open_file_cache max=10;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{port}; root {folder}/www; default_type application/json; }}
}}
"""


def run() -> Iterator[Figure]:
    with postgres() as server, open_folder() as folder:
        migrate(server)
        with running_api(server) as api:
            body = api.get()
            (folder / "www").mkdir()
            (folder / "www" / "routes").write_bytes(body)
            say(f"the document of all currencies: {len(body):,} bytes")
            with _nginx(folder) as nginx, _express(folder) as express:
                servers = {
                    "nginx": nginx,
                    "hingecraft": (api.process, api.url),
                    "Express": express,
                }
                rates = {name: statistics.median(_rates(*each)) for name, each in _alternating(servers)}
    for name, rate in rates.items():
        say(f"{name:<11} {rate:>9,.0f} requests for each CPU-second")
    yield Figure("of nginx serving the same bytes", rates["hingecraft"] / rates["nginx"], 0.18, at_least=True)
    yield Figure("times Express 5 res.json", rates["hingecraft"] / rates["Express"], 4, at_least=True, unit=" x")


def _alternating(
    servers: dict[str, tuple[psutil.Process, str]],
) -> Iterator[tuple[str, tuple[list[tuple[int, float]]]]]:
    """Noise that comes and goes meets all of them alike."""
    measured: dict[str, list[tuple[int, float]]] = {name: [] for name in servers}
    for _ in range(ROUNDS):
        for name, (process, url) in servers.items():
            before = cpu_seconds(process)
            load = wrk(f"{url}/routes", SECONDS)
            if load.failures:
                raise OperatorError(f"void: {load.failures} failed requests of {name}")
            measured[name].append((load.requests, cpu_seconds(process) - before))
    for name, rounds in measured.items():
        yield name, (rounds,)


def _rates(rounds: list[tuple[int, float]]) -> list[float]:
    return [requests / cpu for requests, cpu in rounds]


@contextmanager
def _nginx(folder: Path) -> Iterator[tuple[psutil.Process, str]]:
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, port=port))
    with _answering([need("nginx", "nginx-light"), "-c", str(config)], port) as served:
        yield served


@contextmanager
def _express(folder: Path) -> Iterator[tuple[psutil.Process, str]]:
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise OperatorError("not run: node and npm are missing (apt-get install nodejs npm)")
    if not (EXPRESS / "node_modules").exists():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=EXPRESS, check=True)
    port = free_port()
    script = str(EXPRESS / "server.js")
    with _answering(["node", script, str(folder / "www" / "routes"), str(port)], port, NODE_ENV="production") as served:
        yield served


@contextmanager
def _answering(command: list[str], port: int, **environment: str) -> Iterator[tuple[psutil.Process, str]]:
    url = f"http://127.0.0.1:{port}"
    starting: AbstractContextManager[psutil.Process] = server_on_its_core(command, **environment)
    with starting as process:
        for _ in range(500):
            try:
                urllib.request.urlopen(f"{url}/routes", timeout=1).close()
                break
            except OSError:
                time.sleep(0.02)
        yield process, url
