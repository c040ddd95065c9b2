"""The CronJob that runs `hingecraft reconcile` for a resource."""
