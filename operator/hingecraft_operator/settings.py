"""What `hingecraft operator` reads."""

from __future__ import annotations

import socket

from pydantic import Field, field_validator

from hingecraft.proxies import ProxySettings
from hingecraft.settings import CommaList, LogSettings

EVERYWHERE = "*"


class OperatorSettings(LogSettings, ProxySettings):
    """It holds no secret of its own: those that a resource names are read from its namespace."""

    operator_namespace: str = Field("hingecraft", description="where the operator's Lease lives")
    operator_name: str = Field(
        default_factory=socket.gethostname, description="this replica's name in the Lease; the pod's name by default"
    )
    watch_namespaces: CommaList = Field(
        description="the namespaces whose PaymentRoutes are served, comma-separated; * for all of the cluster"
    )
    reconcile_image: str = Field("", description="the image of the reconciliation's CronJobs; empty: none are made")
    allow_private_webhooks: bool = Field(False, description="for development: webhooks may be http or private")
    operator_port: int = Field(8083, description="where /healthz, /readyz and /metrics answer", ge=0, le=65535)

    @field_validator("watch_namespaces")
    @classmethod
    def _some(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if not names or (EVERYWHERE in names and len(names) > 1):
            raise ValueError("must be names of namespaces, comma-separated, or * alone")
        return names

    @property
    def scopes(self) -> tuple[str | None, ...]:
        """What is asked for one after the other: each namespace, or the whole cluster at once."""
        return (None,) if self.watch_namespaces == (EVERYWHERE,) else self.watch_namespaces
