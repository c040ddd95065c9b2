"""Every provider behind the port, at the sandbox."""

from __future__ import annotations

import pytest

from hingecraft.providers.nowpayments.client import NowPaymentsProvider
from hingecraft.providers.patience import Deadline
from hingecraft.providers.port import ProviderRejectedError, ProviderUnknownError
from hingecraft.providers.stripe.client import StripeProvider
from support.conformance import FLOWS, order_for
from support.pods import settings_of


@pytest.fixture(params=[StripeProvider, NowPaymentsProvider])
async def provider(request, dsn, sandbox):
    made = request.param(settings_of(dsn, **sandbox.settings))
    yield made
    await made.close()


async def ask(provider):
    order = order_for(provider)
    return await provider.open(provider.request_for(order), order.key, Deadline.within(4))


@pytest.mark.parametrize("flow", FLOWS)
async def test_the_port_is_kept_to(provider, flow):
    await flow(provider)


@pytest.mark.parametrize(
    ("act", "how", "ends"),
    [
        ("status_before", {"status": 403}, ProviderRejectedError),
        ("status_before", {"status": 404}, ProviderRejectedError),
        ("status_before", {"status": 429}, ProviderRejectedError),
        ("bad_url", {}, ProviderRejectedError),
        ("status_before", {"status": 500}, ProviderUnknownError),
        ("garbage", {}, ProviderUnknownError),
        ("half_body", {}, ProviderUnknownError),
        ("redirect", {}, ProviderUnknownError),
        ("timeout_before", {}, ProviderUnknownError),
        ("timeout_after", {}, ProviderUnknownError),
    ],
)
async def test_each_bad_end_is_told_apart(provider, sandbox, act, how, ends):
    await sandbox.fault(act, method="POST", times=9, **how)
    with pytest.raises(ends):
        await ask(provider)


async def test_without_keys_it_is_off(dsn):
    for kind in (StripeProvider, NowPaymentsProvider):
        assert not kind(settings_of(dsn)).configured


async def test_a_refused_link_keeps_its_id(provider, sandbox):
    await sandbox.fault("bad_url")
    with pytest.raises(ProviderRejectedError) as refused:
        await ask(provider)
    assert refused.value.code == "bad_url"
    assert refused.value.provider_id
