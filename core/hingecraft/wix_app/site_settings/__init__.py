"""The settings of a site's owner for its widget and its news."""
