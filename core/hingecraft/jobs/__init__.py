"""Jobs: long work for a caller. Any pod runs it, and another takes over if that pod dies; it reports its progress."""
