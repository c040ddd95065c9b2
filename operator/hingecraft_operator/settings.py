"""The settings of `hingecraft operator`."""

from __future__ import annotations

import socket

from pydantic import Field, field_validator

from hingecraft.proxies import ProxySettings
from hingecraft.settings import CommaList, LogSettings

EVERYWHERE = "*"


class OperatorSettings(LogSettings, ProxySettings):
    """Contains no secrets: the operator reads those that a resource names from the resource's namespace."""

    operator_namespace: str = Field("hingecraft", description="the namespace of the operator's Lease")
    operator_name: str = Field(
        default_factory=socket.gethostname, description="this replica's name in the Lease; the pod's name by default"
    )
    watch_namespaces: CommaList = Field(
        description="the namespaces whose PaymentRoutes are reconciled, comma-separated; * for the whole cluster"
    )
    reconcile_image: str = Field("", description="the image of the reconciliation CronJobs; if empty, none are created")
    allow_private_webhooks: bool = Field(
        False, description="for development: webhooks may use http and private addresses"
    )
    operator_port: int = Field(8083, description="the port of /healthz, /readyz and /metrics", ge=0, le=65535)

    @field_validator("watch_namespaces")
    @classmethod
    def _some(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if not names or (EVERYWHERE in names and len(names) > 1):
            raise ValueError("must be names of namespaces, comma-separated, or only *")
        return names

    @property
    def scopes(self) -> tuple[str | None, ...]:
        """The namespaces to watch; (None,) is the whole cluster."""
        return (None,) if self.watch_namespaces == (EVERYWHERE,) else self.watch_namespaces
