"""Each file that is written from the code, with the function that makes its text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from generators import chart_values, commands, data_model, metrics, settings, version
from hingecraft_api.app import PUBLIC_ENDPOINTS
from hingecraft_api.reference.codes import CODES
from hingecraft_api.reference.openapi import document_of, written
from hingecraft_operator.custom_resource import crd
from support import crash, operator_matrix

ROOT = Path(__file__).parents[2]


def openapi() -> str:
    return written(document_of(PUBLIC_ENDPOINTS))


def definition_chart() -> str:
    """Helm keeps the definition when its release is uninstalled: all PaymentRoutes would go with it."""
    return crd.as_yaml({"helm.sh/resource-policy": "keep"})


def api_guide() -> str:
    """docs/api.md with its table of error codes replaced."""
    text = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    before, heading, _ = text.partition("## Error codes\n")
    rows = [f"| `{name}` | {int(code.status)} | {code.advice} |" for name, code in CODES.items()]
    return before + heading + "\n".join(["", "| code | status | what to do |", "|---|---|---|", *rows, ""])


GENERATED: dict[str, Callable[[], str]] = {
    "docs/api.md": api_guide,
    "docs/openapi.json": openapi,
    "docs/crash-matrix.md": crash.document,
    "docs/operator-matrix.md": operator_matrix.document,
    "docs/settings.md": settings.document,
    "docs/cli.md": commands.document,
    "docs/metrics-and-alerts.md": metrics.document,
    ".env.example": settings.env_example,
    "crds/paymentroutes.yaml": crd.as_yaml,
    "helm/hingecraft-crds/templates/paymentroutes.yaml": definition_chart,
    "helm/hingecraft/values.yaml": chart_values.values,
    "helm/hingecraft/templates/_not-null.tpl": chart_values.not_null,
    "helm/hingecraft/README.md": chart_values.readme,
    **version.FILES,
}
# What takes a Postgres; tests compare it in databases that they have.
FROM_DATABASE: dict[str, Callable[[], str]] = {"docs/data-model.md": data_model.document}
