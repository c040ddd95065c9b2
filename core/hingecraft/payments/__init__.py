"""Payments and the trail that explains them."""
