"""Signed events of Wix about sites, which go through the inbox."""
