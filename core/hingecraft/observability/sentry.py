"""Unexpected errors go to Sentry when a DSN is set: the kind and the place, and nothing about people (decision 98)."""

from __future__ import annotations

import json
import logging
import numbers
from collections.abc import Iterable, Iterator
from logging import LogRecord
from typing import Any
from uuid import UUID

from hingecraft import __version__
from hingecraft.observability.logs import Masker
from hingecraft.settings import Secret

_RELEASE = f"hingecraft@{__version__}"
_OWN_LOGGERS = "hingecraft"
_KEPT = ("event_id", "timestamp", "level", "platform", "logger", "environment", "server_name", "sdk")
_KEPT_OF_EXCEPTIONS = ("type", "module", "mechanism", "thread_id")
_KEPT_OF_FRAMES = (
    "filename", "abs_path", "module", "function", "lineno", "in_app", "pre_context", "context_line", "post_context",
)  # fmt: skip
# Fields of log lines that say nothing about people.
_TAGS = ("request_id", "event_id", "source")


def start_sentry(dsn: str, process: str, secrets: Iterable[Secret]) -> None:
    """Do nothing without a DSN."""
    if not dsn:
        return
    import sentry_sdk  # noqa: PLC0415 - a tenth of a process's start, which is wasted without a DSN
    from sentry_sdk.integrations.atexit import AtexitIntegration  # noqa: PLC0415 - the same
    from sentry_sdk.integrations.dedupe import DedupeIntegration  # noqa: PLC0415 - the same
    from sentry_sdk.integrations.excepthook import ExcepthookIntegration  # noqa: PLC0415 - the same
    from sentry_sdk.integrations.logging import LoggingIntegration  # noqa: PLC0415 - the same
    from sentry_sdk.integrations.threading import ThreadingIntegration  # noqa: PLC0415 - the same

    mask = Masker(secrets)

    def before_send(event: Any, hint: dict[str, Any]) -> Any:
        masked = json.loads(mask(json.dumps(report(event, hint.get("log_record")))))
        return {**masked, "release": _RELEASE}  # it looks like an e-mail address

    sentry_sdk.init(
        dsn=dsn,
        release=_RELEASE,
        server_name=process,
        # Others would patch the HTTP clients, the server and the driver, collect what passes there, and send
        # headers of their own to providers.
        default_integrations=False,
        integrations=[
            LoggingIntegration(level=None, event_level=logging.ERROR, sentry_logs_level=None),
            AtexitIntegration(callback=lambda _pending, _timeout: None),
            DedupeIntegration(),
            ExcepthookIntegration(),
            ThreadingIntegration(),
        ],
        trace_propagation_targets=[],
        auto_session_tracking=False,
        max_breadcrumbs=0,
        max_request_body_size="never",
        include_local_variables=False,
        before_send=before_send,
    )


def report(event: dict[str, Any], record: LogRecord | None) -> dict[str, Any]:
    """The part of an event that is sent: known fields only, so that a new field of the SDK stays here."""
    sent = {name: event[name] for name in _KEPT if name in event}
    if "exception" in event:
        sent["exception"] = {"values": [_exception(each) for each in event["exception"]["values"]]}
    if record is None:
        return sent
    sent["logentry"] = {"formatted": _message(record)}
    sent["tags"] = {name: str(value) for name in _TAGS if (value := getattr(record, name, None)) is not None}
    if route := getattr(record, "route", None):
        sent["transaction"] = route
    return sent


def _exception(described: dict[str, Any]) -> dict[str, Any]:
    """Type and place of an exception. Its text may quote what a person typed: the log has it, by the request id."""
    sent = {name: described[name] for name in _KEPT_OF_EXCEPTIONS if name in described}
    sent["stacktrace"] = {"frames": list(_frames(described))}
    return sent


def _frames(described: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for frame in (described.get("stacktrace") or {}).get("frames", ()):
        yield {name: frame[name] for name in _KEPT_OF_FRAMES if name in frame}


def _message(record: LogRecord) -> str:
    """The line in the log without what it was filled with, but for numbers and ids. Libraries fill in theirs early."""
    if record.name.partition(".")[0].partition("_")[0] != _OWN_LOGGERS:
        return f"see the log of {record.name}"
    text = str(record.msg)
    if not isinstance(record.args, tuple):
        return text
    return text % tuple(each if isinstance(each, numbers.Number | UUID) else "***" for each in record.args)
