"""What the owner of a site has set for its widget and its news."""
