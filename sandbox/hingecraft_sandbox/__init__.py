"""Runs the product on a laptop: an embedded Postgres, the providers' sandbox, `hingecraft dev`. Not in the image."""
