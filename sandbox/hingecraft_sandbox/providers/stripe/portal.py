"""The billing portal: configurations and sessions."""

from __future__ import annotations

from http import HTTPStatus

from hingecraft_sandbox.providers.book import Document, new_id, now
from hingecraft_sandbox.providers.stripe import shapes
from hingecraft_sandbox.providers.stripe.acts import Acts
from hingecraft_sandbox.providers.stripe.forms import StripeRejectedError, checked, required
from hingecraft_sandbox.providers.stripe.plan_changes import PlanChanges
from hingecraft_sandbox.providers.stripe.subscriptions import Subscriptions

CONFIGURATIONS = "portal_configurations"
SESSIONS = "portal_sessions"
_MOST_PRODUCTS = 10


class Portal:
    """Where customers cancel and change their plan themselves."""

    def __init__(self, acts: Acts, address: str, subscriptions: Subscriptions, changes: PlanChanges) -> None:
        self._objects = acts.objects
        self._book = acts.objects.book
        self._address = address
        self._subscriptions = subscriptions
        self._changes = changes

    def configure(self, raw: Document) -> Document:
        """`POST /v1/billing_portal/configurations`."""
        params = checked(raw, shapes.PORTAL_CONFIGURATION)
        required(params, "features")
        self._check_features(params["features"])
        return self._book.put(
            CONFIGURATIONS,
            {
                "id": new_id("bpc_")[:28],
                "object": "billing_portal.configuration",
                "active": True,
                "created": now(),
                "default_return_url": params.get("default_return_url"),
                "features": params["features"],
                "is_default": False,
                "livemode": False,
                "metadata": params.get("metadata", {}),
                "name": params.get("name"),
                "updated": now(),
            },
        )

    def reconfigure(self, configuration_id: str, raw: Document) -> Document:
        """`POST /v1/billing_portal/configurations/{id}`."""
        params = checked(raw, shapes.PORTAL_CONFIGURATION_UPDATE)
        found = self._objects.find(CONFIGURATIONS, configuration_id)
        features = found["features"] | params.get("features", {})
        self._check_features(features)
        metadata = found["metadata"] | params.get("metadata", {})
        changed = {"features": features, "metadata": metadata, "updated": now()}
        return self._book.put(CONFIGURATIONS, found | changed | {"active": params.get("active", found["active"])})

    def _check_features(self, features: Document) -> None:
        update = features.get("subscription_update", {})
        if not update.get("enabled"):
            return
        products = update.get("products", [])
        if not 0 < len(products) <= _MOST_PRODUCTS:
            raise StripeRejectedError(
                f"Give 1 to {_MOST_PRODUCTS} products.", param="features[subscription_update][products]"
            )
        for product in products:
            self._check_product(product)

    def _check_product(self, product: Document) -> None:
        prices = [self._objects.find("prices", price) for price in product["prices"]]
        intervals = [(each["recurring"]["interval"], each["recurring"].get("interval_count", 1)) for each in prices]
        if any(each["product"] != product["product"] for each in prices):
            raise StripeRejectedError("A price belongs to another product.", param="features[subscription_update]")
        if len(set(intervals)) < len(intervals):
            raise StripeRejectedError("Prices of one product must have different billing intervals.")

    def open(self, raw: Document) -> Document:
        """`POST /v1/billing_portal/sessions`."""
        params = checked(raw, shapes.PORTAL_SESSION)
        required(params, "customer")
        self._require("customers", params["customer"], "customer")
        if "configuration" not in params:
            raise StripeRejectedError(
                "No configuration provided and your test mode default configuration has not been created."
            )
        configuration = self._require(CONFIGURATIONS, params["configuration"], "configuration")
        if not configuration["active"]:
            raise StripeRejectedError("The configuration is not active.", param="configuration")
        session_id = new_id("bps_")[:28]
        return self._book.put(
            SESSIONS,
            {
                "id": session_id,
                "object": "billing_portal.session",
                "configuration": configuration["id"],
                "created": now(),
                "customer": params["customer"],
                "flow": None,
                "livemode": False,
                "locale": None,
                "return_url": params.get("return_url") or configuration["default_return_url"],
                "url": f"{self._address}/pay/stripe/portal/{session_id}",
            },
        )

    def _require(self, kind: str, key: str, param: str) -> Document:
        """An object that a parameter names: Stripe answers 400 if there is none, not 404."""
        found = self._book.get(kind, key)
        if found is None or found.get("deleted"):
            raise StripeRejectedError(
                f"No such {param}: '{key}'", status=HTTPStatus.BAD_REQUEST, code="resource_missing", param=param
            )
        return found

    def features(self, session: Document) -> Document:
        """The features that the session's customer has."""
        features: Document = self._objects.find(CONFIGURATIONS, session["configuration"])["features"]
        return features

    def offers(self, session: Document) -> list[Document]:
        """The prices that the customer may change to."""
        update = self.features(session).get("subscription_update", {})
        products = update.get("products", []) if update.get("enabled") else []
        return [self._objects.find("prices", price) for product in products for price in product["prices"]]

    def switch(self, session: Document, subscription_id: str, price_id: str) -> None:
        """The customer chooses another plan."""
        if price_id not in {each["id"] for each in self.offers(session)}:
            raise StripeRejectedError("This plan is not offered here.")
        subscription = self._own(session, subscription_id)
        if self._waits(session, subscription, self._objects.find("prices", price_id)):
            subscription["sandbox"]["next_price"] = price_id
            self._subscriptions.update(subscription)
            return
        behavior = self.features(session)["subscription_update"].get("proration_behavior", "none")
        item = subscription["items"]["data"][0]["id"]
        change = {"items": [{"id": item, "price": price_id}], "proration_behavior": behavior}
        self._changes.change(subscription_id, change)

    def _waits(self, session: Document, subscription: Document, price: Document) -> bool:
        """Whether the change takes effect at the end of the period."""
        scheduled = self.features(session)["subscription_update"].get("schedule_at_period_end", {})
        present: Document = subscription["items"]["data"][0]["price"]
        found = set()
        if price["unit_amount"] < present["unit_amount"]:
            found.add("decreasing_item_amount")
        if present["recurring"]["interval"] == "year" and price["recurring"]["interval"] == "month":
            found.add("shortening_interval")
        return any(each["type"] in found for each in scheduled.get("conditions", []))

    def cancel(self, session: Document, subscription_id: str, *, cancel: bool) -> None:
        """In the flexible billing mode only `cancel_at` says that the customer has cancelled."""
        cancels = self.features(session).get("subscription_cancel", {})
        if not cancels.get("enabled"):
            raise StripeRejectedError("Cancelling is not offered here.")
        subscription = self._own(session, subscription_id)
        if cancel and cancels.get("mode") == "immediately":
            self._subscriptions.cancel(subscription_id, {})
            return
        end = max(item["current_period_end"] for item in subscription["items"]["data"])
        subscription |= {"cancel_at": end if cancel else None, "canceled_at": now() if cancel else None}
        self._subscriptions.update(subscription | {"cancel_at_period_end": False})

    def _own(self, session: Document, subscription_id: str) -> Document:
        subscription = self._subscriptions.alive(subscription_id)
        if subscription["customer"] != session["customer"]:
            raise StripeRejectedError("This subscription belongs to another customer.")
        return subscription
