"""`spec.reconcile`: the CronJob that asks the providers for events that were missed."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from hingecraft_operator.custom_resource.cron import CRON_PATTERN
from hingecraft_operator.custom_resource.fields import (
    ATOMIC_LIST,
    Duration,
    LocalRef,
    Name,
    Part,
    SecretRef,
    between,
    like,
    rules,
)
from hingecraft_operator.custom_resource.pod_parts import PodParts

_AMOUNT = like("^[0-9]{1,9}([.][0-9]{1,2})?$", 12, "must be an amount in USD such as 1.00 or 5000")
_UUID = like(
    "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
    36,
    "must be a UUID such as 6f1d2c3e-0000-4000-8000-000000000000",
)


_HTTPS = rules(("isURL(self) && url(self).getScheme() == 'https'", "must be an https URL"))


class Amounts(Part):
    """The accepted amounts in USD; the same as the API's AMOUNT_MIN and AMOUNT_MAX."""

    min: str | None = Field(None, description="the minimum, such as 1.00", json_schema_extra=_AMOUNT)
    max: str | None = Field(None, description="the maximum, such as 5000", json_schema_extra=_AMOUNT)


class WixApp(Part):
    """The Wix app whose sites are asked about; the same as the API's WIX_APP_ID and WIX_APP_SECRET."""

    id: str = Field(description="the app's id in Wix's dashboard for developers", json_schema_extra=_UUID)
    secret_ref: SecretRef = Field(description="the app's secret, which logs in to Wix's API; two values in a rotation")
    api_base: str | None = Field(
        None,
        max_length=2048,
        description="address of Wix's API; https://www.wixapis.com if absent",
        json_schema_extra=_HTTPS,
    )
    installations_url: str | None = Field(
        None,
        max_length=2048,
        description="address of Wix's Query App Installations, below apiBase; if absent, the list is not read",
        json_schema_extra=_HTTPS,
    )


class Reconcile(PodParts):
    """The CronJob that asks the providers for events that were missed."""

    schedule: str = Field(
        "*/15 * * * *",
        description="a cron schedule: minute hour day month weekday",
        json_schema_extra=like(CRON_PATTERN, 100, "must be a cron schedule such as */15 * * * * or @hourly"),
    )
    lookback: Duration = Field(
        "24h",
        description="how far back the first run reads the events of Stripe",
        json_schema_extra=between("1m", "720h"),
    )
    suspend: bool = Field(False, description="start no Jobs while it is true")
    resources: dict[str, Any] = Field(
        default_factory=dict,
        description="resource requests and limits of the Job's container",
        json_schema_extra={"x-resources": True},
    )
    amounts: Amounts = Field(
        default_factory=Amounts,
        description="the amounts that standing links accept, in USD; if absent, each currency's own limits",
        json_schema_extra={"default": {}},
    )
    wix_app: WixApp | None = Field(
        None, description="the Wix app: each paying site is asked about once a day; if absent, none is"
    )
    service_account_name: Name | None = Field(None, description="the Job's service account; it needs no rights")
    image_pull_secrets: list[LocalRef] = Field(
        default_factory=list,
        max_length=16,
        description="Secrets for pulling the image from a private registry",
        json_schema_extra=ATOMIC_LIST,
    )
