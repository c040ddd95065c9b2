"""The image, built for real where there is no Docker: buildah, and a base from Debian's own packages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support import control_plane
from support.folders import open_folder
from toolchain.go_tools import MissingToolError, cache

ROOT = Path(__file__).parents[2]
_PYTHON = ("python3", "python3-venv", "ca-certificates")
_NOT_NEEDED = ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale")
BASE, OURS = "localhost/python-base", "localhost/hingecraft"


def ready() -> None:
    """Whether images can be built here, and what they are tested with."""
    if os.geteuid() != 0:
        raise MissingToolError("not run: images are built as root")
    control_plane.binaries()


def base_files() -> Path:
    """The files of `python:3.11-slim-bookworm`, kept in HC_CACHE, so that no image registry is needed."""
    folder = cache() / "images" / f"bookworm-{'-'.join(_PYTHON)}"
    if not folder.exists():
        print("fetching a Debian with Python as the image's base (a minute, once)", flush=True)
        unfinished = folder.with_name(f"{folder.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        subprocess.run(
            ["debootstrap", "--variant=minbase", f"--include={','.join(_PYTHON)}", "bookworm", unfinished],
            check=True, capture_output=True,
        )  # fmt: skip
        for path in _NOT_NEEDED:
            shutil.rmtree(unfinished / path, ignore_errors=True)
        unfinished.rename(folder)
    return folder


@dataclass
class Builder:
    """Images in a folder of their own. `vfs` works everywhere, `overlay` copies nothing."""

    folder: Path
    driver: str = "vfs"
    _containers: list[str] = field(default_factory=list)

    def run(self, *arguments: str | Path) -> str:
        command = [*self._buildah, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return str(done.stdout).strip()

    @property
    def _buildah(self) -> list[str]:
        folders = ["--root", str(self.folder / "root"), "--runroot", str(self.folder / "run")]
        return ["buildah", *folders, "--storage-driver", self.driver]

    def command(self, container: str, environment: dict[str, str], *arguments: str) -> list[str]:
        """To run something in a container, on this machine's network."""
        given = [part for key, value in environment.items() for part in ("--env", f"{key}={value}")]
        shared = ["--volume", f"{self.folder}:{self.folder}"]
        return [*self._buildah, "run", "--isolation", "chroot", *shared, *given, container, "--", *arguments]

    def build_base(self) -> None:
        recipe = self.folder / "base"
        recipe.write_text("FROM scratch\nCOPY . /\nENV PATH=/usr/local/bin:/usr/bin:/bin\n")
        self.run("bud", "--isolation", "chroot", "-f", recipe, "-t", BASE, base_files())

    def has(self, tag: str) -> bool:
        """Whether the image exists."""
        names = self.run("images", "--format", "{{.Name}}:{{.Tag}}").split()
        return f"{tag}:latest" in names

    def build(self, tag: str = OURS, *, cached: bool = False) -> None:
        """From the Dockerfile; `cached`: with the layers of before that still hold."""
        bundle = os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE")
        secret = ["--secret", f"id=ca,src={bundle}"] if bundle else []
        arguments = ["--build-arg", f"BASE={BASE}", "--build-arg", "REVISION=abc123"]
        layers = "--layers" if cached else "--no-cache"
        self.run("bud", "--isolation", "chroot", layers, *secret, *arguments, "-t", tag, ROOT)

    def container(self, tag: str = OURS) -> str:
        """A container of the image, to inspect it and to run commands in it."""
        container = self.run("from", tag)
        self._containers.append(container)
        return container

    def files(self, container: str) -> Path:
        return Path(self.run("mount", container))

    def configuration(self, tag: str = OURS) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run("inspect", "--type", "image", tag))["OCIv1"]["config"]
        return found

    def clean(self) -> None:
        for container in self._containers:
            self.run("umount", container)
            self.run("rm", container)


@contextmanager
def building() -> Iterator[Builder]:
    with open_folder() as folder:
        builder = Builder(folder)
        builder.build_base()
        try:
            yield builder
        finally:
            builder.clean()
