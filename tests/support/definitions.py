"""Schemas of Kubernetes and related projects, read from their own sources; no website is asked."""

from __future__ import annotations

import json
import ssl
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

from support.control_plane import ADMIN, ControlPlane, binaries
from support.limits import PROGRESS
from toolchain.go_tools import fetched

ROOT = Path(__file__).parents[2]
# Definitions that a cluster may have beside its own: of Prometheus' operator and of the Gateway API.
_NEIGHBOURS = {
    ("github.com/prometheus-operator/prometheus-operator", "v0.85.0"): [
        f"example/prometheus-operator-crd/monitoring.coreos.com_{plural}.yaml"
        for plural in ("servicemonitors", "podmonitors", "prometheusrules")
    ],
    ("sigs.k8s.io/gateway-api", "v1.4.0"): ["config/crd/standard/gateway.networking.k8s.io_httproutes.yaml"],
}


def neighbours() -> list[Path]:
    """Files with definitions, ours among them."""
    theirs = [path for (module, version), files in _NEIGHBOURS.items() for path in fetched(module, version, files)]
    return [*theirs, ROOT / "crds" / "paymentroutes.yaml"]


def kubectl(plane: ControlPlane, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    """As the admin of a control plane."""
    return subprocess.run(
        [binaries() / "kubectl", f"--kubeconfig={plane.kubeconfig(ADMIN)}", *arguments],
        input=given, capture_output=True, text=True, check=False,
    )  # fmt: skip


def define_all(plane: ControlPlane) -> None:
    """Install the definitions in a control plane."""
    files = [f"--filename={path}" for path in neighbours()]
    done = kubectl(plane, "apply", "--server-side", *files)
    assert done.returncode == 0, done.stderr
    done = kubectl(plane, "wait", "--for=condition=Established", "crd", "--all", f"--timeout={PROGRESS:.0f}s")
    assert done.returncode == 0, done.stderr


def write_schemas(plane: ControlPlane, folder: Path) -> None:
    """One file for each kind, as kubeconform wants them: `deployment-apps-v1.json`; unknown fields are errors."""
    context = ssl.create_default_context(cafile=plane.authority)
    request = urllib.request.Request(f"{plane.address}/openapi/v2", headers={"Authorization": f"Bearer {ADMIN}"})
    with urllib.request.urlopen(request, context=context) as answer:
        definitions = json.load(answer)["definitions"]
    for schema in definitions.values():
        for kind in schema.get("x-kubernetes-group-version-kind", ()):
            if "List" not in kind["kind"] and kind["kind"] != "CustomResourceDefinition":
                group = kind["group"].partition(".")[0]
                parts = [kind["kind"].lower(), *([group] if group else []), kind["version"]]
                (folder / f"{'-'.join(parts)}.json").write_text(json.dumps(_strict(schema, definitions)))


def _strict(node: Any, definitions: dict[str, Any]) -> Any:
    """With what it refers to inside; what may be a number or a text says so only in Kubernetes' own words."""
    if isinstance(node, list):
        return [_strict(each, definitions) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _strict(definitions[node["$ref"].rpartition("/")[2]], definitions)
    if node.get("format") == "int-or-string" or node.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    found = {key: _strict(value, definitions) for key, value in node.items()}
    if isinstance(found.get("properties"), dict) and not found.get("x-kubernetes-preserve-unknown-fields"):
        found.setdefault("additionalProperties", False)
    return found
