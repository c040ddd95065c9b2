"""Currencies and amounts. Pure, except for the one query in `store`."""
