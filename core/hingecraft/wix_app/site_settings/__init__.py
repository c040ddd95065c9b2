"""The settings of a site's owner: for the widget and the news."""
