"""The custom resource `PaymentRoutes`: its spec, its status, and the CustomResourceDefinition written from both."""
