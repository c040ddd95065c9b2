"""Stripe: its API, what its events and objects say, and its webhooks."""

NAME = "stripe"
DOMAIN = "stripe.com"
