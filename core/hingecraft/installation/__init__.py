"""The identity of this database, and the PaymentRoutes resource that manages it."""
