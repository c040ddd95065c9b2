"""The Wix app: its owner's dashboard, its plans, and webhooks of Wix."""
