"""Brings a database, empty or live, to the shape that this version of the code believes in."""
