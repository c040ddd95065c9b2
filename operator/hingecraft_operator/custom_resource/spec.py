"""The custom resource as the operator reads it. The CRD is written from these models (`crd.py`).

What Kubernetes checks stands beside the field: a pattern or a CEL rule with the sentence that people read.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from hingecraft.outbox.model import PAYMENT_EVENTS, ROUTES_UPDATED
from hingecraft_operator.custom_resource.fields import Duration, Name, Part, SecretKey, SecretRef, between, rules
from hingecraft_operator.custom_resource.reconcile_spec import Reconcile

GROUP = "payments.hingecraft.io"
VERSION = "v1"
KIND = "PaymentRoutes"
PLURAL = "paymentroutes"
API_VERSION = f"{GROUP}/{VERSION}"

_EVENTS = [ROUTES_UPDATED, *PAYMENT_EVENTS]
_LONGEST_URL = 2048


class DatabaseSecretRef(SecretRef):
    """Where the DSN is; with a pooler in front, the direct one for LISTEN too."""

    listen_key: SecretKey | None = Field(
        None, description="the key with a direct DSN for LISTEN, where the other leads to a pooler"
    )


class Database(Part):
    """The one source of truth."""

    secret_ref: DatabaseSecretRef = Field(description="where the DSN is; it may be rotated, but never lead elsewhere")


class Service(Part):
    """The Service before the API pods."""

    name: Name = Field(description="the Service; every address behind it is told of each version, ready or not")
    port: Name = Field("internal", description="the name of the port that takes pushes")


class Api(Part):
    """The pods that serve the routes."""

    service: Service = Field(description="where the pods are found")
    push_secret_ref: SecretRef = Field(description="signs what is pushed to the pods, as their PUSH_SECRET")


class Sync(Part):
    """How changes are put together."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            ("duration(self.quiet) <= duration(self.max)", "quiet must not be longer than max"),
            at=".quiet",
        )
    )

    leading: bool = Field(
        True, description="whether the first change after a quiet time is published at once, without waiting for quiet"
    )
    quiet: Duration = Field(
        "100ms",
        description="how long no change may come before the routes are rebuilt",
        json_schema_extra=between("10ms", "10s"),
    )
    max: Duration = Field(
        "1s",
        description="how long changes that keep coming may put a rebuild off",
        json_schema_extra=between("10ms", "60s"),
    )
    resync: Duration = Field(
        "30s",
        description="how often the operator looks without being told",
        json_schema_extra=between("1s", "1h"),
    )


class Webhook(Part):
    """A Wix endpoint that is told of events."""

    name: Name = Field(description="what it is called in the status")
    url: str = Field(
        max_length=_LONGEST_URL,
        description="where it is",
        json_schema_extra=rules(
            ("isURL(self) && url(self).getScheme() == 'https'", "must be an https address"),
            ("!self.contains('@')", "must hold no user or password"),
        ),
    )
    secret_ref: SecretRef = Field(description="signs what is sent (whsec_ and base64); two during a rotation")
    timeout: Duration = Field(
        "10s",
        description="how long an answer may take",
        json_schema_extra=between("1s", "20s"),
    )
    events: list[Annotated[str, Field(json_schema_extra={"enum": _EVENTS})]] = Field(
        [ROUTES_UPDATED],
        min_length=1,
        max_length=len(_EVENTS),
        description="what it is told of",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )


class Switch(Part):
    """On or off."""

    enabled: bool = Field(description="whether routes of this provider are published")


class ProviderSwitches(Part):
    """Which providers are used; one that is not named is the admin's to switch."""

    stripe: Switch | None = Field(None, description="cards")
    nowpayments: Switch | None = Field(None, description="coins")


class Publish(Part):
    """What is published."""

    single_use_checkouts: bool | None = Field(
        None, description="whether links that one donor opened are published; absent: the admin's to say"
    )


class Spec(Part):
    """What the resource declares."""

    database: Database = Field(description="Postgres, the one source of truth")
    api: Api = Field(description="the pods that serve the routes")
    sync: Sync = Field(
        default_factory=Sync,
        description="how changes are put together",
        json_schema_extra={"default": Sync().model_dump()},
    )
    webhooks: list[Webhook] = Field(
        default_factory=list,
        max_length=20,
        description="the endpoints of the site",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    providers: ProviderSwitches = Field(default_factory=ProviderSwitches, description="which providers are used")
    publish: Publish = Field(default_factory=Publish, description="what is published")
    reconcile: Reconcile = Field(
        default_factory=Reconcile, description="the reconciliation", json_schema_extra={"default": {}}
    )
    pin_version: int | None = Field(
        None, ge=1, description="go back to the routes of this version, until it is taken away"
    )
    paused: bool | None = Field(None, description="publish nothing and push nothing; the pods go on serving")
