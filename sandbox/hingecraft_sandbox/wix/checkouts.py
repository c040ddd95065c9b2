"""Wix's checkout: a link that lives for 48 hours, and the page behind it."""

from __future__ import annotations

from html import escape
from http import HTTPStatus

from aiohttp import web

from hingecraft_sandbox.providers.book import Book, Document, new_id
from hingecraft_sandbox.providers.pages import Button, buttons, facts, page
from hingecraft_sandbox.wix import PREFIX
from hingecraft_sandbox.wix.plans import CURRENCY, CYCLES, PLANS
from hingecraft_sandbox.wix.sites import Sites, WixRejectedError

KIND = "wix_checkouts"
_LIFE = 48 * 3600
_KNOWN = frozenset(
    {"productId", "billingCycle", "successUrl", "testCheckout", "countryCode", "languageCode", "couponCode"}
)


class Checkouts:
    """Links to pay for one plan on one site."""

    def __init__(self, sites: Sites, address: str) -> None:
        self._sites = sites
        self._address = address

    @property
    def _book(self) -> Book:
        return self._sites.book

    def add_to(self, app: web.Application) -> None:
        """The routes of the page."""
        app.router.add_get(PREFIX + "/checkout/{id}", self.show)
        app.router.add_post(PREFIX + "/checkout/{id}/pay", self.pay)

    def open(self, site: Document, asked: Document) -> Document:
        """`POST /apps/v1/checkout`."""
        unknown = sorted(asked.keys() - _KNOWN)
        product, cycle = asked.get("productId"), asked.get("billingCycle", CYCLES[0])
        if unknown or product not in PLANS or cycle not in CYCLES:
            raise WixRejectedError(
                f"The app has no plan {product!r} with the cycle {cycle!r}, or {unknown} is unknown."
            )
        checkout: Document = {
            "id": new_id("")[:32],
            "instance": site["id"],
            "product": product,
            "cycle": cycle,
            "back": asked.get("successUrl"),
            "coupon": asked.get("couponCode"),
            "test": bool(asked.get("testCheckout")),
            "expires": self._sites.moments.now() + _LIFE,
            "paid": False,
        }
        self._book.put(KIND, checkout)
        return {"checkoutUrl": f"{self._address}{PREFIX}/checkout/{checkout['id']}", "token": checkout["id"]}

    def _open(self, request: web.Request) -> Document:
        found = self._book.get(KIND, request.match_info["id"])
        if found is None:
            raise web.HTTPNotFound(text="This checkout does not exist.")
        return found

    async def show(self, request: web.Request) -> web.Response:
        """The plan that is bought, and the button that pays for it."""
        checkout = self._open(request)
        if checkout["paid"]:
            return page("Wix checkout", "<p>This checkout is paid.</p>")
        if checkout["expires"] <= self._sites.moments.now():
            return page("Wix checkout", "<p>This link has expired. Go back and choose the plan again.</p>", status=410)
        site, plan = self._sites.find(checkout["instance"]), PLANS[checkout["product"]]
        rows = facts([("Plan", plan.name), ("Paid", checkout["cycle"].lower()), ("For the site", site["name"])])
        amount = f'<p class="amount">{escape(plan.price(checkout["cycle"]))} {CURRENCY}</p>'
        pay = Button("Pay and start the plan", f"{PREFIX}/checkout/{checkout['id']}/pay", "go")
        return page("Wix checkout", amount + rows + buttons([pay]))

    async def pay(self, request: web.Request) -> web.Response:
        """Charge the owner's card, and lead back to the app."""
        checkout = self._open(request)
        if checkout["paid"] or checkout["expires"] <= self._sites.moments.now():
            return page("Wix checkout", "<p>This link can no longer be paid.</p>", status=HTTPStatus.CONFLICT)
        try:
            self._sites.buy(checkout["instance"], checkout["product"], checkout["cycle"], coupon=checkout["coupon"])
        except WixRejectedError as error:
            return page("That is not possible", f"<p>{escape(str(error))}</p>", status=HTTPStatus.CONFLICT)
        self._book.put(KIND, checkout | {"paid": True})
        raise web.HTTPSeeOther(checkout["back"] or f"{PREFIX}/sites/{checkout['instance']}")
