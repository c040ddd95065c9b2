"""What is stored about one person: `hingecraft privacy` exports and erases it."""
