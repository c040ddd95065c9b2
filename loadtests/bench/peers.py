"""Other servers with the same bytes: nginx, Granian and Express, each on the core of the server."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from bench.programs import need
from bench.servers import server_on_its_core

from hingecraft.errors import UsageError
from hingecraft_sandbox.postgres import free_port

Peer = tuple[psutil.Process, str]

_BENCH = Path(__file__).parent
_EXPRESS = _BENCH / "express"
_NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log /dev/null;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 100000000; sendfile on; tcp_nopush on; open_file_cache max=10; gzip_static on;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{port}; root {folder}/www; default_type application/json; }}
}}
"""


def publish(folder: Path, body: bytes) -> Path:
    """Write the document where the peers find it, also as gzip at the level that a pod uses."""
    (folder / "www").mkdir()
    file = folder / "www" / "routes"
    file.write_bytes(body)
    file.with_name("routes.gz").write_bytes(gzip.compress(body, 6, mtime=0))
    return file


@contextmanager
def nginx(folder: Path) -> Iterator[Peer]:
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(_NGINX.format(folder=folder, port=port))
    with _answering([need("nginx", "nginx-light"), "-c", str(config)], port) as served:
        yield served


@contextmanager
def express(file: Path) -> Iterator[Peer]:
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise UsageError("not run: node and npm are missing (apt-get install nodejs npm)")
    if not (_EXPRESS / "node_modules").exists():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=_EXPRESS, check=True)
    port = free_port()
    with _answering(["node", str(_EXPRESS / "server.js"), str(file), str(port)], port, NODE_ENV="production") as served:
        yield served


@contextmanager
def granian(file: Path, interface: str) -> Iterator[Peer]:
    """One worker with uvloop, as a pod has it."""
    port = free_port()
    command = [
        sys.executable, "-m", "granian", "--interface", interface, "--host", "127.0.0.1", "--port", str(port),
        "--workers", "1", "--runtime-threads", "1", "--loop", "uvloop", "--http", "1", "--no-ws", "--no-log",
        "--working-dir", str(_BENCH), f"granian_app:{interface}",
    ]  # fmt: skip
    with _answering(command, port, ROUTES_FILE=str(file)) as served:
        yield served


@contextmanager
def ceiling(file: Path, status: int = 200) -> Iterator[Peer]:
    """The most that a server in Python could reach: uvloop, and no work for a request."""
    port = free_port()
    command = [sys.executable, str(_BENCH / "ceiling.py"), str(port), str(status), str(file)]
    with _answering(command, port) as served:
        yield served


@contextmanager
def _answering(command: list[str], port: int, **environment: str) -> Iterator[Peer]:
    url = f"http://127.0.0.1:{port}"
    with server_on_its_core(command, **environment) as process:
        for _ in range(500):
            try:
                urllib.request.urlopen(f"{url}/routes", timeout=1).close()
                break
            except OSError:
                time.sleep(0.02)
        yield process, url
