"""The version of the routes that a pod serves."""
