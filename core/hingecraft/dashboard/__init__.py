"""The owner's dashboard: figures, payments, routes, and news of changes."""
