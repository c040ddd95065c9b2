"""Calls of members: credits, purchases, downloads and subscriptions."""
