"""httpx imports rich for its command line where it finds it: test tools bring it here, and the image has none."""

raise ImportError("production has no rich")
