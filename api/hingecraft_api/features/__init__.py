"""What each system adds to a pod: one module for each."""
