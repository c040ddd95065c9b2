"""The systems that this release consists of; a new one is added here and nowhere else in core."""

from __future__ import annotations

from hingecraft.donations.purpose import DONATIONS
from hingecraft.payments.purpose import Purposes

PURPOSES = Purposes([], unasked=DONATIONS)
