"""Sentry's SDK imports gevent where it finds it: Locust brings it into this environment, and the image has none."""

raise ImportError("production has no gevent")
