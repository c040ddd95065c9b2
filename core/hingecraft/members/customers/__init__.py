"""One customer of Stripe for each user and mode (decision 61)."""
