"""What the owner's dashboard shows: figures, payments, routes, and news of changes."""
