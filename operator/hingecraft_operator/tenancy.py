"""A resource and its database: the claim, the policy, the engine, the pods, the CronJob. One step after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from uuid import UUID

from hingecraft.db.connection import Database
from hingecraft.errors import DatabaseUnavailableError
from hingecraft.installation import service as installation
from hingecraft.installation.model import Claimant, Installation
from hingecraft.outbox import service as outbox
from hingecraft.reconcile import watch as reconciliations
from hingecraft.routes import service as routes
from hingecraft.routes.model import Declared
from hingecraft.routes.service import Act
from hingecraft_operator import slices
from hingecraft_operator.cluster import PAYMENT_ROUTES, ClusterRefusedError, Document
from hingecraft_operator.events import Recorder
from hingecraft_operator.inputs import DatabaseInput, SecretWrongError, read_database, read_inputs
from hingecraft_operator.observed import Observed, Verdict
from hingecraft_operator.resident import Resident
from hingecraft_operator.schedules import Schedules
from hingecraft_operator.secret_values import SecretMissingError, SecretReader
from hingecraft_operator.spec import Spec
from hingecraft_operator.surroundings import Surroundings
from hingecraft_operator.watching import ResourceWatcher

TAKE_OVER = "payments.hingecraft.io/take-over"
_ACTOR = "operator"


class NotOursError(Exception):
    """The database must not be touched: it is another one than before, or somebody else's."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.message)
        self.verdict = verdict


