from __future__ import annotations

import pytest

from support.conformance import FLOWS


@pytest.mark.parametrize("flow", FLOWS)
async def test_the_port_is_kept_to(provider, flow):
    await flow(provider)
