"""Images for the node: there is no registry, so each is made here and handed to containerd."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path

from support import cluster_tools
from support.kubernetes_node.components import CONTAINERD, PAUSE_IMAGE
from support.kubernetes_node.machine import MachineError, inside, run

# As their own projects call them, so that the same manifests work where there is a registry.
_TOOLS = {
    PAUSE_IMAGE: cluster_tools.pause,
    "registry.k8s.io/coredns/coredns:v1.15.0": cluster_tools.coredns,
    "docker.io/library/traefik:v3.6.23": cluster_tools.traefik,
    "registry.k8s.io/metrics-server/metrics-server:v0.9.0": cluster_tools.metrics_server,
    "docker.io/prom/prometheus:v3.13.5": cluster_tools.prometheus,
}
_EPOCH = 0


def load_tools() -> None:
    """The images of one program each."""
    there = known()
    for name, tool in _TOOLS.items():
        if name not in there:
            with tempfile.NamedTemporaryFile(suffix=".tar") as archive:
                _write_archive(Path(archive.name), name, tool())
                load(Path(archive.name))


def known() -> set[str]:
    """The images that containerd has."""
    return set(run(*_ctr("images", "list", "--quiet")).split())


def load(archive: Path) -> None:
    """Give containerd what is in an archive of Docker's."""
    with archive.open("rb") as content:
        done = subprocess.run(_ctr("images", "import", "-"), stdin=content, capture_output=True, check=False)
    if done.returncode:
        raise MachineError(f"an image cannot be loaded: {done.stderr.decode()[-500:]}")


def _ctr(*arguments: str) -> list[str]:
    return inside("ctr", "--address", CONTAINERD.removeprefix("unix://"), "--namespace", "k8s.io", *arguments)


def _write_archive(path: Path, name: str, program: Path) -> None:
    """An image whose one file is the program."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as content:
        entry = content.gettarinfo(program, arcname=program.name)
        entry.mtime, entry.mode, entry.uid, entry.gid = _EPOCH, 0o755, 0, 0
        with program.open("rb") as opened:
            content.addfile(entry, opened)
    digest = hashlib.sha256(layer.getvalue()).hexdigest()
    configuration = {
        "architecture": "amd64", "os": "linux",
        "config": {"Entrypoint": [f"/{program.name}"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }  # fmt: skip
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    with tarfile.open(path, "w") as archive:
        for file, data in (
            ("config.json", json.dumps(configuration).encode()),
            ("layer.tar", layer.getvalue()),
            ("manifest.json", json.dumps(manifest).encode()),
        ):
            entry = tarfile.TarInfo(file)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
