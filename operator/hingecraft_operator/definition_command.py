"""`hingecraft definition`: the CustomResourceDefinition of this version, to read or to give to the cluster.

Helm installs a chart's `crds/` once and never upgrades them; the Job of the value `crds.upgrade` runs this.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from hingecraft import process
from hingecraft.cli import EXIT_FAILED, EXIT_OK, Command
from hingecraft.settings import LogSettings, load
from hingecraft_operator import crd
from hingecraft_operator.cluster import ClusterRefusedError, ClusterUnavailableError, Kind, connect

DEFINITIONS = Kind("apiextensions.k8s.io/v1", "customresourcedefinitions")


async def _apply() -> None:
    cluster = await connect()
    try:
        await cluster.apply(DEFINITIONS, crd.definition())
    finally:
        await cluster.close()


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--apply", action="store_true", help="make it the cluster's, instead of printing it")


def _run(arguments: argparse.Namespace) -> int:
    process.start_observing(load(LogSettings), "definition")
    if not arguments.apply:
        print(crd.written(), end="")
        return EXIT_OK
    try:
        asyncio.run(_apply())
    except (ClusterRefusedError, ClusterUnavailableError) as error:
        print(f"hingecraft definition: {error}", file=sys.stderr)
        return EXIT_FAILED
    print("the cluster has the definition of PaymentRoutes of this version")
    return EXIT_OK


COMMAND = Command(
    summary="print or apply the CustomResourceDefinition of PaymentRoutes", run=_run, arguments=_arguments
)
