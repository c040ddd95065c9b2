"""Designs, courses and subscriptions that members buy, and the access that follows (decision 66)."""
