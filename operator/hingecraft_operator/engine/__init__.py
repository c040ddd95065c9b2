"""The sync engine of `core`, run for one resource."""
