"""Asks the providers what nobody told us, and finishes what a crash has left."""
