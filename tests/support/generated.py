"""The files that are written from the code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hingecraft.donations.links.command import LinksSettings
from hingecraft.migrations.command import MigrateSettings
from hingecraft.reconcile.command import ReconcileSettings
from hingecraft.settings import Settings
from hingecraft.site_check.command import SiteSettings
from hingecraft.sync.command import SyncSettings
from hingecraft.trail.command import TrailSettings
from hingecraft.trail.correct_command import CorrectSettings
from hingecraft_api.app import PUBLIC_ENDPOINTS
from hingecraft_api.reference.codes import CODES
from hingecraft_api.reference.openapi import document_of, written
from hingecraft_api.settings import ApiSettings
from hingecraft_api.token_command import TokenSettings
from hingecraft_operator.custom_resource import crd
from hingecraft_operator.settings import OperatorSettings
from hingecraft_sandbox.command import SandboxSettings
from support import chart_values, crash, operator_matrix

SETTINGS: dict[str, type[Settings]] = {
    "hingecraft api": ApiSettings,
    "hingecraft sync": SyncSettings,
    "hingecraft operator": OperatorSettings,
    "hingecraft migrate": MigrateSettings,
    "hingecraft links": LinksSettings,
    "hingecraft reconcile": ReconcileSettings,
    "hingecraft trail": TrailSettings,
    "hingecraft correct": CorrectSettings,
    "hingecraft site": SiteSettings,
    "hingecraft token": TokenSettings,
    "hingecraft sandbox": SandboxSettings,
}
_WIDTH = 110
ROOT = Path(__file__).parents[2]


def openapi() -> str:
    return written(document_of(PUBLIC_ENDPOINTS))


def env_example() -> str:
    """Every variable once, with the processes that read it; what has a default is commented out."""
    readers: dict[str, list[str]] = {}
    for process, settings in SETTINGS.items():
        for name in settings.model_fields:
            readers.setdefault(name, []).append(process)
    blocks = [_block(name, processes) for name, processes in readers.items()]
    head = (
        "# Every setting. Written from the code by `make generate`.\n"
        "# Each may be given as <NAME>_FILE instead: a file that holds the value, read again when it changes.\n"
        "# A secret that verifies something may be two values during a rotation: the new one, a comma, the old one.\n"
    )
    return head + "\n" + "\n".join(blocks)


def _block(name: str, processes: list[str]) -> str:
    field = SETTINGS[processes[0]].model_fields[name]
    default = field.get_default()
    words = f"{field.description} (read by {', '.join(processes)})".split()
    if field.is_required():
        return f"{_comment(words)}{name.upper()}=\n"
    shown = {True: "true", False: "false"}.get(default, default) if isinstance(default, bool) else default
    plain = shown if isinstance(shown, str | int) else ""
    return f"{_comment(words)}# {name.upper()}={plain}\n"


def _comment(words: list[str]) -> str:
    lines, line = [], "#"
    for word in words:
        if len(line) + len(word) >= _WIDTH:
            lines.append(line)
            line = "#"
        line += f" {word}"
    return "\n".join([*lines, line]) + "\n"


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
    ".env.example": env_example,
    "crds/paymentroutes.yaml": crd.as_yaml,
    "helm/hingecraft-crds/templates/paymentroutes.yaml": definition_chart,
    "helm/hingecraft/values.yaml": chart_values.values,
    "helm/hingecraft/templates/_not-null.tpl": chart_values.not_null,
    "helm/hingecraft/README.md": chart_values.readme,
}
