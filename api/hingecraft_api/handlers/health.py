"""`/health`, `/ready`, `/metrics`."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, Literal

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from hingecraft_api.access.limits import Limit
from hingecraft_api.messages.answers import Answer, error_answer
from hingecraft_api.messages.described import VERSION, described
from hingecraft_api.web.call import Call
from hingecraft_api.web.endpoint import Endpoint, Handler


class HealthAnswer(Answer):
    """The process answers."""

    status: Annotated[Literal["alive"], described("the server answers")]


class ReadyAnswer(Answer):
    """The pod may be sent traffic."""

    status: Annotated[Literal["ready"], described("else the answer is 503")]
    version: Annotated[int, described("the version of the routes that this server serves", VERSION)]


async def get_health(_call: Call) -> Any:
    """The process is alive; checks nothing else."""
    return {"status": "alive"}


async def get_ready(call: Call) -> Any:
    """Ready once a version is loaded and until the pod is told to stop."""
    pod = call.pod
    if pod.ready:
        return {"status": "ready", "version": pod.cache.version}
    sentence = "No routes are loaded yet."
    if pod.draining.is_set():
        sentence = "The pod is shutting down."
    elif pod.loader.problem is not None:
        sentence = f"No routes are loaded: {pod.loader.problem}."
    return error_answer(HTTPStatus.SERVICE_UNAVAILABLE, "not_ready", sentence, request_id=call.request_id)


def metrics_of(registry: CollectorRegistry) -> Handler:
    """The endpoint that Prometheus scrapes."""

    async def get_metrics(call: Call) -> web.Response:
        call.pod.metrics.routes.age.set(call.pod.cache.age)
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return get_metrics


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/health",
        handler=get_health,
        summary="Check that the server is alive",
        tag="Operations",
        description="Returns 200 while the process runs, whatever the state of the database or the providers. For "
        "liveness probes.",
        answer=HealthAnswer,
        limit=Limit.NONE,
    ),
    Endpoint(
        method="GET",
        path="/ready",
        handler=get_ready,
        summary="Check that the server can take traffic",
        tag="Operations",
        description="Returns 200 once the routes are loaded, and 503 before that and while the server shuts down. For "
        "readiness probes and load balancers.",
        answer=ReadyAnswer,
        errors=("not_ready",),
        limit=Limit.NONE,
    ),
]
