"""What the operator reports in `status`. The CRD's schema is written from these models, so it keeps no other field."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from hingecraft_operator.custom_resource.fields import Part

MAX_LAGGING = 20
CONDITIONS = (
    "Ready",
    "DatabaseConnected",
    "RoutesBuilt",
    "FanoutComplete",
    "WebhooksDelivered",
    "ReconcileHealthy",
)
State = Literal["True", "False", "Unknown"]


class Condition(Part):
    """As every Kubernetes condition."""

    type: str = Field(max_length=316, description="what it is about")
    status: Annotated[str, Field(json_schema_extra={"enum": ["True", "False", "Unknown"]})] = Field(
        description="True, False or Unknown"
    )
    reason: str = Field(min_length=1, max_length=1024, description="in one word, for machines")
    message: str = Field(max_length=32768, description="in a sentence, for people")
    last_transition_time: datetime = Field(description="when the status last changed")
    observed_generation: int | None = Field(None, description="of which generation this was said")


class PodsReport(Part):
    """Who serves the newest version."""

    total: int = Field(description="addresses behind the Service")
    synced: int = Field(description="how many of them serve the newest version")
    lagging: list[str] = Field(default_factory=list, max_length=MAX_LAGGING, description="the others, by name")


class WebhookReport(Part):
    """How an endpoint fares."""

    name: str = Field(description="as in spec.webhooks")
    version: int | None = Field(None, description="the newest version that it has taken")
    state: str = Field(description="Delivered, Pending, Failing, Disabled, SecretMissing or SecretWrong")
    failures: int = Field(description="failed deliveries since the last one that arrived")
    next_attempt: datetime | None = Field(None, description="when it is told again")


class LatencyReport(Part):
    """From a notification to the last pod, in milliseconds."""

    last: int = Field(description="of the last version")
    p50: int = Field(description="half of the last thousand took at most this")
    p99: int = Field(description="99 of 100 took at most this")


class ReconcileReport(Part):
    """How the last reconciliation ended."""

    last_run: datetime = Field(description="when it ended")
    checked: int = Field(description="checkouts that were looked at")
    changed: int = Field(description="those of them that had moved")
    errors: int = Field(description="those that could not be asked about, and other failures")


class Status(Part):
    """What the operator has seen."""

    observed_generation: int | None = Field(None, description="the generation of spec that this is about")
    installation_id: str | None = Field(None, description="the database that this resource speaks for")
    version: int | None = Field(None, description="the newest version of the routes")
    checksum: str | None = Field(None, description="SHA-256 of its routes")
    route_count: int | None = Field(None, description="how many currencies it has")
    generated_at: datetime | None = Field(None, description="when it was made")
    pods: PodsReport | None = Field(None, description="who serves it")
    pods_summary: str | None = Field(None, description="synced/total")
    webhooks: list[WebhookReport] = Field(
        default_factory=list,
        description="the endpoints",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    webhooks_summary: str | None = Field(None, description="endpoints that have the newest version/all that want it")
    latency: LatencyReport | None = Field(None, description="how long a version takes")
    reconcile: ReconcileReport | None = Field(None, description="how the last reconciliation ended")
    conditions: list[Condition] = Field(
        default_factory=list,
        description="Ready and what it is made of",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
