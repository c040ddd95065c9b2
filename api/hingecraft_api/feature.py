"""A feature: the parts of a system in every pod. `systems.FEATURES` lists those of this release (decision 57)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from hingecraft.inbox.handlers import Registration
from hingecraft_api.pod import Pod
from hingecraft_api.web.endpoint import Endpoint

Work = Callable[[], Awaitable[None]]


def _nothing(_pod: Pod) -> tuple[()]:
    return ()


def _no_work(_pod: Pod) -> Mapping[str, Work]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One system's share. Its purpose and its steps of a reconciliation are registered in `hingecraft.systems`.

    The functions are called once for each pod, before anything is connected, with the pod's common parts.
    """

    # On the public port, and in the reference.
    endpoints: Sequence[Endpoint] = ()
    # On the cluster-internal port.
    internal: Sequence[Endpoint] = ()
    # The objects that its handlers share, one of each type: `call.pod.parts[Type]`.
    parts: Callable[[Pod], Iterable[object]] = _nothing
    # The events that it takes from the inbox.
    events: Callable[[Pod], Iterable[Registration]] = _nothing
    # Its background work, by a name for the logs. Work that ends with an error is started again.
    works: Callable[[Pod], Mapping[str, Work]] = _no_work
