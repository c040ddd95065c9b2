"""The calls of the sandbox's Stripe.js with a client secret, and the files that it consists of."""

from __future__ import annotations

import aiohttp
import pytest

from support.sandbox import STRIPE_KEY

AUTH = {"Authorization": f"Bearer {STRIPE_KEY}"}
CARD = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2090, "cvc": "123"}


class Browser:
    """Somebody with a publishable key and the client secret of one intent."""

    def __init__(self, client, intent):
        self.client = client
        self.intent = intent
        self.known = {"key": "pk_test_sandbox", "client_secret": intent["client_secret"]}

    async def post(self, verb="confirm", **body):
        path = f"/stripe.js/payment_intents/{self.intent['id']}/{verb}"
        async with self.client.post(path, json={**self.known, **body}) as response:
            return response.status, await response.json()


@pytest.fixture
async def browser(sandbox):
    made = await sandbox.ask(
        "POST", "/v1/payment_intents", headers=AUTH, data={"amount": "1900", "currency": "usd", "metadata[a]": "b"}
    )
    async with aiohttp.ClientSession(sandbox.address) as client:
        yield Browser(client, made)


async def test_a_client_secret_shows_a_part_of_its_intent(browser):
    path = f"/stripe.js/payment_intents/{browser.intent['id']}"
    async with browser.client.get(path, params=browser.known) as response:
        shown = await response.json()
    assert (shown["id"], shown["amount"], shown["status"]) == (browser.intent["id"], 1900, "requires_payment_method")
    assert not {"metadata", "customer", "latest_charge"} & shown.keys()
    assert all(shown[name] == browser.intent[name] for name in shown)


@pytest.mark.parametrize(
    ("change", "status", "param"),
    [
        ({"client_secret": "pi_1_secret_1"}, 400, "client_secret"), ({"key": "pk_live_1"}, 401, None),
        ({"key": STRIPE_KEY}, 401, None), ({"client_secret": None}, 400, "client_secret"),
        ({"colour": 1}, 400, "colour"),
        ({"card": {**CARD, "number": "4242 4242"}}, 400, "card.number"), ({"card": {}}, 400, "card.number"),
        ({"card": {**CARD, "exp_month": 13}}, 400, "card.exp_month"), ({"card": None}, 400, "card"),
        ({"card": {**CARD, "exp_year": 2020}}, 402, "exp_year"), ({"card": {**CARD, "cvc": "1234"}}, 402, "cvc"),
    ],
)  # fmt: skip
async def test_wrong_calls_are_refused_and_change_nothing(browser, sandbox, change, status, param):
    answered, body = await browser.post(**{"card": CARD, **change})
    assert (answered, body["error"].get("param")) == (status, param)
    assert "4242" not in body["error"]["message"]
    assert (await sandbox.stripe(f"payment_intents/{browser.intent['id']}"))["status"] == "requires_payment_method"


async def test_a_body_that_is_not_json_is_refused(browser):
    path = f"/stripe.js/payment_intents/{browser.intent['id']}/confirm"
    for data in ("{", "[]", ""):
        async with browser.client.post(path, data=data) as response:
            assert response.status == 400, data


async def test_a_decline_says_how_the_intent_is_now(browser):
    status, body = await browser.post(card={**CARD, "number": "4000000000000002"})
    error = body["error"]
    assert (status, error["type"], error["code"]) == (402, "card_error", "card_declined")
    assert error["payment_intent"]["status"] == "requires_payment_method"
    assert "metadata" not in error["payment_intent"]
    assert (await browser.post(card=CARD))[1]["status"] == "succeeded"


async def test_authentication_is_answered_once(browser):
    assert (await browser.post("authenticate", passed=True))[0] == 400
    assert (await browser.post(card={**CARD, "number": "4000002500003155"}))[1]["status"] == "requires_action"
    status, body = await browser.post("authenticate", passed=False)
    assert (status, body["error"]["code"]) == (400, "payment_intent_authentication_failure")
    assert (await browser.post("authenticate", passed=True))[0] == 400


async def test_stripe_can_be_away_for_browsers_too(browser, sandbox):
    await sandbox.fault("status_before", path="/stripe.js/payment_intents", status=503)
    assert (await browser.post(card=CARD))[0] == 503
    assert (await browser.post(card=CARD))[1]["status"] == "succeeded"


async def test_the_files_are_served_and_no_others(browser):
    for name, kind in (("", "text/javascript"), ("/frame.css", "text/css"), ("/payment.html", "text/html")):
        async with browser.client.get(f"/stripe.js{name}") as response:
            assert (response.status, response.content_type) == (200, kind), name
            assert "script-src 'self'" in response.headers["Content-Security-Policy"]
    for name in ("none.js", "..%2Fapi.py", "%2e%2e%2fapi.py", "payment"):
        async with browser.client.get(f"/stripe.js/{name}") as response:
            assert response.status == 404, name
