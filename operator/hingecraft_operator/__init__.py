"""The Kubernetes side of the sync engine."""
