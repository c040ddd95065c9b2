"""Calls of admins."""
