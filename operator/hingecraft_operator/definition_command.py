"""`hingecraft definition`: prints the CustomResourceDefinition of this version, or applies it to the cluster.

Helm installs a chart's `crds/` once and never upgrades them; the Job of the value `crds.upgrade` runs this.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from hingecraft import process
from hingecraft.cli import EXIT_FAILED, EXIT_OK, Command
from hingecraft.settings import LogSettings, load
from hingecraft_operator.cluster.client import ClusterRejectedError, ClusterUnavailableError, Kind, connect
from hingecraft_operator.custom_resource import crd

DEFINITIONS = Kind("apiextensions.k8s.io/v1", "customresourcedefinitions")


async def _apply() -> None:
    cluster = await connect()
    try:
        await cluster.apply(DEFINITIONS, crd.definition())
    finally:
        await cluster.close()


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--apply", action="store_true", help="apply it to the cluster instead of printing it")


def _run(arguments: argparse.Namespace) -> int:
    process.start_observing(load(LogSettings), "definition")
    if not arguments.apply:
        print(crd.as_yaml(), end="")
        return EXIT_OK
    try:
        asyncio.run(_apply())
    except (ClusterRejectedError, ClusterUnavailableError) as error:
        print(f"hingecraft definition: {error}", file=sys.stderr)
        return EXIT_FAILED
    print("applied the CustomResourceDefinition of PaymentRoutes to the cluster")
    return EXIT_OK


COMMAND = Command(
    summary="print the CustomResourceDefinition of PaymentRoutes, or apply it", run=_run, arguments=_arguments
)
