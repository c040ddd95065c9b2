"""`make dashboard`: build the owner's dashboard at Wix, and what the widget's panel loads in Wix's editor."""

from __future__ import annotations

from toolchain import dashboard

if __name__ == "__main__":
    dashboard.put_in_place()
