"""A Kubernetes of one node, from upstream's own programs, in namespaces and a folder of its own."""
