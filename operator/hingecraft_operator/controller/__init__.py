"""What starts a reconciliation, and what it does: the kopf handlers, the controller and the reconcilers."""
