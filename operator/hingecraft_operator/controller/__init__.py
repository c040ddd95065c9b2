"""Starts and runs reconciliations: the kopf handlers, the controller and the reconcilers."""
