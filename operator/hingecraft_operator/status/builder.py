"""Builds the `status` of a resource from what was observed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from statistics import quantiles
from typing import Any

from hingecraft.outbox.model import ROUTES_UPDATED, EndpointState
from hingecraft_operator.custom_resource.status import (
    MAX_LAGGING,
    Condition,
    LatencyReport,
    PodsReport,
    ReconcileReport,
    Status,
    WebhookReport,
)
from hingecraft_operator.status.observed import Observed, Verdict, WebhookProblem


def build_status(observed: Observed, verdicts: Mapping[str, Verdict], since: Mapping[str, datetime]) -> dict[str, Any]:
    """The status as JSON; `since` says when each condition's state last changed."""
    publication = observed.publication
    names, lagging = observed.pod_names, list(observed.lagging)
    status = Status(
        observed_generation=observed.generation,
        installation_id=observed.installation_id,
        version=observed.version,
        checksum=publication.checksum if publication else None,
        route_count=observed.route_count,
        generated_at=publication.generated_at if publication else None,
        pods=PodsReport(total=len(names), synced=len(names) - len(lagging), lagging=lagging[:MAX_LAGGING]),
        pods_summary=f"{len(names) - len(lagging)}/{len(names)}",
        webhooks=[_webhook(each, observed.webhook_problems.get(each.name)) for each in observed.webhooks],
        webhooks_summary=_summary(observed.webhooks, observed.version),
        latency=_latency(observed.latencies) or observed.previous_latency,
        reconcile=_reconcile(observed),
        conditions=[
            Condition(
                type=name,
                status=verdict.state,
                reason=verdict.reason,
                message=verdict.message,
                last_transition_time=since[name],
                observed_generation=observed.generation,
            )
            for name, verdict in verdicts.items()
        ],
    )
    written: dict[str, Any] = _written(status.model_dump(by_alias=True, exclude_none=True))
    return written


def _webhook(webhook: EndpointState, problem: WebhookProblem | None) -> WebhookReport:
    if problem is not None:
        state: str = problem.reason
    elif webhook.disabled_because:
        state = "Disabled"
    elif webhook.failures:
        state = "Failing"
    else:
        state = "Pending" if webhook.next_attempt_at else "Delivered"
    return WebhookReport(
        name=webhook.name,
        version=webhook.delivered_version,
        state=state,
        failures=webhook.failures,
        next_attempt=None if webhook.disabled_because else webhook.next_attempt_at,
    )


def _summary(webhooks: Sequence[EndpointState], version: int | None) -> str:
    wanting = [each for each in webhooks if ROUTES_UPDATED in each.events]
    return f"{sum(each.delivered_version == version for each in wanting)}/{len(wanting)}"


def _latency(latencies: Sequence[float]) -> LatencyReport | None:
    if not latencies:
        return None
    last = latencies[-1]
    cuts = quantiles(latencies, n=100, method="inclusive") if len(latencies) > 1 else [last] * 99
    return LatencyReport(last=_ms(last), p50=_ms(cuts[49]), p99=_ms(cuts[98]))


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _reconcile(observed: Observed) -> ReconcileReport | None:
    run = observed.last_run
    if run is None:
        return None
    return ReconcileReport(
        last_run=datetime.fromtimestamp(run.finished_at, UTC),
        checked=run.numbers["checked"],
        changed=run.numbers["changed"],
        errors=run.numbers["errors"],
    )


def _written(value: Any) -> Any:
    """Times in the format of Kubernetes, to the second."""
    if isinstance(value, dict):
        return {key: _written(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_written(each) for each in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return value
