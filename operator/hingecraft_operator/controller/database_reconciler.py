"""Reconciles a resource with its database: claim, policy, pods, engine and CronJob, in this order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from uuid import UUID

from hingecraft.db.connection import Database
from hingecraft.errors import DatabaseUnavailableError, InRecoveryError
from hingecraft.identity.principal import Actor
from hingecraft.installation import service as installation
from hingecraft.installation.model import Claimant, Installation
from hingecraft.outbox import service as outbox
from hingecraft.reconcile import watch as reconciliations
from hingecraft.routes import service as routes
from hingecraft.routes.model import Declared
from hingecraft_operator.cluster import endpoint_slices
from hingecraft_operator.cluster.client import PAYMENT_ROUTES, ClusterRejectedError, Document
from hingecraft_operator.cluster.events import Recorder
from hingecraft_operator.cluster.secret_reader import SecretMissingError, SecretReader
from hingecraft_operator.context import Context
from hingecraft_operator.cronjob.reconciler import CronJobReconciler
from hingecraft_operator.custom_resource.spec import Spec
from hingecraft_operator.engine.inputs import DatabaseInput, Inputs, SecretWrongError, read_database, read_inputs
from hingecraft_operator.engine.runner import EngineRunner
from hingecraft_operator.engine.watcher import EngineWatcher
from hingecraft_operator.status.observed import Observed, Verdict

TAKE_OVER = "payments.hingecraft.io/take-over"
_ACTOR = "operator"


class DatabaseNotOursError(Exception):
    """The database must not be used: it is not the one from before, or another resource has claimed it."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.message)
        self.verdict = verdict


