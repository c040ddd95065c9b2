"""The parts of `make release`: the commit, the records of its tests, and what is built from it."""
