"""Standing links: payment links for many payers."""
