"""`spec.reconcile`: the CronJob that asks the providers what nobody told us."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from hingecraft_operator.custom_resource.cron import CRON_PATTERN
from hingecraft_operator.custom_resource.fields import Duration, Name, Part, between, like
from hingecraft_operator.custom_resource.pod_parts import LocalRef, PodParts

_AMOUNT = like("^[0-9]{1,9}([.][0-9]{1,2})?$", 12, "must be an amount in USD such as 1.00 or 5000")


class Amounts(Part):
    """What is taken, in USD; the same as the API's AMOUNT_MIN and AMOUNT_MAX."""

    min: str | None = Field(None, description="the least, such as 1.00", json_schema_extra=_AMOUNT)
    max: str | None = Field(None, description="the most, such as 5000", json_schema_extra=_AMOUNT)


class Reconcile(PodParts):
    """The CronJob that asks the providers what nobody told us."""

    schedule: str = Field(
        "*/15 * * * *",
        description="when, as cron writes it: minute hour day month weekday",
        json_schema_extra=like(CRON_PATTERN, 100, "must be a cron schedule such as */15 * * * * or @hourly"),
    )
    lookback: Duration = Field(
        "24h",
        description="how far back the first run reads the events of Stripe",
        json_schema_extra=between("1m", "720h"),
    )
    suspend: bool = Field(False, description="no runs while it is true")
    resources: dict[str, Any] = Field(
        default_factory=dict,
        description="what the Job's container asks for and may use",
        json_schema_extra={"x-resources": True},
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
