"""Wix's API for apps, called as our app on one site."""
