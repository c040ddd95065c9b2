"""Verifies calls from the app's dashboard: the site, and that its owner has opened it."""
