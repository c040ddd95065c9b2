"""`make kind`: the same cluster with Docker, by kind, for laptops; the chart and the tests are the same."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.kubernetes_node.authority import authority, public
from support.kubernetes_node.places import INGRESS, ROOT
from toolchain.go_tools import MissingToolError, built

NAME = "hingecraft"
RECIPES = ROOT / "tests" / "cluster"
ADDONS = RECIPES / "addons"
UPSTREAM = {
    "docker.io/library/traefik:v3.6.23",
    "registry.k8s.io/metrics-server/metrics-server:v0.9.0",
    "docker.io/prom/prometheus:v3.13.5",
    "docker.io/library/postgres:18-bookworm",
}


def run(*command: str | Path) -> None:
    print("$", " ".join(map(str, command)), flush=True)
    subprocess.run([*map(str, command)], check=True)


def build() -> list[str]:
    """The product's image, and what is derived from it for the tests."""
    authority()
    product, trusting, sandbox = "localhost/hingecraft:plain", "localhost/hingecraft:dev", "localhost/sandbox:dev"
    run("docker", "build", "--tag", product, ROOT)
    for tag, base, recipe, context in (
        (trusting, product, "product", public().parent),
        (sandbox, trusting, "sandbox", ROOT / "sandbox"),
    ):
        file = RECIPES / f"{recipe}.Dockerfile"
        run("docker", "build", "--tag", tag, "--build-arg", f"BASE={base}", "--file", file, context)
    for image in sorted(UPSTREAM):
        run("docker", "pull", "--quiet", image)
    return [trusting, sandbox, *sorted(UPSTREAM)]


def main() -> int:
    for program in ("docker", "kubectl"):
        if shutil.which(program) is None:
            print(f"not run: {program} is missing; make cluster needs neither it nor a registry", file=sys.stderr)
            return 1
    try:
        kind = built("sigs.k8s.io/kind", "v0.33.0")
        clusters = subprocess.run([kind, "get", "clusters"], capture_output=True, text=True, check=True).stdout.split()
        if NAME not in clusters:
            run(kind, "create", "cluster", "--config", ROOT / "kind-config.yaml", "--wait", "120s")
        run(kind, "load", "docker-image", "--name", NAME, *build())
        for name in ("traefik", "metrics-server"):
            run("kubectl", f"--context=kind-{NAME}", "apply", "--server-side", f"--filename={ADDONS / f'{name}.yaml'}")
    except MissingToolError as error:
        print(error, file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"{error.cmd[0]} has failed; kind delete cluster --name {NAME} starts afresh", file=sys.stderr)
        return 1
    print(f"the cluster is up; its ingress is {INGRESS}; kind delete cluster --name {NAME} removes it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
