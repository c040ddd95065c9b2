"""The inputs of an engine: the spec and the values of its Secrets. The engine restarts when they change."""

from __future__ import annotations

from dataclasses import dataclass

from hingecraft.errors import UsageError
from hingecraft.outbox.model import Endpoint, key_of
from hingecraft.settings import DsnSecret, Secret
from hingecraft.sync.changes import Timing
from hingecraft_operator.cluster.secret_reader import SecretMissingError, SecretReader
from hingecraft_operator.custom_resource.fields import seconds
from hingecraft_operator.custom_resource.spec import DatabaseSecretRef, Spec, Webhook
from hingecraft_operator.status.observed import WebhookProblem

_SCHEMES = ("postgres://", "postgresql://")


class SecretWrongError(UsageError):
    """A Secret has an invalid value; the message names the key and what it must be, never the value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookInput:
    """An endpoint, its timeout in seconds and its signing secret, or why there is no secret."""

    endpoint: Endpoint
    timeout: float
    secret: str | None
    problem: WebhookProblem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseInput:
    """The DSNs of the database."""

    dsn: str
    listen_dsn: str

    @property
    def secret(self) -> Secret:
        """The DSN for queries; it may lead to a pooler."""
        return DsnSecret(self.dsn)

    @property
    def listen_secret(self) -> Secret:
        """The DSN for LISTEN; it must not lead to a pooler."""
        return DsnSecret(self.listen_dsn)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Compared with the last ones to see whether the engine must be restarted."""

    database: DatabaseInput
    push_secret: str
    timing: Timing
    webhooks: tuple[WebhookInput, ...]


async def read_database(secrets: SecretReader, ref: DatabaseSecretRef) -> DatabaseInput:
    """Raises SecretMissingError or SecretWrongError."""
    dsn = await _dsn(secrets, ref.name, ref.key)
    return DatabaseInput(dsn=dsn, listen_dsn=await _dsn(secrets, ref.name, ref.listen_key) if ref.listen_key else dsn)


async def read_inputs(secrets: SecretReader, spec: Spec, database: DatabaseInput) -> Inputs:
    """Raises SecretMissingError for the push secret; a webhook's problem is kept in its input."""
    push = spec.api.push_secret_ref
    return Inputs(
        database=database,
        push_secret=await secrets.value(push.name, push.key),
        timing=Timing(
            leading=spec.sync.leading,
            quiet=seconds(spec.sync.quiet),
            longest=seconds(spec.sync.max),
            resync=seconds(spec.sync.resync),
        ),
        webhooks=tuple([await _webhook(secrets, webhook) for webhook in spec.webhooks]),
    )


async def _dsn(secrets: SecretReader, name: str, key: str) -> str:
    dsn = await secrets.value(name, key)
    if not dsn.startswith(_SCHEMES):
        raise SecretWrongError(f"the key {key} of the Secret {name} must start with postgresql://")
    return dsn


async def _webhook(secrets: SecretReader, webhook: Webhook) -> WebhookInput:
    """A missing or invalid Secret only delays the messages to this endpoint."""
    secret: str | None = None
    problem: WebhookProblem | None = None
    try:
        secret = await _signing_secret(secrets, webhook.secret_ref.name, webhook.secret_ref.key)
    except SecretMissingError as error:
        problem = WebhookProblem("SecretMissing", str(error))
    except SecretWrongError as error:
        problem = WebhookProblem("SecretWrong", str(error))
    return WebhookInput(
        endpoint=Endpoint(name=webhook.name, url=webhook.url, events=tuple(webhook.events)),
        timeout=seconds(webhook.timeout),
        secret=secret,
        problem=problem,
    )


async def _signing_secret(secrets: SecretReader, name: str, key: str) -> str:
    value = await secrets.value(name, key)
    try:
        for each in Secret(value).values:
            key_of(each)
    except UsageError:
        raise SecretWrongError(f"the key {key} of the Secret {name} must be whsec_ followed by base64") from None
    return value
