"""Answers of Wix's API. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from hingecraft_sandbox.providers.book import Document
from hingecraft_sandbox.wix.moments import text_of
from hingecraft_sandbox.wix.plans import CURRENCY, MONTHS

_APP_NAME = "HingeCraft payments"


def app_instance(site: Document, plans: Sequence[str]) -> Document:
    """`GET /apps/v1/instance`."""
    plan = site["plan"]
    instance: Document = {
        "instanceId": site["id"],
        "appName": _APP_NAME,
        "appVersion": "1.0.0",
        "isFree": plan is None,
        "permissions": ["SCOPE.DC.MANAGE-YOUR-APP"],
        "availablePlans": [{"packageName": each, "source": ""} for each in plans],
        "copiedFromTemplate": False,
        "freeTrialAvailable": plan is None,
    }
    if site["origin"]:
        instance["originInstanceId"] = site["origin"]
    if plan is not None:
        instance["billing"] = _billing(plan)
    return {
        "instance": instance,
        "site": {
            "siteDisplayName": site["name"],
            "locale": "en",
            "paymentCurrency": CURRENCY,
            "multilingual": {"isMultiLingual": False, "supportedLanguages": []},
            "url": site["url"],
            "description": "",
            "installedWixApps": [],
            "ownerInfo": {"email": site["email"], "emailStatus": "VERIFIED_OPT_IN"},
            "siteId": site["site_id"],
        },
    }


def _billing(plan: Document) -> Document:
    billing: Document = {
        "packageName": plan["product"],
        "billingCycle": plan["cycle"],
        "timeStamp": text_of(plan["started"]),
        "autoRenewing": plan["renews"],
        "source": plan["coupon"] or "",
        "freeTrialInfo": _trial(plan),
    }
    if plan["invoice"] is not None:
        billing["invoiceId"] = plan["invoice"]
    if MONTHS.get(plan["cycle"], 0) >= MONTHS["YEARLY"]:
        billing["expirationDate"] = text_of(plan["ends"])
    return billing


def _trial(plan: Document) -> Document:
    if plan["trial_ends"] is None:
        return {"status": "NOT_AVAILABLE"}
    status = "ENDED" if plan.get("trial_ended") else "IN_PROGRESS"
    return {"status": status, "endDate": text_of(plan["trial_ends"])}


def purchase(invoice: Document) -> Document:
    """A purchase in `GET /apps/v1/checkout/history`."""
    return {
        "productId": invoice["product"],
        "price": invoice["price"],
        "currency": invoice["currency"],
        "billingCycle": invoice["cycle"],
        "dateCreated": text_of(invoice["created"]),
    }
