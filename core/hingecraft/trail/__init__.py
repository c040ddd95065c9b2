"""The story of a payment, for people at a terminal."""
