"""Starts the cluster unless it is up, and loads the images of this checkout."""

from __future__ import annotations

from support import cluster_tools
from support.kubernetes_node import components, images, machine, our_images
from support.kubernetes_node.places import ADDONS

_DEPLOYMENTS = (("kube-system", "coredns"), ("traefik", "traefik"), ("kube-system", "metrics-server"))


def up() -> None:
    """A second time it only looks whether everything is there."""
    machine.check()
    cluster_tools.for_the_cluster()
    if not components.is_up():
        machine.give_back()
        machine.take()
        components.start()
    images.load_tools()
    our_images.load()
    for name in ("storage", "coredns", "traefik", "metrics-server"):
        components.kubectl("apply", "--server-side", f"--filename={ADDONS / f'{name}.yaml'}")
    for namespace, name in _DEPLOYMENTS:
        components.kubectl("--namespace", namespace, "rollout", "status", f"deployment/{name}", "--timeout=120s")
