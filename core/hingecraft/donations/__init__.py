"""Donations: where a donor is sent to, what they typed before, standing links, and the public total."""
