"""Downloads of designs: files in a folder or an S3 bucket, counted once for each URL (docs/decisions/0067)."""
