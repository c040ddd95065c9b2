"""A stand-in for NOWPayments."""

# Where its API begins, below the sandbox's address.
PREFIX = "/nowpayments/v1"
