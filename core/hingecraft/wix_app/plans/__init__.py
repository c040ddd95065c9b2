"""The plan of a site: it follows from everything that Wix has told, in the order in which it happened."""
