"""Identifies callers and limits their calls."""
