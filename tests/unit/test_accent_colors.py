"""An owner may choose any colour: what follows from it can be read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hingecraft.wix_app.site_settings.colors import LEAST_CONTRAST, contrast, dark, light


@given(st.integers(0, 0xFFFFFF))
def test_text_in_and_on_the_accent_can_be_read(color):
    accent = f"#{color:06x}"
    pale, night = light(accent), dark(accent)
    for paper in ("#ffffff", "#f6f4ef"):
        assert contrast(pale.accent, paper) >= LEAST_CONTRAST
    for paper in ("#1b2220", "#121716"):
        assert contrast(night.accent, paper) >= LEAST_CONTRAST
    assert contrast(pale.accent_ink, pale.accent) >= LEAST_CONTRAST
    assert contrast(night.accent_ink, night.accent) >= LEAST_CONTRAST
    assert contrast("#1d2624", pale.accent_soft) >= LEAST_CONTRAST
    assert contrast("#eaf0ee", night.accent_soft) >= LEAST_CONTRAST


@pytest.mark.parametrize("accent", ["#14594c", "#0b3d91"])
def test_a_colour_that_can_be_read_is_left_as_it_is(accent):
    assert light(accent).accent == accent
