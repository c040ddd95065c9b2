"""What Wix tells about sites: signed events, which go through the inbox."""
