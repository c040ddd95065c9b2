"""Credits of a site: those of its plan's period, those of its trial, and bought ones."""
