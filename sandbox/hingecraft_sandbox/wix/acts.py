"""The acts of a site's owner, by the names of the buttons that do them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hingecraft_sandbox.wix.sites import AT_PERIOD_END, IMMEDIATELY, Sites, WixRejectedError

Fields = Mapping[str, str]
# Wix's packages do not list VOIDED; an app on the market has received it.
_INVOICE = {
    "void": "VOIDED",
    "pay": "PAID",
    "refund": "REFUNDED",
    "charge-back": "CHARGEDBACK",
}


def _buy(sites: Sites, instance: str, fields: Fields) -> None:
    sites.buy(
        instance,
        fields.get("product", "starter"),
        fields.get("cycle", "MONTHLY"),
        coupon=fields.get("coupon") or None,
        trial=fields.get("trial") in {"on", "True"},
    )


_ACTS: Mapping[str, Callable[[Sites, str, Fields], object]] = {
    "buy": _buy,
    "cancel": lambda sites, instance, _fields: sites.cancel(instance, when=AT_PERIOD_END),
    "cancel-now": lambda sites, instance, _fields: sites.cancel(instance, when=IMMEDIATELY),
    "reactivate": lambda sites, instance, _fields: sites.reactivate(instance),
    "convert": lambda sites, instance, _fields: sites.convert(instance),
    "transfer": lambda sites, instance, fields: sites.transfer(instance, fields.get("to", "")),
    "fail": lambda sites, instance, _fields: sites.fail(instance),
    "decline": lambda sites, instance, _fields: sites.decline(instance, declines=True),
    "accept": lambda sites, instance, _fields: sites.decline(instance, declines=False),
    "remove": lambda sites, instance, _fields: sites.remove(instance),
    "reinstall": lambda sites, instance, _fields: sites.reinstall(instance),
}


def act(sites: Sites, instance: str, name: str, fields: Fields) -> str:
    """Do it, and return the instance to show next: the copy's, when a site was duplicated."""
    if name == "duplicate":
        return str(sites.duplicate(instance)["id"])
    if name in _INVOICE:
        invoices = sites.invoices_of(instance)
        wanted = fields.get("invoice") or (invoices[0]["id"] if invoices else "")
        sites.set_invoice(wanted, _INVOICE[name])
    elif name in _ACTS:
        _ACTS[name](sites, instance, fields)
    else:
        raise WixRejectedError(f"The act {name!r} is not known.")
    return instance
