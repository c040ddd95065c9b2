"""Deletes users: their customers at Stripe, and their e-mail addresses and metadata here."""
