"""Which database this is, and which PaymentRoutes resource speaks for it."""
