"""What the operator knows about one resource now. The status is built only from this."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from hingecraft.outbox.model import EndpointState
from hingecraft.reconcile.model import LastRun
from hingecraft.routes.model import Publication
from hingecraft_operator.custom_resource.status import LatencyReport, State

_LATENCIES_KEPT = 1000


class Verdict(NamedTuple):
    """The status, reason and message of a condition."""

    state: State
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class WebhookProblem:
    """Why nothing can be sent to an endpoint now."""

    reason: Literal["SecretMissing", "SecretWrong"]
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LastJob:
    """The newest reconciliation Job that has ended."""

    name: str
    failed: bool
    message: str


@dataclass(slots=True, kw_only=True)
class Observed:
    """Updated by the engine's watcher and by each reconciliation."""

    generation: int | None = None
    installation_id: str | None = None
    # Why the operator cannot, or must not, use the database.
    database_problem: Verdict | None = None
    running: bool = False
    started_at: float = 0.0
    # None: not connected yet.
    listening: bool | None = None
    # Why the DSN for LISTEN cannot be used.
    at_a_standby: str | None = None
    rebuild_error: str | None = None
    publication: Publication | None = None
    # When a version, or a pod, was last new.
    fanout_began_at: float = 0.0
    route_count: int | None = None
    pod_names: Mapping[str, str] = field(default_factory=dict)
    served: Mapping[str, int] = field(default_factory=dict)
    failures: Mapping[str, str] = field(default_factory=dict)
    # The last leader's figures, until this one has its own.
    previous_latency: LatencyReport | None = None
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=_LATENCIES_KEPT))
    webhooks: Sequence[EndpointState] = ()
    # By the endpoint's name.
    webhook_problems: Mapping[str, WebhookProblem] = field(default_factory=dict)
    reconcile_problem: Verdict | None = None
    last_job: LastJob | None = None
    last_run: LastRun | None = None

    @property
    def unseen(self) -> bool:
        """Whether nothing is known yet."""
        return self.publication is None and self.database_problem is None and self.rebuild_error is None

    @property
    def pushing(self) -> bool:
        """Whether pods are being asked to serve the newest version, and some have not answered."""
        return self.publication is not None and not self.publication.paused and "" in self.lagging.values()

    @property
    def version(self) -> int | None:
        """The newest version of the routes."""
        return self.publication.version if self.publication else None

    @property
    def lagging(self) -> dict[str, str]:
        """The pods that do not serve the newest version yet: their names and the result of the last push."""
        version = self.version or 0
        behind = [(name, url) for url, name in self.pod_names.items() if self.served.get(url, 0) < version]
        return {name: self.failures.get(url, "") for name, url in sorted(behind)}
