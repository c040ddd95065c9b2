"""Exports and erases everything that is stored about one person, for `hingecraft privacy`."""
