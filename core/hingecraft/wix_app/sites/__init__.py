"""Sites that have the app, or had it."""
