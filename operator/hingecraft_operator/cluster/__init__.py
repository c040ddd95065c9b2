"""The Kubernetes API server: its client, and the objects that the operator reads and writes."""
