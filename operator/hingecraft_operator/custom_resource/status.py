"""The status of the custom resource. The CRD's schema is generated from these models and keeps no other field."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from hingecraft_operator.custom_resource.fields import Part, list_map

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
    """A Kubernetes condition."""

    type: str = Field(max_length=316, description="the name of the condition")
    status: Annotated[str, Field(json_schema_extra={"enum": ["True", "False", "Unknown"]})] = Field(
        description="True, False or Unknown"
    )
    reason: str = Field(min_length=1, max_length=1024, description="the reason in one word, for programs")
    message: str = Field(max_length=32768, description="an explanation, for people")
    last_transition_time: datetime = Field(description="when the status last changed")
    observed_generation: int | None = Field(None, description="the generation of spec that the condition is about")


class PodsReport(Part):
    """How many pods serve the newest version."""

    total: int = Field(description="addresses behind the Service")
    synced: int = Field(description="how many of them serve the newest version")
    lagging: list[str] = Field(default_factory=list, max_length=MAX_LAGGING, description="the names of the others")


class WebhookReport(Part):
    """The deliveries to an endpoint."""

    name: str = Field(description="as in spec.webhooks")
    version: int | None = Field(None, description="the newest version that it has received")
    state: str = Field(description="Delivered, Pending, Failing, Disabled, SecretMissing or SecretWrong")
    failures: int = Field(description="failed deliveries since the last success")
    next_attempt: datetime | None = Field(None, description="when the next attempt is due")


class LatencyReport(Part):
    """From a notification to the last pod, in milliseconds."""

    last: int = Field(description="of the last version")
    p50: int = Field(description="the median of the last thousand versions")
    p99: int = Field(description="the 99th percentile of the last thousand versions")


class ReconcileReport(Part):
    """How the last reconciliation ended."""

    last_run: datetime = Field(description="when it ended")
    checked: int = Field(description="checkouts that were checked")
    changed: int = Field(description="how many of them had changed")
    errors: int = Field(description="checkouts that could not be checked, and other errors")


class Status(Part):
    """The observed state."""

    observed_generation: int | None = Field(None, description="the generation of spec that was last reconciled")
    installation_id: str | None = Field(None, description="the id of the database that this resource has claimed")
    version: int | None = Field(None, description="the newest version of the routes")
    checksum: str | None = Field(None, description="SHA-256 of its routes")
    route_count: int | None = Field(None, description="how many currencies it has")
    generated_at: datetime | None = Field(None, description="when it was published")
    pods: PodsReport | None = Field(None, description="the pods that serve it")
    pods_summary: str | None = Field(None, description="synced/total")
    webhooks: list[WebhookReport] = Field(
        default_factory=list,
        description="the endpoints",
        json_schema_extra=list_map(),
    )
    webhooks_summary: str | None = Field(
        None, description="endpoints that received the newest version/all that subscribe to it"
    )
    latency: LatencyReport | None = Field(None, description="how long versions take to reach all pods")
    reconcile: ReconcileReport | None = Field(None, description="how the last reconciliation ended")
    conditions: list[Condition] = Field(
        default_factory=list,
        description="Ready, and the conditions that it depends on",
        json_schema_extra=list_map("type"),
    )
