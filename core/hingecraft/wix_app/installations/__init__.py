"""Wix's list of the sites that have the app, compared with ours."""
