"""Logs, metrics and error reports; each process builds its own and passes them on."""
