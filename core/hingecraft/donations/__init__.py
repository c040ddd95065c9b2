"""Donations: checkouts, prefills, standing links, and the public total."""
