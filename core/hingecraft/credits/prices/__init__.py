"""Packs and plans: what is sold, at which price of Stripe."""
