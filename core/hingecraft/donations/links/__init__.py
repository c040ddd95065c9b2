"""The standing links, which many may pay."""
