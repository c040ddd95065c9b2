"""Payments and the audit log that explains them."""
