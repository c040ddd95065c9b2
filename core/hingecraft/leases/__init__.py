"""Leases: work that one process has until a time, and when it is tried again."""