class DatabaseReconciler:
    """Holds the database connection and the engine of one resource."""

    def __init__(
        self,
        context: Context,
        namespace: str,
        name: str,
        observed: Observed,
        recorder: Recorder,
        changed: Callable[[], None],
    ) -> None:
        self._context = context
        self._namespace = namespace
        self._name = name
        self._observed = observed
        self._changed = changed
        self._cronjob = CronJobReconciler(context, observed, recorder)
        self._database: Database | None = None
        self._database_input: DatabaseInput | None = None
        self._engine: EngineRunner | None = None

    async def reconcile(self, resource: Document, spec: Spec) -> bool:
        """Make everything match the resource; returns False if something must be retried soon."""
        secrets = SecretReader(self._context.cluster, self._namespace)
        try:
            await self._reconcile_database(resource, spec, secrets)
            self._observed.database_problem = None
        except DatabaseNotOursError as error:
            await self.stop()
            self._observed.database_problem = error.verdict
            await self._cronjob.remove(resource)
            return False
        except SecretMissingError as error:
            self._observed.database_problem = Verdict("False", "SecretMissing", str(error))
        except SecretWrongError as error:
            self._observed.database_problem = Verdict("False", "SecretWrong", str(error))
        except InRecoveryError as error:
            self._observed.database_problem = Verdict("False", "InRecovery", str(error))
        except DatabaseUnavailableError as error:
            self._observed.database_problem = Verdict("False", "Unreachable", str(error))
        if self._observed.installation_id is None:
            # The owner of the database is not known yet, so nothing may use it.
            return False
        scheduled = await self._cronjob.reconcile(resource, spec, secrets)
        return self._observed.database_problem is None and not self._observed.webhook_problems and scheduled

    async def _reconcile_database(self, resource: Document, spec: Spec, secrets: SecretReader) -> None:
        wanted = await read_database(secrets, spec.database.secret_ref)
        database = self._database if wanted == self._database_input else None
        candidate = database or Database(wanted.secret, application="hingecraft-operator")
        try:
            self._observed.installation_id = await self._claim(resource, candidate)
            inputs = await read_inputs(secrets, spec, wanted)
            await routes.declare(candidate, _declared(spec), Actor(name=_ACTOR))
            self._observed.webhook_problems = {
                each.endpoint.name: each.problem for each in inputs.webhooks if each.problem is not None
            }
            names = await endpoint_slices.read_pods(
                self._context.cluster, self._namespace, spec.api.service, self._context.url_of
            )
        except BaseException:
            if candidate is not self._database:
                await candidate.close()
            raise
        moved = names != self._observed.pod_names
        self._observed.pod_names = names
        if moved:
            self._observed.fanout_began_at = time.monotonic()
        if self._engine is None or self._engine.inputs != inputs or candidate is not self._database:
            await self.stop()
            self._database, self._database_input = candidate, wanted
            self._start_engine(candidate, inputs)
        elif moved:
            self._engine.refresh()

    def _start_engine(self, database: Database, inputs: Inputs) -> None:
        self._engine = EngineRunner(
            database=database,
            inputs=inputs,
            addresses=self._addresses,
            name=self._name_of,
            watcher=EngineWatcher(
                self._context.metrics.sync, (self._namespace, self._name), self._observed, self._on_change
            ),
            allow_private=self._context.settings.allow_private_webhooks,
            proxies=self._context.settings.proxies,
        )
        self._engine.start()
        self._observed.running = True
        self._observed.started_at = self._observed.fanout_began_at = time.monotonic()

    @property
    def engine_progress_at(self) -> float | None:
        """When the engine last made progress; None if none is running."""
        return self._engine.progress_at if self._engine is not None else None

    def _on_change(self) -> None:
        self._update_served()
        self._changed()

    def _update_served(self) -> None:
        if self._engine is not None:
            self._observed.served = self._engine.served
            self._observed.failures = self._engine.failures

    async def _addresses(self) -> Iterable[str]:
        return self._observed.pod_names

    def _name_of(self, address: str) -> str:
        return self._observed.pod_names.get(address, address)

    async def _claim(self, resource: Document, database: Database) -> str:
        """Claim the database and return its id; raises DatabaseNotOursError if it is not this resource's."""
        metadata = resource["metadata"]
        known = (resource.get("status") or {}).get("installationId") or self._observed.installation_id
        found = await installation.read(database)
        if known is not None and UUID(known) != found.id:
            raise DatabaseNotOursError(_changed(known, found))
        ours = Claimant(
            uid=metadata["uid"],
            name=f"{metadata['namespace']}/{metadata['name']}",
            cluster=self._context.cluster.identity,
        )
        if found.claimed_by == ours:
            return str(found.id)
        holder = found.claimed_by
        gone = holder.uid if holder and await self._is_gone(holder, resource) else None
        if not await installation.claim(database, ours, instead_of=gone):
            holder = (await installation.read(database)).claimed_by
            raise DatabaseNotOursError(_claimed(holder))
        return str(found.id)

    async def _is_gone(self, holder: Claimant, resource: Document) -> bool:
        """Whether the resource that holds the claim is known to be deleted."""
        said = (resource["metadata"].get("annotations") or {}).get(TAKE_OVER)
        if said is not None and said == holder.uid:
            return True
        if holder.cluster != self._context.cluster.identity:
            return False
        namespace, _, name = holder.name.partition("/")
        try:
            there = await self._context.cluster.get(PAYMENT_ROUTES, namespace, name)
        except ClusterRejectedError:
            return False
        return there is None or there["metadata"]["uid"] != holder.uid

    async def refresh(self) -> None:
        """Read what the engine does not report: lagging pods, webhook and reconciliation results, the route count."""
        self._update_served()
        # It may be replaced while this waits.
        database, observed = self._database, self._observed
        if database is None or observed.database_problem is not None:
            return
        with suppress(DatabaseUnavailableError):
            observed.webhooks = await outbox.endpoint_states(database)
            observed.last_run = await reconciliations.last_run(database)
            if observed.version is not None:
                page, _ = await routes.versions(database, before=observed.version + 1, limit=1)
                observed.route_count = page[0]["route_count"] if page else None

    async def release_claim(self, uid: str) -> None:
        """The resource was deleted: release its claim, and let admins set its fields again."""
        if self._database is not None:
            with suppress(DatabaseUnavailableError):
                if await installation.release(self._database, uid):
                    await routes.release(self._database)

    async def stop(self) -> None:
        """Stop the engine and close the connection; changes nothing in the database."""
        engine, self._engine = self._engine, None
        if engine is not None:
            await engine.stop()
        database, self._database = self._database, None
        if database is not None:
            await database.close()
        self._observed.running, self._observed.listening, self._observed.at_a_standby = False, None, None


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
        f"the Secret leads to the database {found.id}, but this resource belongs to {known}: nothing was changed; "
        "correct the Secret, or create a new resource for the other database",
    )


def _claimed(holder: Claimant | None) -> Verdict:
    name, uid = (holder.name, holder.uid) if holder else ("another resource", "unknown")
    return Verdict(
        "False",
        "DatabaseClaimed",
        f"the database belongs to {name} (uid {uid}); delete it first, or, if it no longer exists, annotate "
        f"this one with {TAKE_OVER}={uid}",
    )
