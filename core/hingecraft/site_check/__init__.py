"""Checks a published Wix site from outside."""
