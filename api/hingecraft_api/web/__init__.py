"""HTTP: the server, what every request goes through, and how an endpoint is declared."""
