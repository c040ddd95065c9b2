"""Migrates a database, empty or live, to the schema of this version."""
