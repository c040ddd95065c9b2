"""What providers tell us: stored once as it came, worked on until it is done."""
