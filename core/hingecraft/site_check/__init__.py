"""The Wix site, as it is seen from outside."""
