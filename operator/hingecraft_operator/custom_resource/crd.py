"""The CustomResourceDefinition, written from the models: `make generate` puts it into `crds/`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from hingecraft_operator.custom_resource.fields import Part
from hingecraft_operator.custom_resource.spec import GROUP, KIND, PLURAL, VERSION, Spec
from hingecraft_operator.custom_resource.status import Status

SHORT_NAME = "proutes"
_QUANTITY = {
    "anyOf": [{"type": "integer"}, {"type": "string"}],
    "pattern": "^[0-9]+([.][0-9]+)?(m|[kKMGTPE]i?)?$",
    "x-kubernetes-int-or-string": True,
}
_RESOURCES = {
    name: {"type": "object", "maxProperties": 8, "additionalProperties": _QUANTITY} for name in ("limits", "requests")
}


def _column(name: str, path: str, kind: str, description: str, *, wide: bool = False) -> dict[str, Any]:
    column = {"name": name, "type": kind, "jsonPath": path, "description": description}
    return {**column, "priority": 1} if wide else column


def _ready(field: str) -> str:
    return f'.status.conditions[?(@.type=="Ready")].{field}'


COLUMNS = [
    _column("Version", ".status.version", "integer", "the newest version of the routes"),
    _column("Routes", ".status.routeCount", "integer", "how many currencies it has"),
    _column("Synced", ".status.podsSummary", "string", "pods that serve it / all"),
    _column("Webhooks", ".status.webhooksSummary", "string", "endpoints that received it / all that subscribe to it"),
    _column("Ready", _ready("status"), "string", "whether every pod serves the newest version"),
    _column("Reason", _ready("reason"), "string", "the reason of Ready"),
    _column("Age", ".metadata.creationTimestamp", "date", "how old the resource is"),
    _column("Checksum", ".status.checksum", "string", "of the routes", wide=True),
    _column("Latency", ".status.latency.last", "integer", "milliseconds to the last pod", wide=True),
    _column("Last-Reconcile", ".status.reconcile.lastRun", "date", "when the last reconciliation ended", wide=True),
]


def structural(model: type[Part]) -> dict[str, Any]:
    """A model's JSON schema as a structural schema of Kubernetes: without references and titles."""
    schema = model.model_json_schema(by_alias=True)
    definitions = schema.pop("$defs", {})
    found: dict[str, Any] = _inlined(schema, definitions)
    return found


def _inlined(node: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_inlined(each, definitions) for each in node]
    if not isinstance(node, dict):
        return node
    node = _resolved(_without_null(_resolved(node, definitions)), definitions)
    if node.pop("x-resources", False):
        return {"type": "object", "description": node["description"], "properties": _RESOURCES}
    if node.get("type") == "object" and "properties" in node:
        node.pop("additionalProperties", None)
        properties = {name: _inlined(each, definitions) for name, each in node["properties"].items()}
        node = {**node, "properties": properties}
        return _as_kubernetes(node)
    return _as_kubernetes({key: _inlined(value, definitions) for key, value in node.items()})


def _as_kubernetes(node: dict[str, Any]) -> dict[str, Any]:
    """The node in the keywords that Kubernetes knows: a single allowed value is an enum of one."""
    only = {"enum": [node["const"]]} if "const" in node else {}
    return {**{key: value for key, value in node.items() if key not in {"title", "const"}}, **only}


def _resolved(node: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """The node with its $ref resolved; its own keys, such as the description, take precedence."""
    if "$ref" not in node:
        return dict(node)
    there = definitions[node["$ref"].rpartition("/")[2]]
    return {**there, **{key: value for key, value in node.items() if key != "$ref"}}


def _without_null(node: dict[str, Any]) -> dict[str, Any]:
    """`X | None` becomes an optional X, since Kubernetes drops nulls."""
    choices = [each for each in node.get("anyOf", []) if each != {"type": "null"}]
    if "anyOf" not in node or len(choices) != 1 or node.get("x-kubernetes-int-or-string"):
        return node
    rest = {key: value for key, value in node.items() if key not in {"anyOf", "default"} or value is True}
    return {**choices[0], **rest}


def definition() -> dict[str, Any]:
    """The CustomResourceDefinition as JSON."""
    spec = structural(Spec)
    status = structural(Status)
    schema = {
        "type": "object",
        "description": "Publishes the payment routes of a database to API pods and webhook endpoints.",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec,
            "status": status,
        },
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": "paymentroute",
                "shortNames": [SHORT_NAME],
                "categories": ["hingecraft"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": COLUMNS,
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }


class _Dumper(yaml.SafeDumper):
    """Writes repeated parts in full."""

    def ignore_aliases(self, data: Any) -> bool:
        """Never write YAML anchors."""
        del data
        return True


def as_yaml(annotations: Mapping[str, str] | None = None) -> str:
    """The CustomResourceDefinition as YAML, with annotations if given."""
    head = "# Written from operator/hingecraft_operator/custom_resource/{spec,status}.py by `make generate`.\n"
    found = definition()
    if annotations:
        found["metadata"]["annotations"] = dict(annotations)
    return head + yaml.dump(found, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)
