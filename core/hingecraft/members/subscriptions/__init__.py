"""Members' subscriptions, copied from Stripe (decision 64)."""
