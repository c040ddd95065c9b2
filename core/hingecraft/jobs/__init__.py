"""Jobs: long work that a caller asks for, that any pod does and another takes over, with progress and a file."""
