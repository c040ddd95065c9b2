"""Asks the providers about payments whose webhooks were lost, and finishes interrupted checkouts."""
