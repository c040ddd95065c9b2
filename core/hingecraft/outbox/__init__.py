"""Webhooks out: one row for each endpoint and event, signed, delivered at least once."""
