"""The sites that have the app, and what their owners do in the app market and in Wix's billing."""

from __future__ import annotations

import uuid
from http import HTTPStatus
from typing import Any

from hingecraft_sandbox.providers.book import Book, Document
from hingecraft_sandbox.providers.stripe.periods import DAY, months_after
from hingecraft_sandbox.wix.config import WixConfig
from hingecraft_sandbox.wix.moments import Moments, text_of
from hingecraft_sandbox.wix.plans import CURRENCY, MONTHS, PLANS, TRIAL_DAYS
from hingecraft_sandbox.wix.webhooks import WixWebhooks

SITES, INVOICES = "wix_sites", "wix_invoices"
AT_PERIOD_END, IMMEDIATELY = "AT_END_OF_PERIOD", "IMMEDIATELY"
USER, FAILED_PAYMENT, TRANSFER = "USER_CANCEL", "FAILED_PAYMENT", "TRANSFER_CANCELLATION_REASON"
PAID, FAILED = "PAID", "PAYMENT_FAILED"


class WixRejectedError(Exception):
    """A person or the app asked for something that is not possible at Wix."""

    def __init__(self, message: str, *, status: int = HTTPStatus.BAD_REQUEST, code: str = "INVALID_ARGUMENT") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Sites:
    """Each act changes a site first and sends its event afterwards."""

    def __init__(self, book: Book, moments: Moments, webhooks: WixWebhooks, config: WixConfig) -> None:
        self.book = book
        self.moments = moments
        self._webhooks = webhooks
        self._config = config

    def find(self, instance: str) -> Document:
        """One site, whether the app is installed or was."""
        site = self.book.get(SITES, instance)
        if site is None:
            raise WixRejectedError("No such site.", status=HTTPStatus.NOT_FOUND, code="NOT_FOUND")
        return site

    def invoices_of(self, instance: str) -> list[Document]:
        """A site's invoices, the newest first."""
        return self.book.all(INVOICES, lambda each: bool(each["instance"] == instance))

    def install(self, name: str, *, origin: str | None = None, instance: str | None = None) -> Document:
        """A site installs the app for the first time; `origin`: it is a copy of another site that has it."""
        site = self.add(name, origin=origin, instance=instance)
        self._installed(site)
        return site

    def add(self, name: str, *, origin: str | None = None, instance: str | None = None) -> Document:
        """A site that has the app, without an event about it."""
        slug = "".join(each if each.isalnum() else "-" for each in name.lower()).strip("-") or "site"
        site: Document = {
            "id": instance or str(uuid.uuid4()),
            "name": name,
            "url": f"https://{slug}.wixsite.example",
            "site_id": str(uuid.uuid4()),
            "account_id": str(uuid.uuid4()),
            "owner_id": str(uuid.uuid4()),
            "email": f"owner@{slug}.example",
            "installed": True,
            "origin": origin,
            "plan": None,
            "declines": False,
            "created": self.moments.now(),
        }
        self.book.put(SITES, site)
        return site

    def duplicate(self, instance: str) -> Document:
        """The owner duplicates the site: the copy has the app, and an instance of its own."""
        site = self.find(instance)
        return self.install(f"Copy of {site['name']}", origin=instance)

    def reinstall(self, instance: str) -> Document:
        """The app comes back to a site that had it, with the same instance."""
        site = self.find(instance)
        if site["installed"]:
            raise WixRejectedError("The app is installed on this site.")
        self.book.put(SITES, site | {"installed": True})
        self._installed(site)
        return site

    def remove(self, instance: str) -> None:
        """The owner deletes the app from the site; a plan goes on until it is cancelled."""
        site = self._having_app(instance)
        self.book.put(SITES, site | {"installed": False})
        self._emit("AppRemoved", site, {"appId": self._config.app_id})

    def buy(
        self, instance: str, product: str, cycle: str, *, coupon: str | None = None, trial: bool = False
    ) -> Document:
        """The owner pays for a plan in Wix's checkout; with another plan running, this changes it."""
        site = self._having_app(instance)
        if product not in PLANS or (cycle not in MONTHS and cycle != "ONE_TIME"):
            raise WixRejectedError(f"The app has no plan {product!r} with the cycle {cycle!r}.")
        before, now = site["plan"], self.moments.now()
        if before is not None and (before["product"], before["cycle"]) == (product, cycle):
            raise WixRejectedError("The site has this plan already.")
        plan: Document = {
            "product": product,
            "cycle": cycle,
            "started": now,
            "ends": self._end(now, cycle, trial=trial),
            "renews": cycle in MONTHS,
            "coupon": coupon,
            "trial_ends": now + TRIAL_DAYS * DAY if trial else None,
        }
        invoice = None if trial else self._invoice(site, plan, PAID)
        plan["invoice"] = invoice and invoice["id"]
        self.book.put(SITES, site | {"plan": plan})
        about = self._about(plan) | {"couponName": coupon, "invoiceId": plan["invoice"]}
        if before is None:
            self._emit("PaidPlanPurchased", site, about | self._expiry(plan))
        else:
            previous = {"previousVendorProductId": before["product"], "previousCycle": before["cycle"]}
            self._emit("PaidPlanChanged", site, about | previous)
        if invoice is not None:
            self._emit_invoice(site, invoice)
        return plan

    def cancel(self, instance: str, *, when: str = AT_PERIOD_END, reason: str = USER, at: float | None = None) -> None:
        """The plan does not renew, or ends at once."""
        site = self._having_plan(instance)
        plan = site["plan"]
        if when == AT_PERIOD_END and not plan["renews"]:
            raise WixRejectedError("This plan is cancelled already.")
        during = self._in_trial(plan)
        site["plan"] = plan | {"renews": False} if when == AT_PERIOD_END else None
        self.book.put(SITES, site)
        self._emit(
            "PaidPlanAutoRenewalCancelled",
            site,
            self._about(plan, at)
            | {
                "cancelReason": reason,
                "userReason": "I no longer need it" if reason == USER else None,
                "subscriptionCancellationType": when,
                "cancelledDuringFreeTrial": "DURING_FREE_TRIAL" if during else "NOT_DURING_FREE_TRIAL",
            },
        )

    def reactivate(self, instance: str) -> None:
        """The owner switches the renewal on again."""
        site = self._having_plan(instance)
        plan = site["plan"]
        if plan["renews"] or plan["cycle"] not in MONTHS:
            raise WixRejectedError("This plan renews already, or is paid once.")
        site["plan"] = plan | {"renews": True}
        self.book.put(SITES, site)
        more = {"invoiceId": plan["invoice"], "reason": "AUTO_RENEW_TURNED_ON"}
        self._emit("PlanReactivated", site, self._about(plan) | self._expiry(plan) | more)

    def transfer(self, instance: str, to: str) -> None:
        """The owner moves the plan to another of their sites that has the app."""
        site, target = self._having_plan(instance), self._having_app(to)
        if target["plan"] is not None or target["id"] == site["id"]:
            raise WixRejectedError("A plan can be moved to another site that has none.")
        plan = site["plan"]
        self.book.put(SITES, target | {"plan": plan})
        self.cancel(instance, when=IMMEDIATELY, reason=TRANSFER)
        self._emit("PlanTransferred", target, self._about(plan) | {"invoiceId": plan["invoice"]})

    def convert(self, instance: str, at: int | None = None) -> None:
        """The free trial ends, and the plan is paid for the first time."""
        site = self._having_plan(instance)
        plan = site["plan"]
        if not self._in_trial(plan):
            raise WixRejectedError("This plan has no free trial that runs.")
        start = self.moments.now() if at is None else at
        plan |= {"trial_ends": start, "started": start, "ends": self._end(start, plan["cycle"], trial=False)}
        plan["trial_ended"] = True
        invoice = self._invoice(site, plan, PAID)
        plan["invoice"] = invoice["id"]
        self.book.put(SITES, site)
        self._emit("PlanConvertedToPaid", site, self._about(plan, at) | self._expiry(plan))
        self._emit_invoice(site, invoice)

    def renew(self, instance: str, at: int) -> None:
        """A period has ended: the next one is charged, or the plan ends when that fails."""
        site = self._having_plan(instance)
        plan = site["plan"]
        if site["declines"]:
            self._emit_invoice(site, self._invoice(site, plan, FAILED))
            self.cancel(instance, when=IMMEDIATELY, reason=FAILED_PAYMENT, at=at)
            return
        plan["ends"] = self._end(plan["started"], plan["cycle"], after=at)
        invoice = self._invoice(site, plan, PAID)
        plan["invoice"] = invoice["id"]
        self.book.put(SITES, site)
        self._emit_invoice(site, invoice)

    def end(self, instance: str) -> None:
        """A cancelled plan has run to its end. Wix sends no event for that."""
        self.book.put(SITES, self._having_plan(instance) | {"plan": None})

    def decline(self, instance: str, *, declines: bool) -> None:
        """Whether the owner's card is declined at the next renewals."""
        self.book.put(SITES, self.find(instance) | {"declines": declines})

    def fail(self, instance: str) -> None:
        """The payment of the next invoice fails, and Wix will try again: the plan goes on."""
        site = self._having_plan(instance)
        self._emit_invoice(site, self._invoice(site, site["plan"], FAILED))

    def set_invoice(self, invoice_id: str, status: str) -> Document:
        """An invoice is paid, refunded, charged back or void; Wix's support may do it in any order."""
        invoice = self.book.get(INVOICES, invoice_id)
        if invoice is None:
            raise WixRejectedError("No such invoice.", status=HTTPStatus.NOT_FOUND, code="NOT_FOUND")
        invoice["status"] = status
        self.book.put(INVOICES, invoice)
        self._emit_invoice(self.find(invoice["instance"]), invoice)
        return invoice

    def _having_app(self, instance: str) -> Document:
        site = self.find(instance)
        if not site["installed"]:
            raise WixRejectedError("The app is not installed on this site.")
        return site

    def _having_plan(self, instance: str) -> Document:
        site = self.find(instance)
        if site["plan"] is None:
            raise WixRejectedError("The site has no paid plan.")
        return site

    def _in_trial(self, plan: Document) -> bool:
        return plan["trial_ends"] is not None and not plan.get("trial_ended", False)

    def _end(self, start: int, cycle: str, *, trial: bool = False, after: int | None = None) -> int | None:
        if trial:
            return start + TRIAL_DAYS * DAY
        if cycle not in MONTHS:
            return None
        periods = 1
        while after is not None and months_after(start, periods * MONTHS[cycle]) <= after:
            periods += 1
        return months_after(start, periods * MONTHS[cycle])

    def _invoice(self, site: Document, plan: Document, status: str) -> Document:
        invoice: Document = {
            "id": str(uuid.uuid4().int)[:10],
            "instance": site["id"],
            "product": plan["product"],
            "cycle": plan["cycle"],
            "price": PLANS[plan["product"]].price(plan["cycle"]),
            "currency": CURRENCY,
            "created": self.moments.now(),
            "ends": plan["ends"],
            "status": status,
        }
        return self.book.put(INVOICES, invoice)

    def _about(self, plan: Document, at: float | None = None) -> Document:
        return {
            "operationTimeStamp": self.moments.of_operation(at),
            "vendorProductId": plan["product"],
            "cycle": plan["cycle"],
        }

    def _expiry(self, plan: Document) -> Document:
        """Only plans of a year and longer say when they expire."""
        return {"expiresOn": text_of(plan["ends"])} if MONTHS.get(plan["cycle"], 0) >= MONTHS["YEARLY"] else {}

    def _installed(self, site: Document) -> None:
        about: dict[str, Any] = {"appId": self._config.app_id}
        if site["origin"]:
            about["originInstanceId"] = site["origin"]
        self._emit("AppInstalled", site, about)

    def _emit_invoice(self, site: Document, invoice: Document) -> None:
        about = {
            "instanceId": site["id"],
            "invoiceId": invoice["id"],
            "recurring": invoice["cycle"] in MONTHS,
            "status": invoice["status"],
        }
        self._emit("InvoiceStatusUpdated", site, about)

    def _emit(self, kind: str, site: Document, about: Document) -> None:
        identity = {"identityType": "WIX_USER", "wixUserId": site["owner_id"]}
        said = {name: value for name, value in about.items() if value is not None}
        self._webhooks.emit(kind, site, said, identity=identity)