class Tenancy:
    """Of one resource, from its first look until it is gone."""

    def __init__(
        self,
        surroundings: Surroundings,
        namespace: str,
        name: str,
        observed: Observed,
        recorder: Recorder,
        changed: Callable[[], None],
    ) -> None:
        self._around = surroundings
        self._namespace = namespace
        self._name = name
        self._observed = observed
        self._changed = changed
        self._schedules = Schedules(surroundings, observed, recorder)
        self._database: Database | None = None
        self._database_input: DatabaseInput | None = None
        self._resident: Resident | None = None

    async def settle(self, resource: Document, spec: Spec) -> bool:
        """Make everything as the resource says; False when something has to be tried again soon."""
        secrets = SecretReader(self._around.cluster, self._namespace)
        try:
            await self._settle_database(resource, spec, secrets)
            self._observed.trouble = None
        except NotOursError as error:
            await self.leave()
            self._observed.trouble = error.verdict
            await self._schedules.withdraw(resource)
            return False
        except SecretMissingError as error:
            self._observed.trouble = Verdict("False", "SecretMissing", str(error))
        except SecretWrongError as error:
            self._observed.trouble = Verdict("False", "SecretWrong", str(error))
        except DatabaseUnavailableError as error:
            self._observed.trouble = Verdict("False", "Unreachable", str(error))
        if self._observed.installation_id is None:
            # Whose database it is was never seen: nothing may work on it yet.
            return False
        scheduled = await self._schedules.settle(resource, spec, secrets)
        return self._observed.trouble is None and not self._observed.webhook_problems and scheduled

    async def _settle_database(self, resource: Document, spec: Spec, secrets: SecretReader) -> None:
        wanted = await read_database(secrets, spec.database.secret_ref)
        database = self._database if wanted == self._database_input else None
        candidate = database or Database(wanted.secret, application="hingecraft-operator")
        try:
            self._observed.installation_id = await self._claim(resource, candidate)
            inputs = await read_inputs(secrets, spec, wanted)
            await routes.declare(candidate, _declared(spec), Act(actor=_ACTOR))
            self._observed.webhook_problems = {
                each.endpoint.name: each.problem for each in inputs.webhooks if each.problem is not None
            }
            names = await slices.read(self._around.cluster, self._namespace, spec.api.service, self._around.locate)
        except BaseException:
            if candidate is not self._database:
                await candidate.close()
            raise
        moved = names != self._observed.pod_names
        self._observed.pod_names = names
        if moved:
            self._observed.fanout_began_at = time.monotonic()
        if self._resident is None or self._resident.inputs != inputs or candidate is not self._database:
            await self.leave()
            self._database, self._database_input = candidate, wanted
            self._resident = Resident(
                database=candidate,
                inputs=inputs,
                addresses=self._addresses,
                name=self._name_of,
                watcher=ResourceWatcher(
                    self._around.metrics.sync, (self._namespace, self._name), self._observed, self._on_change
                ),
                allow_private=self._around.settings.allow_private_webhooks,
                proxies=self._around.settings.proxies,
            )
            self._resident.start()
            self._observed.running = True
            self._observed.started_at = self._observed.fanout_began_at = time.monotonic()
        elif moved:
            self._resident.look()

    @property
    def engine_progress_at(self) -> float | None:
        """When the engine was last seen to work; None where none runs."""
        return self._resident.progress_at if self._resident is not None else None

    def _on_change(self) -> None:
        self._look_at_pods()
        self._changed()

    def _look_at_pods(self) -> None:
        if self._resident is not None:
            self._observed.served = self._resident.served
            self._observed.failures = self._resident.failures

    async def _addresses(self) -> Iterable[str]:
        return self._observed.pod_names

    def _name_of(self, address: str) -> str:
        return self._observed.pod_names.get(address, address)

    async def _claim(self, resource: Document, database: Database) -> str:
        """Which database this is; an error where it is not this resource's."""
        metadata = resource["metadata"]
        known = (resource.get("status") or {}).get("installationId") or self._observed.installation_id
        found = await installation.read(database)
        if known is not None and UUID(known) != found.id:
            raise NotOursError(_changed(known, found))
        ours = Claimant(
            uid=metadata["uid"],
            name=f"{metadata['namespace']}/{metadata['name']}",
            cluster=self._around.cluster.identity,
        )
        if found.claimed_by == ours:
            return str(found.id)
        holder = found.claimed_by
        gone = holder.uid if holder and await self._is_gone(holder, resource) else None
        if not await installation.claim(database, ours, instead_of=gone):
            holder = (await installation.read(database)).claimed_by
            raise NotOursError(_claimed(holder))
        return str(found.id)

    async def _is_gone(self, holder: Claimant, resource: Document) -> bool:
        """Whether who claims the database is known not to exist any more."""
        said = (resource["metadata"].get("annotations") or {}).get(TAKE_OVER)
        if said is not None and said == holder.uid:
            return True
        if holder.cluster != self._around.cluster.identity:
            return False
        namespace, _, name = holder.name.partition("/")
        try:
            there = await self._around.cluster.get(PAYMENT_ROUTES, namespace, name)
        except ClusterRefusedError:
            return False
        return there is None or there["metadata"]["uid"] != holder.uid

    async def refresh(self) -> None:
        """Read what nobody tells: which pods refuse, how endpoints and reconciliations fare, what a version holds."""
        self._look_at_pods()
        if self._database is None or self._observed.trouble is not None:
            return
        observed = self._observed
        with suppress(DatabaseUnavailableError):
            observed.webhooks = await outbox.endpoint_states(self._database)
            observed.last_run = await reconciliations.last_run(self._database)
            if observed.version is not None:
                page, _ = await routes.versions(self._database, before=observed.version + 1, limit=1)
                observed.route_count = page[0]["route_count"] if page else None

    async def give_up(self, uid: str) -> None:
        """The resource is gone: its database may be another's, and its fields are the admin's again."""
        if self._database is not None:
            with suppress(DatabaseUnavailableError):
                if await installation.release(self._database, uid):
                    await routes.let_go(self._database)

    async def leave(self) -> None:
        """Stop working on the database, and touch nothing in it."""
        resident, self._resident = self._resident, None
        if resident is not None:
            await resident.stop()
        database, self._database = self._database, None
        if database is not None:
            await database.close()
        self._observed.running, self._observed.listening = False, None


def _declared(spec: Spec) -> Declared:
    switches = {"stripe": spec.providers.stripe, "nowpayments": spec.providers.nowpayments}
    return Declared(
        providers={name: switch.enabled for name, switch in switches.items() if switch is not None},
        single_use_checkouts=spec.publish.single_use_checkouts,
        paused=spec.paused,
        pin_version=spec.pin_version,
    )


def _changed(known: str, found: Installation) -> Verdict:
    return Verdict(
        "False",
        "DatabaseChanged",
        f"the Secret leads to the database {found.id}, and this resource speaks for {known}: nothing was touched; put "
        "the Secret right, or make a new resource for the other database",
    )


def _claimed(holder: Claimant | None) -> Verdict:
    name, uid = (holder.name, holder.uid) if holder else ("another resource", "unknown")
    return Verdict(
        "False",
        "DatabaseClaimed",
        f"the database belongs to {name} (uid {uid}); delete that one first, or, where it is gone for good, annotate "
        f"this one with {TAKE_OVER}={uid}",
    )
