"""Settings come from the environment, each also as `<NAME>_FILE`.

Each process has one class with only the settings it reads, so that a pod mounts only the secrets it needs.
A secret given as a file is read again when the file changes, so that a rotation needs no restart.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from hingecraft.errors import UsageError

_LOOK_AGAIN_AFTER = 1.0
_SHORTEST_SECRET = 8


class Secret:
    """A secret that verifies or signs: one, or two (the new one, a comma, the old one) while it is being rotated."""

    def __init__(self, text: str = "", *, path: Path | None = None) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._looked_at = 0.0
        self._values = self.parse(text)
        if path is not None:
            self._reread()

    @property
    def values(self) -> tuple[str, ...]:
        """Every value that still verifies, the newest first."""
        if self._path is not None and time.monotonic() - self._looked_at >= _LOOK_AGAIN_AFTER:
            self._reread()
        return self._values

    @staticmethod
    def parse(text: str) -> tuple[str, ...]:
        """The values in a text."""
        return tuple(part.strip() for part in text.split(",") if part.strip())

    @property
    def newest(self) -> str:
        """The value to sign or to log in with."""
        values = self.values
        return values[0] if values else ""

    def __bool__(self) -> bool:
        return bool(self.values)

    def __repr__(self) -> str:
        return "Secret('***')"

    def _reread(self) -> None:
        """Read the file again. While it is missing or empty, as during a replacement, the old value stays."""
        assert self._path is not None
        self._looked_at = time.monotonic()
        try:
            seen = self._path.stat()
            if self._stamp != (seen.st_mtime_ns, seen.st_ino):
                text = self._path.read_text(encoding="utf-8")
                self._values = self.parse(text) or self._values
                self._stamp = (seen.st_mtime_ns, seen.st_ino)
        except OSError:
            return


class SentSecret(Secret):
    """A secret that is sent, such as a password: a comma is part of it."""

    @staticmethod
    def parse(text: str) -> tuple[str, ...]:
        """The text as a single value."""
        return (text.strip(),) if text.strip() else ()


class DsnSecret(SentSecret):
    """The DSN of a database, with its password."""


def _as_secret(value: object, kind: type[Secret] = Secret) -> Secret:
    secret = value if isinstance(value, Secret) else kind(str(value))
    if any(len(part) < _SHORTEST_SECRET for part in secret.values):
        raise ValueError(f"needs at least {_SHORTEST_SECRET} characters")
    return secret


def _as_sent_secret(value: object) -> Secret:
    return _as_secret(value, SentSecret)


def _as_required_secret(value: object) -> Secret:
    secret = _as_secret(value)
    if not secret:
        raise ValueError("is empty")
    return secret


def _as_dsn(value: object) -> Secret:
    if isinstance(value, Secret):
        return value
    text = str(value).strip()
    if not text.startswith(("postgres://", "postgresql://")):
        raise ValueError("must start with postgresql://")
    return DsnSecret(text)


def _as_list(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return tuple(value)  # type: ignore[arg-type]  # a default given in code is already a sequence


OptionalSecret = Annotated[Secret, NoDecode, BeforeValidator(_as_secret)]
OptionalSentSecret = Annotated[SentSecret, NoDecode, BeforeValidator(_as_sent_secret)]
RequiredSecret = Annotated[Secret, NoDecode, BeforeValidator(_as_required_secret)]
Dsn = Annotated[Secret, NoDecode, BeforeValidator(_as_dsn)]
CommaList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_as_list)]


class _FileSource(PydanticBaseSettingsSource):
    """`<NAME>_FILE` names the file that holds the value of `<NAME>`."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """A secret keeps its file and follows it; anything else is read once."""
        path = os.environ.get(f"{field_name.upper()}_FILE", "").strip()
        if not path:
            return None, field_name, False
        try:
            text = Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise UsageError(f"{field_name.upper()}_FILE: cannot read {path}: {error.strerror}") from error
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Secret):
            is_dsn = field_name.endswith("database_url")
            return (DsnSecret if is_dsn else kind)(path=Path(path)), field_name, False
        return text, field_name, False

    def __call__(self) -> dict[str, Any]:
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


class Settings(BaseSettings):
    """The base of every process's settings."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, arbitrary_types_allowed=True, hide_input_in_errors=True
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments come first, then files, then the environment."""
        del dotenv_settings, file_secret_settings
        return init_settings, _FileSource(settings_cls), env_settings


class LogSettings(Settings):
    """The settings of every process."""

    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    sentry_dsn: str = Field("", description="Sentry address for unexpected errors; without it they are only logged")
    otel_exporter_otlp_endpoint: str = Field(
        "",
        description="OpenTelemetry collector for traces, over OTLP/HTTP, such as http://collector:4318; "
        "without it nothing is traced",
        pattern="^(https?://.+)?$",
    )
    otel_exporter_otlp_headers: OptionalSentSecret = Field(
        SentSecret(), description="headers for that collector, such as an access token: name=value, comma-separated"
    )


class DatabaseSettings(LogSettings):
    """The settings of processes that use Postgres."""

    database_url: Dsn = Field(description="address of Postgres: postgresql://user:password@host:port/database")


class ListenSettings(DatabaseSettings):
    """The settings of processes with a sync engine."""

    listen_database_url: Dsn | None = Field(
        None, description="direct connection for LISTEN, not through a pooler; default: DATABASE_URL"
    )


_Loaded = TypeVar("_Loaded", bound=Settings)


def load(kind: type[_Loaded], overrides: Mapping[str, Any] | None = None) -> _Loaded:
    """Read the settings of one process, or stop it with one line that names what is wrong."""
    try:
        return kind(**(overrides or {}))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        if not first["loc"]:
            raise UsageError(first["msg"].removeprefix("Value error, ")) from error
        name = str(first["loc"][0]).upper()
        what = "is not set" if first["type"] == "missing" else first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{name} {what}; set {name} or {name}_FILE, as .env.example shows") from error
