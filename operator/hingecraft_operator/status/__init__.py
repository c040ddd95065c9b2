"""The status of a resource: what was observed, the conditions, and the writer."""
