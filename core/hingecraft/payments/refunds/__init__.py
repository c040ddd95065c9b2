"""Refunds that a person asks for: sent to Stripe once, and booked by its events."""
