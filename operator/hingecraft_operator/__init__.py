"""The operator: runs the sync engine for each `PaymentRoutes` resource of a Kubernetes cluster."""
