"""What a laptop needs to run the product: an embedded Postgres and `hingecraft dev`. Not in the image."""
