"""The pods: they answer from memory, hold no state, and may be killed at any time."""
