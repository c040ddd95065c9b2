"""NOWPayments: its API, its payments as findings, and its IPNs."""

NAME = "nowpayments"
