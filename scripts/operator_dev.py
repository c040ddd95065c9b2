"""`make operator-dev`: a control plane, two operators, three pods, and a shell in which kubectl and psql reach them.

Nothing is kept: when the shell ends, all of it ends.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import asyncpg

from hingecraft.migrations.command import bring_up_to_date
from hingecraft_sandbox.dev.demo import add_demo_data
from hingecraft_sandbox.postgres import Postgres, find_binaries, free_port
from support.control_plane import ADMIN, binaries, control_plane
from support.folders import open_folder
from support.kube import Namespace, OperatorProcess, define, namespace_of
from support.pods import ADMIN_TOKEN
from support.processes import ApiProcess
from toolchain.go_tools import MissingToolError

NAMESPACE = "hingecraft"
_BOLD, _PLAIN = "\033[1m", "\033[0m"


async def _prepare(server: Postgres) -> None:
    await bring_up_to_date(server.secret_dsn(), "hingecraft_app", lambda _line: None)
    connection = await asyncpg.connect(server.dsn())
    await add_demo_data(connection)
    await connection.close()


async def _stage(stack: AsyncExitStack, server: Postgres, namespace: Namespace) -> list[ApiProcess]:
    pods = [ApiProcess(namespace.folder, f"api-{number}", server.dsn()) for number in range(3)]
    token = await namespace.token()
    operators = [OperatorProcess(namespace, token, f"operator-{number}") for number in range(2)]
    for process in (*pods, *operators):
        await process.start()
        stack.push_async_callback(process.stop)
    await namespace.pods(*(pod.internal for pod in pods))
    await namespace.database_secret(server.dsn())
    await namespace.make(namespace.routes())
    await namespace.becomes("FanoutComplete", "True", "Complete", within=60)
    return pods


def _welcome(pods: list[ApiProcess], logs: Path) -> None:
    rows = [
        ("Pods", ", ".join(pod.public for pod in pods)),
        ("Admin token", ADMIN_TOKEN),
        ("Logs", f"{logs}/operator-0.log, operator-1.log, api-0.log ..."),
        ("Watch", "kubectl get paymentroutes -w"),
        ("A commit", "psql -c \"UPDATE currencies SET enabled = NOT enabled WHERE code = 'CHF'\""),
        ("An edit", 'kubectl patch paymentroutes main --type=merge -p \'{"spec":{"paused":true}}\''),
        ("Told", "kubectl describe paymentroutes main; kubectl get events"),
        ("Who leads", "kubectl get lease hingecraft-operator"),
    ]
    print(f"\n{_BOLD}The operator, against a Kubernetes API server of its own{_PLAIN}\n")
    for name, what in rows:
        print(f"  {name:<12} {what}")
    print("\n  exit ends everything.\n", flush=True)


async def _shell(namespace: Namespace, server: Postgres) -> None:
    """The person's own shell; what is piped in is run as a script."""
    settings = {
        "KUBECONFIG": str(namespace.plane.kubeconfig(ADMIN, namespace=namespace.name)),
        "PATH": f"{binaries()}:{find_binaries().folder}:{os.environ['PATH']}",
        "PGHOST": "127.0.0.1",
        "PGPORT": str(server.port),
        "PGUSER": "hingecraft",
        "PGDATABASE": "postgres",
    }
    shell = os.environ.get("SHELL") or shutil.which("bash") or "/bin/sh"
    # Ctrl-C belongs to what runs in the shell.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    process = await asyncio.create_subprocess_exec(*shlex.split(shell), env={**os.environ, **settings})
    await process.wait()


async def _main(server: Postgres, folder: Path) -> None:
    await _prepare(server)
    with control_plane(folder) as plane:
        await define(plane)
        async with namespace_of(plane, NAMESPACE) as namespace, AsyncExitStack() as stack:
            pods = await _stage(stack, server, namespace)
            _welcome(pods, namespace.folder)
            await _shell(namespace, server)


def main() -> int:
    with open_folder() as folder:
        server = Postgres(folder=folder / "postgres", binaries=find_binaries(), port=free_port())
        server.start()
        try:
            asyncio.run(_main(server, folder))
        except MissingToolError as error:
            print(error, file=sys.stderr)
            return 2
        finally:
            server.stop(immediately=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
