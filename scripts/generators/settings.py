"""Every setting, as .env.example and as docs/settings.md."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from generators.tables import WRITTEN, code, page, table
from hingecraft.credits.prices.command import PricesSettings
from hingecraft.donations.links.command import LinksSettings
from hingecraft.migrations.command import MigrateSettings
from hingecraft.privacy.command import PrivacySettings
from hingecraft.reconcile.command import ReconcileSettings
from hingecraft.settings import DatabaseSettings, Secret, SentSecret, Settings
from hingecraft.site_check.command import SiteSettings
from hingecraft.sync.command import SyncSettings
from hingecraft.sync.wait_command import WaitSettings
from hingecraft.trail.command import TrailSettings
from hingecraft.trail.correct_command import CorrectSettings
from hingecraft_api.settings import ApiSettings
from hingecraft_api.token_command import TokenSettings
from hingecraft_operator.settings import OperatorSettings
from hingecraft_sandbox.command import SandboxSettings

SETTINGS: dict[str, type[Settings]] = {
    "hingecraft api": ApiSettings,
    "hingecraft sync": SyncSettings,
    "hingecraft operator": OperatorSettings,
    "hingecraft migrate": MigrateSettings,
    "hingecraft links": LinksSettings,
    "hingecraft reconcile": ReconcileSettings,
    "hingecraft credits": PricesSettings,
    "hingecraft wix": DatabaseSettings,
    "hingecraft routes": DatabaseSettings,
    "hingecraft wait": WaitSettings,
    "hingecraft trail": TrailSettings,
    "hingecraft correct": CorrectSettings,
    "hingecraft privacy": PrivacySettings,
    "hingecraft site": SiteSettings,
    "hingecraft token": TokenSettings,
    "hingecraft sandbox": SandboxSettings,
}
_WIDTH = 110
_BOUNDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
_PLAIN = {int: "whole number", bool: "`true` or `false`", str: "text"}


def readers() -> dict[str, list[str]]:
    """Every setting once, with the processes that read it."""
    found: dict[str, list[str]] = {}
    for process, settings in SETTINGS.items():
        for name in settings.model_fields:
            found.setdefault(name, []).append(process)
    return found


def env_example() -> str:
    """The example file; a setting that has a default is commented out."""
    blocks = [_block(name, processes) for name, processes in readers().items()]
    head = (
        "# Every setting. Written from the code by `make generate`.\n"
        "# Each may be given as <NAME>_FILE instead: a file that holds the value, read again when it changes.\n"
        "# A secret that verifies something may be two values during a rotation: the new one, a comma, the old one.\n"
    )
    return head + "\n" + "\n".join(blocks)


def _block(name: str, processes: list[str]) -> str:
    field = SETTINGS[processes[0]].model_fields[name]
    words = f"{field.description} (read by {', '.join(processes)})".split()
    if field.is_required():
        return f"{_comment(words)}{name.upper()}=\n"
    return f"{_comment(words)}# {name.upper()}={_default(field)}\n"


def _default(field: FieldInfo) -> str:
    default = None if field.is_required() else field.get_default()
    if isinstance(default, bool):
        return "true" if default else "false"
    return str(default) if isinstance(default, str | int) else ""


def _comment(words: list[str]) -> str:
    lines, line = [], "#"
    for word in words:
        if len(line) + len(word) >= _WIDTH:
            lines.append(line)
            line = "#"
        line += f" {word}"
    return "\n".join([*lines, line]) + "\n"


def document() -> str:
    """docs/settings.md."""
    rows = []
    for name, processes in sorted(readers().items()):
        field = SETTINGS[processes[0]].model_fields[name]
        default = "**required**" if field.is_required() else code(_default(field))
        read_by = ", ".join(process.removeprefix("hingecraft ") for process in processes)
        rows.append((code(name.upper()), _kind(name, field), default, str(field.description), read_by))
    return page([*_HEAD, *table(("setting", "type", "default", "meaning", "read by"), rows), ""])


def _kind(name: str, field: FieldInfo) -> str:
    """The type in words, with its bounds."""
    kind: Any = field.annotation
    if get_origin(kind) in {Union, UnionType}:
        kind = next(each for each in get_args(kind) if each is not NoneType)
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if isinstance(kind, type) and issubclass(kind, Secret):
        is_sent = issubclass(kind, SentSecret) or name.endswith("database_url")
        return "**secret**" if is_sent else "**secret**, may rotate"
    if get_origin(kind) is Literal:
        return " or ".join(code(each) for each in get_args(kind))
    if get_origin(kind) is tuple:
        return "list, comma-separated"
    bounds = [f"{words} {value}" for each in field.metadata for sign, words in _BOUNDS.items()
              if (value := getattr(each, sign, None)) is not None]  # fmt: skip
    return ", ".join([_PLAIN.get(kind, "number"), *bounds])


_HEAD = (
    "# Settings",
    "",
    WRITTEN,
    "",
    (
        "Every process reads its settings from the environment, and stops with a sentence that names the "
        "setting if a value is missing or wrong. An empty value counts as not set."
    ),
    "",
    (
        "- Each setting may be given as `<NAME>_FILE` instead: the path of a file that holds the value. A "
        "secret that is given as a file is read again when the file changes, so a rotation needs no restart."
    ),
    (
        "- **secret, may rotate**: verifies or signs something. It may hold two values during a rotation: the "
        "new one, a comma, the old one. Both verify; the first signs."
    ),
    "- **secret**: is sent to somebody, such as a provider or Postgres. It is one value, commas included.",
    (
        "- The chart sets most of these from its values: see [its README](../helm/hingecraft/README.md). The "
        "Secrets that they come from are described in [Deployment](deployment.md#secrets)."
    ),
    "",
    "`make dev` sets all of them by itself. Values in a file `.env` replace its own: see [The sandbox](sandbox.md).",
    "",
)
