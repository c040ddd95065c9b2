"""A stand-in for NOWPayments."""
