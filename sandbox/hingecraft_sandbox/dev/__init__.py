"""`hingecraft dev`: the whole product on a laptop, without a cluster."""
