"""NOWPayments: its API, what its payments say, and its IPNs."""

NAME = "nowpayments"
