"""Postgres: connections, transactions, and constraint names turned into domain errors."""
