"""`make release`: what a release is made of, and what is known of the commit that it is made from."""
