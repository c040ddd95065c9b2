"""Members at Stripe: what credits and purchases share."""
