"""Leases: a row that one process works on until a given time, and the pauses between attempts."""
