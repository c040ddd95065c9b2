"""Stripe: its API, its events and objects as findings, and its webhooks."""

NAME = "stripe"
DOMAIN = "stripe.com"
