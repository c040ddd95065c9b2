"""The custom resource as the operator reads it. The CRD is written from these models (`crd.py`).

What Kubernetes checks stands beside the field: a pattern or a CEL rule with the sentence that people read.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from hingecraft.outbox.model import PAYMENT_EVENTS, ROUTES_UPDATED
from hingecraft_operator.schedule import CRON

GROUP = "payments.hingecraft.io"
VERSION = "v1"
KIND = "PaymentRoutes"
PLURAL = "paymentroutes"
API_VERSION = f"{GROUP}/{VERSION}"

_DURATION = "^[1-9][0-9]{0,5}(ms|s|m|h)$"
_LONGEST_DURATION = 8
_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours"}
_EVENTS = [ROUTES_UPDATED, *PAYMENT_EVENTS]
_LONGEST_URL = 2048


def rules(*pairs: tuple[str, str], at: str = "") -> dict[str, Any]:
    """CEL rules and the sentence that each answers with; `at` is the field to name, where it is one below."""
    place = {"fieldPath": at} if at else {}
    return {
        "x-kubernetes-validations": [
            {"rule": rule, "message": message, "reason": "FieldValueInvalid", **place} for rule, message in pairs
        ]
    }


def _like(pattern: str, longest: int, sentence: str) -> dict[str, Any]:
    """A pattern whose failure is told in a sentence, where the schema's own `pattern` would recite the pattern."""
    return {"maxLength": longest, **rules((f"self.matches('{pattern}')", sentence))}


def _between(shortest: str, longest: str) -> dict[str, Any]:
    within = f"duration(self) >= duration('{shortest}') && duration(self) <= duration('{longest}')"
    return {
        "maxLength": _LONGEST_DURATION,
        **rules(
            (
                f"self.matches('{_DURATION}') && {within}",
                f"must be between {shortest} and {longest}, written as 100ms, 30s, 5m or 24h",
            )
        ),
    }


def seconds(text: str) -> float:
    """How long a duration such as `100ms` is."""
    shape = re.fullmatch(r"(\d+)(ms|s|m|h)", text)
    if shape is None:
        raise ValueError(f"{text!r} is no duration such as 100ms or 30s")
    return timedelta(**{_UNITS[shape[2]]: int(shape[1])}).total_seconds()


def _checked(text: str) -> str:
    seconds(text)
    return text


# An object that was stored before a rule was made may break it: then the message names the field.
Duration = Annotated[str, AfterValidator(_checked)]

_NAME = _like("^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", 63, "must have lower-case letters, digits and hyphens only")
_SECRET_NAME = _like("^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$", 253, "must be the name of a Secret")
_SECRET_KEY = _like("^[-._a-zA-Z0-9]+$", 253, "must be a key of a Secret: letters, digits, - _ and . only")

Name = Annotated[str, Field(json_schema_extra=_NAME)]
SecretName = Annotated[str, Field(json_schema_extra=_SECRET_NAME)]
SecretKey = Annotated[str, Field(json_schema_extra=_SECRET_KEY)]


class Part(BaseModel):
    """What every part has in common: unknown fields are let be, so that a newer object still reads."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore")


class SecretRef(Part):
    """A key of a Secret in the resource's namespace."""

    name: SecretName = Field(description="the Secret")
    key: SecretKey = Field(description="the key in it that holds the value")


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

    quiet: Duration = Field(
        "100ms",
        description="how long no change may come before the routes are rebuilt",
        json_schema_extra=_between("10ms", "10s"),
    )
    max: Duration = Field(
        "1s",
        description="how long changes that keep coming may put a rebuild off",
        json_schema_extra=_between("10ms", "60s"),
    )
    resync: Duration = Field(
        "30s",
        description="how often the operator looks without being told",
        json_schema_extra=_between("1s", "1h"),
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
        json_schema_extra=_between("1s", "20s"),
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


class EnvFrom(Part):
    """A Secret whose keys become the Job's environment."""

    secret_ref: LocalRef = Field(description="the Secret")


class LocalRef(Part):
    """A name in the resource's namespace."""

    name: SecretName = Field(description="its name")


_AMOUNT = _like("^[0-9]{1,9}([.][0-9]{1,2})?$", 12, "must be an amount in USD such as 1.00 or 5000")


class Amounts(Part):
    """What is taken, in USD; the same as the API's AMOUNT_MIN and AMOUNT_MAX."""

    min: str | None = Field(None, description="the least, such as 1.00", json_schema_extra=_AMOUNT)
    max: str | None = Field(None, description="the most, such as 5000", json_schema_extra=_AMOUNT)


class Reconcile(Part):
    """The CronJob that asks the providers what nobody told us."""

    schedule: str = Field(
        "*/15 * * * *",
        description="when, as cron writes it: minute hour day month weekday",
        json_schema_extra=_like(CRON, 100, "must be a cron schedule such as */15 * * * * or @hourly"),
    )
    lookback: Duration = Field(
        "24h",
        description="how far back the first run reads the events of Stripe",
        json_schema_extra=_between("1m", "720h"),
    )
    suspend: bool = Field(False, description="no runs while it is true")
    resources: dict[str, Any] = Field(
        default_factory=dict,
        description="what the Job's container asks for and may use",
        json_schema_extra={"x-resources": True},
    )
    env_from: list[EnvFrom] = Field(
        default_factory=list,
        max_length=16,
        description="Secrets with the providers' keys and SITE_URL",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    amounts: Amounts = Field(
        default_factory=Amounts,
        description="what the standing links take, in USD; absent: what each currency's own limits say",
        json_schema_extra={"default": {}},
    )
    service_account_name: Name | None = Field(None, description="what the Job runs as; it needs no rights")
    image_pull_secrets: list[LocalRef] = Field(
        default_factory=list,
        max_length=16,
        description="for the image, where its registry asks who comes",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
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


EnvFrom.model_rebuild()
Spec.model_rebuild()
