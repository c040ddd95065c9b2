"""The features of a pod, one module for each system."""
