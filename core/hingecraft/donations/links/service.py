"""Maintains the standing links: one Stripe Payment Link for each enabled currency."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal

from hingecraft import audit
from hingecraft.db.connection import Connection, Database
from hingecraft.donations.links import by_hand, store
from hingecraft.donations.purpose import DONATE, DONATIONS
from hingecraft.errors import InvalidError
from hingecraft.installation import store as installation
from hingecraft.money.normalise import tightened
from hingecraft.money.store import load_currencies
from hingecraft.providers.port import ProviderRejectedError
from hingecraft.providers.stripe.links import LinkPlan, LinkTerms, PaymentLink, plan_for
from hingecraft.providers.stripe.ports import Links

Say = Callable[[str], None]

_MOST_NAMED = 5
RETURN_PATH = "/charter?status=success&session_id={CHECKOUT_SESSION_ID}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkOptions:
    """The settings of the links; the rest is in the database."""

    livemode: bool
    site_url: str
    amount_min: Decimal | None = None
    amount_max: Decimal | None = None


@dataclass(slots=True, kw_only=True)
class LinksResult:
    """The result of a run."""

    wanted: int = 0
    made: int = 0
    updated: int = 0
    switched_on: int = 0
    switched_off: int = 0
    resolved: int = 0
    # The currencies without a link, by reason.
    without_link: dict[str, list[str]] = field(default_factory=dict)

    @property
    def problems(self) -> list[str]:
        """One sentence for each reason: a hundred currencies may share one."""
        return [f"{_listed(names)}: {reason}" for reason, names in self.without_link.items()]

    @property
    def changes(self) -> int:
        """How many links changed."""
        return self.made + self.updated + self.switched_on + self.switched_off + self.resolved

    @contextmanager
    def one(self, name: str) -> Iterator[None]:
        """Update one link. An error about it skips it; if Stripe is busy or down, the others wait for the next run."""
        try:
            yield
        except InvalidError as error:
            self._note(name, error.sentence)
        except ProviderRejectedError as error:
            if error.passing:
                raise
            self._note(name, error.reason)

    def _note(self, name: str, reason: str) -> None:
        self.without_link.setdefault(reason, []).append(name)


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


async def ensure(
    database: Database,
    links: Links,
    options: LinkOptions,
    *,
    say: Say = lambda _line: None,
    dry_run: bool = False,
) -> LinksResult:
    """Make Stripe and the database match the currencies. After a crash, the next run continues."""
    result = LinksResult()
    async with database.transaction() as conn:
        ours = str((await installation.read(conn)).id)
        terms = LinkTerms(
            installation=ours,
            livemode=options.livemode,
            return_url=f"{options.site_url}{RETURN_PATH}",
            description=DONATIONS.description,
            submit_type=DONATE,
        )
        plans = await _plans(conn, options, terms, result)
        former = {plan.former_key: key for key, plan in plans.items()}
        if not dry_run:
            # Remove the link from the routes first, so that nobody is sent to a link that is about to be switched off.
            await store.rename(conn, former)
            for currency in await store.retire(conn, list(plans)):
                say(f"{currency}: removed from the routes")
        saved = await store.saved(conn)
    every = [link async for link in links.every()]
    there = _ours(every, ours, saved, former)
    if dry_run:
        return _would(result, plans, there)
    for key, link in there.items():
        if key not in plans and link.active:
            with result.one(key):
                await links.switch_off(link.id)
                result.switched_off += 1
                say(f"{key}: switched off")
    for key, plan in plans.items():
        with result.one(plan.currency):
            link = await _as_planned(links, plan, there.get(key), result)
            if await _keep(database, plan, link, links.address(link)):
                say(f"{plan.currency}: {link.url}")
    result.resolved = await by_hand.resolve(database, every, saved, say)
    return result


async def _plans(conn: Connection, options: LinkOptions, terms: LinkTerms, result: LinksResult) -> dict[str, LinkPlan]:
    if await store.stripe_is_off(conn):
        return {}
    currencies = tightened(await load_currencies(conn), options.amount_min, options.amount_max)
    plans: dict[str, LinkPlan] = {}
    for currency in currencies:
        if currency.kind == "fiat" and currency.enabled:
            with result.one(currency.code):
                plan = plan_for(currency, terms)
                plans[plan.key] = plan
    result.wanted = len(plans)
    return plans


def _ours(
    every: Iterable[PaymentLink], ours: str, saved: Mapping[str, str | None], former: Mapping[str, str]
) -> dict[str, PaymentLink]:
    """This installation's links by key. Links of older versions name no installation: those with a row here count."""
    found: dict[str, PaymentLink] = {}
    for link in every:
        kept_as = saved.get(link.id)
        by_someone = link.id in saved and kept_as is None
        unclaimed = link.installation is None and kept_as is not None
        if link.key is None or by_someone or not (link.installation == ours or unclaimed):
            continue
        key = former.get(kept_as, kept_as) if unclaimed and kept_as is not None else link.key
        if key not in found or kept_as is not None:
            found[key] = link
    return found


def _would(result: LinksResult, plans: Mapping[str, LinkPlan], there: Mapping[str, PaymentLink]) -> LinksResult:
    """The changes that a run would make."""
    result.switched_off = sum(link.active for key, link in there.items() if key not in plans)
    for key, plan in plans.items():
        _count(result, plan, there.get(key))
    return result


def _count(result: LinksResult, plan: LinkPlan, link: PaymentLink | None) -> None:
    if link is None:
        result.made += 1
    elif not link.active:
        result.switched_on += 1
    elif not link.fits(plan):
        result.updated += 1


async def _as_planned(links: Links, plan: LinkPlan, link: PaymentLink | None, result: LinksResult) -> PaymentLink:
    found = link or await links.make(plan)
    # A link that the same key created earlier may have changed since.
    if not found.fits(plan):
        found = await links.update(found.id, plan)
    _count(result, plan, link)
    return found


async def _keep(database: Database, plan: LinkPlan, link: PaymentLink, address: str) -> bool:
    async with database.transaction() as conn:
        changed = await store.keep(conn, plan, link, address)
        if changed:
            await audit.append(
                conn, actor="links", action="standing_link_kept", request_id=None, currency=plan.currency, link=link.id,
                key=plan.key,
            )  # fmt: skip
    return changed
