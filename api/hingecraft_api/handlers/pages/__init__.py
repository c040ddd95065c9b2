"""Pages for people: HTML, what it shows, and the documents of the API."""
