"""Stands for the Wix site's pages: just enough to give, and to come back from a provider. Velo replaces them."""

from __future__ import annotations

from html import escape

from aiohttp import web

from hingecraft_sandbox.providers.pages import facts, page

_SCRIPT = """
<script>
const api = %(api)r;
const said = document.getElementById("said");
async function ask(path, body) {
  said.textContent = "One moment.";
  const key = crypto.randomUUID();
  const answer = await fetch(api + path, {method: "POST", body: JSON.stringify(body),
    headers: {"Content-Type": "application/json", "Idempotency-Key": key}}).then(r => r.json())
    .catch(() => ({success: false, error: "The backend cannot be reached: is make dev running?"}));
  if (!answer.success) { said.textContent = answer.error; return; }
  const data = answer.data;
  if (data.wallet) { said.innerHTML = ""; const img = new Image(); img.src = data.wallet.qr; img.alt = data.wallet.uri;
    said.append(img, document.createElement("br"), data.wallet.address); return; }
  location.href = data.url || data.redirectUrl;
}
for (const form of document.forms) form.addEventListener("submit", event => {
  event.preventDefault();
  const fields = Object.fromEntries(new FormData(form));
  ask(form.dataset.path, {...fields, ...(form.dataset.number ? {amount: Number(fields.amount)} : {})});
});
</script>
"""
_MICRO = (
    '<form data-path="/mission-support/micro-payment" data-number="1"><input type="hidden" name="amount" value="%d">'
    '<button class="go">Give %d USD</button></form>'
)
_OTHER = (
    '<form data-path="/mission-support/other"><label>Another amount in USD <input name="amount" inputmode="decimal" '
    "required></label> <button>Go on</button></form>"
)
_CHARTER = (
    '<form data-path="/charter/generate-payment"><label>Amount <input name="amount" inputmode="decimal" required '
    'value="%s"></label> <label>Currency <input name="currency" required value="USD" size="6"></label> '
    '<button class="go">Give</button></form>'
)


def _came_back(request: web.Request) -> str:
    known = [(name, request.query[name]) for name in ("status", "payment", "session_id") if name in request.query]
    return facts(known) if known else ""


def _shown(title: str, body: str, api: str) -> web.Response:
    return page(title, f'{body}<p id="said" role="status"></p>{_SCRIPT % {"api": api}}')


def add_pages(app: web.Application, api: str) -> None:
    """Mission Support and Charter."""

    async def mission_support(request: web.Request) -> web.Response:
        gives = "".join(_MICRO % (amount, amount) for amount in (1, 2, 5))
        return _shown("Mission Support", _came_back(request) + gives + _OTHER, api)

    async def charter(request: web.Request) -> web.Response:
        amount = escape(request.query.get("donationAmount", "20"))
        return _shown("Charter", _came_back(request) + _CHARTER % amount, api)

    app.router.add_get("/mission-support", mission_support)
    app.router.add_get("/charter", charter)
