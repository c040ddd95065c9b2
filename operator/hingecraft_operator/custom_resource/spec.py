"""The spec of the custom resource. The CRD is generated from these models (`crd.py`).

Validation by Kubernetes is declared with each field: a pattern or a CEL rule, with its error message.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from hingecraft.outbox.model import PAYMENT_EVENTS, ROUTES_UPDATED
from hingecraft_operator.custom_resource.fields import (
    Duration,
    Name,
    Part,
    SecretKey,
    SecretRef,
    between,
    list_map,
    rules,
)
from hingecraft_operator.custom_resource.reconcile_spec import Reconcile

GROUP = "payments.hingecraft.io"
VERSION = "v1"
KIND = "PaymentRoutes"
PLURAL = "paymentroutes"
API_VERSION = f"{GROUP}/{VERSION}"

_EVENTS = [ROUTES_UPDATED, *PAYMENT_EVENTS]
_LONGEST_URL = 2048


class DatabaseSecretRef(SecretRef):
    """The Secret with the DSN, and with a direct DSN for LISTEN if the first one leads to a pooler."""

    listen_key: SecretKey | None = Field(
        None, description="the key with a direct DSN for LISTEN, if the other one leads to a pooler"
    )


class Database(Part):
    """The Postgres database that holds the routes."""

    secret_ref: DatabaseSecretRef = Field(
        description="the Secret with the DSN; it may be rotated, but must always lead to the same database"
    )


class Service(Part):
    """The Service of the API pods."""

    name: Name = Field(description="the Service; each version is pushed to every address behind it, ready or not")
    port: Name = Field("internal", description="the name of the port that receives pushes")


class Api(Part):
    """The pods that serve the routes."""

    service: Service = Field(description="the Service of the pods")
    push_secret_ref: SecretRef = Field(
        description="the secret that signs pushes to the pods; must equal their PUSH_SECRET"
    )


class Sync(Part):
    """How changes are combined into versions."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            ("duration(self.quiet) <= duration(self.max)", "quiet must not be longer than max"),
            at=".quiet",
        )
    )

    leading: bool = Field(
        True, description="publish the first change after a quiet time at once, without waiting for quiet"
    )
    quiet: Duration = Field(
        "100ms",
        description="how long to wait without changes before the routes are rebuilt",
        json_schema_extra=between("10ms", "10s"),
    )
    max: Duration = Field(
        "1s",
        description="how long a rebuild may be delayed while changes keep coming",
        json_schema_extra=between("10ms", "60s"),
    )
    resync: Duration = Field(
        "30s",
        description="how often the routes are checked even without a notification",
        json_schema_extra=between("1s", "1h"),
    )


class Webhook(Part):
    """An endpoint that receives events."""

    name: Name = Field(description="the name of the endpoint in the status")
    url: str = Field(
        max_length=_LONGEST_URL,
        description="the URL of the endpoint",
        json_schema_extra=rules(
            ("isURL(self) && url(self).getScheme() == 'https'", "must be an https URL"),
            ("!self.contains('@')", "must not contain a user or password"),
        ),
    )
    secret_ref: SecretRef = Field(
        description="the secret that signs messages (whsec_ and base64); two values during a rotation"
    )
    timeout: Duration = Field(
        "10s",
        description="how long to wait for an answer",
        json_schema_extra=between("1s", "20s"),
    )
    events: list[Annotated[str, Field(json_schema_extra={"enum": _EVENTS})]] = Field(
        [ROUTES_UPDATED],
        min_length=1,
        max_length=len(_EVENTS),
        description="the events that are sent to it",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )


class Switch(Part):
    """Turns a provider on or off."""

    enabled: bool = Field(description="whether routes of this provider are published")


class ProviderSwitches(Part):
    """The providers that are used; admins decide about one that is not named."""

    stripe: Switch | None = Field(None, description="cards")
    nowpayments: Switch | None = Field(None, description="coins")


class Publish(Part):
    """The publishing settings."""

    single_use_checkouts: bool | None = Field(
        None, description="whether links that one donor opened are published; if absent, admins decide"
    )


class Spec(Part):
    """The desired state."""

    database: Database = Field(description="Postgres, the one source of truth")
    api: Api = Field(description="the pods that serve the routes")
    sync: Sync = Field(
        default_factory=Sync,
        description="how changes are combined into versions",
        json_schema_extra={"default": Sync().model_dump()},
    )
    webhooks: list[Webhook] = Field(
        default_factory=list,
        max_length=20,
        description="the endpoints of the site",
        json_schema_extra=list_map(),
    )
    providers: ProviderSwitches = Field(default_factory=ProviderSwitches, description="which providers are used")
    publish: Publish = Field(default_factory=Publish, description="what is published")
    reconcile: Reconcile = Field(
        default_factory=Reconcile, description="the reconciliation", json_schema_extra={"default": {}}
    )
    pin_version: int | None = Field(
        None, ge=1, description="publish the routes of this version until the field is removed"
    )
    paused: bool | None = Field(None, description="publish nothing and push nothing; pods keep serving")
