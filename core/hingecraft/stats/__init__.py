"""Figures about members' payments and Stripe's webhooks, for admins and as metrics."""
