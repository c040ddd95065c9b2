"""Idempotency keys: a repeated request gets the same answer, and has one effect."""
