"""A payment's history, for people at a terminal."""
