"""Callers and their identity."""
